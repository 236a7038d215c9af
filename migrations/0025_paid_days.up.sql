-- Fits of spend take single orders: their number, sum and sum of logarithms, which the database adds up by these columns.
DO $$
BEGIN
    ALTER TABLE profiles
        ADD COLUMN paid_day_count    integer,
        ADD COLUMN paid_amount_minor bigint,
        ADD COLUMN paid_log_sum_nano bigint;
    COMMENT ON COLUMN profiles.paid_day_count IS 'Number of purchase days with a positive net amount; null: several currencies, no purchase, or not known yet, then packed has the days';
    COMMENT ON COLUMN profiles.paid_amount_minor IS 'Net amount of all purchase days, in minor units of currency; null as paid_day_count';
    COMMENT ON COLUMN profiles.paid_log_sum_nano IS 'Sum of the natural logarithms of the positive net amounts of purchase days, in minor units; in billionths; null as paid_day_count';

    -- Customers without refunds: their purchases are all there is. The next write fills the others; until then a fit reads them one by one.
    WITH days AS (
        SELECT customer_id, day, sum(amount_minor) AS amount_minor
        FROM transactions
        GROUP BY customer_id, day
    ), sums AS (
        SELECT customer_id,
               count(*) FILTER (WHERE amount_minor > 0)                                            AS paid_day_count,
               sum(amount_minor)                                                                   AS paid_amount_minor,
               coalesce(sum(round(ln(nullif(amount_minor, 0)::double precision) * 1000000000)), 0) AS paid_log_sum_nano
        FROM days
        GROUP BY customer_id
    )
    UPDATE profiles AS p
    SET paid_day_count    = s.paid_day_count,
        paid_amount_minor = s.paid_amount_minor,
        paid_log_sum_nano = s.paid_log_sum_nano
    FROM sums AS s
    WHERE p.customer_id = s.customer_id
      AND p.currency IS NOT NULL
      AND NOT EXISTS (SELECT FROM transactions AS t WHERE t.customer_id = p.customer_id AND t.kind <> 1);
END
$$;
