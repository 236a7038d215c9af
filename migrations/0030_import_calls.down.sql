DROP TABLE import_calls;
