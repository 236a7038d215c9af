DROP TABLE log_trims;
