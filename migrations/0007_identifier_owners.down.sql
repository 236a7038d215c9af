DROP TABLE identifier_owners;
