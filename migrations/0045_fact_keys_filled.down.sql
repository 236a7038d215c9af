DELETE FROM fact_keys;
