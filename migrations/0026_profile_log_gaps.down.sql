ALTER TABLE profiles DROP COLUMN log_gap_billionths;
