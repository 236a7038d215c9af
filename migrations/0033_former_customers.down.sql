DROP TABLE former_customers;
