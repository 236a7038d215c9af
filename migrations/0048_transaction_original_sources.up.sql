-- As transactions_original, for the few that name a transaction of another source.
CREATE INDEX transactions_original_source ON transactions (customer_id, original_source, original_id) WHERE original_source IS NOT NULL;
