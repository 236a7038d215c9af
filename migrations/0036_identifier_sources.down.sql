ALTER TABLE identifiers DROP COLUMN source;
