-- A source's total of refunds is a fact of its own, and what was paid back follows from all facts: taking one back, moving or merging is exact.
-- Earlier programs recorded a plain refund of what was missing of a total.
DO $$
BEGIN
    ALTER TABLE transactions DROP CONSTRAINT transactions_kind_check;
    ALTER TABLE transactions ADD CONSTRAINT transactions_kind_check CHECK (kind BETWEEN 1 AND 4) NOT VALID;
    COMMENT ON COLUMN transactions.kind IS '1 purchase, 2 refund, 3 reversal, 4 total of refunds';
END
$$;
