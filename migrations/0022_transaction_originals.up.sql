-- Refunds and reversals are found by what they take back. Other transactions are not in the index and cost nothing.
CREATE INDEX transactions_original ON transactions (customer_id, source, original_id) WHERE original_id IS NOT NULL;
