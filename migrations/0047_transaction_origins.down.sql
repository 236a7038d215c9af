DO $$
BEGIN
    COMMENT ON COLUMN transactions.original_id IS 'For a refund or reversal, the transaction of the same source that it takes back; null: none named';
    ALTER TABLE transactions DROP COLUMN stated_customer_id;
    ALTER TABLE transactions DROP COLUMN original_source;
END
$$;
