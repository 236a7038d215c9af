-- Each total becomes a refund of what it adds to the single refunds and the smaller totals of its transaction.
DO $$
BEGIN
    WITH named AS (
        SELECT customer_id, source, transaction_id, kind, amount_minor, currency, original_id,
               coalesce(original_source, source) AS of_source
        FROM transactions
        WHERE kind IN (2, 4) AND original_id IS NOT NULL
    ), added AS (
        SELECT customer_id, source, transaction_id, amount_minor,
               greatest(
                 coalesce(sum(amount_minor) FILTER (WHERE kind = 2)
                          OVER (PARTITION BY customer_id, of_source, original_id, currency), 0),
                 coalesce(max(amount_minor) FILTER (WHERE kind = 4)
                          OVER (PARTITION BY customer_id, of_source, original_id, currency
                                ORDER BY amount_minor, source, transaction_id
                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)) AS known
        FROM named
    )
    UPDATE transactions AS t
    SET kind = 2, amount_minor = greatest(added.amount_minor - added.known, 0)
    FROM added
    WHERE t.kind = 4 AND t.customer_id = added.customer_id AND t.source = added.source AND t.transaction_id = added.transaction_id;
    ALTER TABLE transactions DROP CONSTRAINT transactions_kind_check;
    ALTER TABLE transactions ADD CONSTRAINT transactions_kind_check CHECK (kind BETWEEN 1 AND 3) NOT VALID;
    COMMENT ON COLUMN transactions.kind IS '1 purchase, 2 refund, 3 reversal';
END
$$;
