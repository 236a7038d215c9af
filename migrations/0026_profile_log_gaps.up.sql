-- What tells regular buyers from others is how long each of their gaps was, which only the packed part has: their logarithms are summed here, so
-- that a fit need not read every customer.
DO $$
BEGIN
    ALTER TABLE profiles ADD COLUMN log_gap_billionths bigint;
    COMMENT ON COLUMN profiles.log_gap_billionths IS 'Sum of the natural logarithms of the days between successive purchase days, in billionths; null: not summed yet';
END
$$;
