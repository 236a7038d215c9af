DROP TABLE fact_moves;
