DROP TABLE rate_repeats;
