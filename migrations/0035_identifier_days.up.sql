-- An older message about an identifier must not win over a newer one, so a fact carries the day on which its source saw it.
DO $$
BEGIN
    ALTER TABLE identifiers ADD COLUMN observed_on integer;
    COMMENT ON COLUMN identifiers.observed_on IS 'Day of the observation in the deployment''s time zone, days since 1970-01-01; null: recorded before there were such days, the day of recorded_at counts';
END
$$;
