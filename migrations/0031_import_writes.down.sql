DROP TABLE import_writes;
