-- Of an erased customer the id and the last version stay: without them, the next copy of the same file would bring the customer back.
DO $$
BEGIN
    ALTER TABLE former_customers ADD COLUMN erased_at timestamptz;
    COMMENT ON COLUMN former_customers.erased_at IS
        'When the customer was erased, for those of whom nothing is to be recorded again; null: facts may bring the customer back';
END
$$;
