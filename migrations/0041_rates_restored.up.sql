-- A rate that an undoing restores is another row of its pair and day. It names the rate that it restores, so that what holds after several
-- undoings depends on none of these rows.
DO $$
BEGIN
    ALTER TABLE exchange_rates ADD COLUMN restores bigint;
    COMMENT ON COLUMN exchange_rates.restores IS 'Number of the rate that an undoing restored with this row, 0: there is none; null: the row was stated';
    CREATE INDEX import_calls_rates ON import_calls (first_rate) WHERE first_rate IS NOT NULL;
    UPDATE exchange_rates SET restores = 0 WHERE rate IS NULL;
END
$$;
