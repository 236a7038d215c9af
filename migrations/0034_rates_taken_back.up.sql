-- A rate that is taken back is another row of its pair and day, without a rate: the number goes on, and with it the basis of answers.
DO $$
BEGIN
    ALTER TABLE exchange_rates ALTER COLUMN rate DROP NOT NULL;
    COMMENT ON COLUMN exchange_rates.rate IS
        'Units of to_currency for one unit of from_currency, exact, at most 15 significant digits and 15 decimals; null: taken back, there is none';
END
$$;
