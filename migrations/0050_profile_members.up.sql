-- A write must know from the profile, which it reads anyway, that it contains facts of other customers. A new nullable column rewrites nothing.
DO $$
BEGIN
    ALTER TABLE profiles ADD COLUMN members text[];
    COMMENT ON COLUMN profiles.members IS 'Ids of all customers, sorted, whose facts the profile contains besides its own, because they were merged into it; null: none';
END
$$;
