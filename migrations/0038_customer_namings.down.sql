DROP TABLE customer_namings;
