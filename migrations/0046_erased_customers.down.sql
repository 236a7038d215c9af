ALTER TABLE former_customers DROP COLUMN erased_at;
