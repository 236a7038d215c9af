DO $$
BEGIN
    DELETE FROM exchange_rates AS r
    USING exchange_rates AS taken
    WHERE taken.rate IS NULL AND r.number <= taken.number
      AND r.from_currency = taken.from_currency AND r.to_currency = taken.to_currency AND r.day = taken.day;
    ALTER TABLE exchange_rates ALTER COLUMN rate SET NOT NULL;
END
$$;
