ALTER TABLE identifiers DROP COLUMN of_all_sources;
