ALTER TABLE identifiers DROP COLUMN observed_on;
