DROP TABLE fact_keys;
