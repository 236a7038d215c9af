DROP TABLE import_repeats;
