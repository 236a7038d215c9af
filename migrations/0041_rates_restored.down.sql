DO $$
BEGIN
    DROP INDEX import_calls_rates;
    ALTER TABLE exchange_rates DROP COLUMN restores;
END
$$;
