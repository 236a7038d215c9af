DROP TABLE identifier_changes;
