ALTER TABLE profiles
    DROP COLUMN paid_day_count,
    DROP COLUMN paid_amount_minor,
    DROP COLUMN paid_log_sum_nano;
