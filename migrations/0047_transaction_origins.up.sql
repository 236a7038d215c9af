-- A refund may name a transaction of another source, or of another customer, to whom it is recorded.
DO $$
BEGIN
    ALTER TABLE transactions ADD COLUMN original_source text;
    COMMENT ON COLUMN transactions.original_source IS 'Source of the transaction that it takes back; null: its own source, or none named';
    ALTER TABLE transactions ADD COLUMN stated_customer_id text;
    COMMENT ON COLUMN transactions.stated_customer_id IS 'The customer whom the source stated, where the transaction that it takes back is another customer''s; null: customer_id';
    COMMENT ON COLUMN transactions.original_id IS 'For a refund or reversal, the transaction that it takes back; null: none named';
END
$$;
