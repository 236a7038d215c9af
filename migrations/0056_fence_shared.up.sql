-- Servers that share a database write as one owner: the first of them makes it up, later ones take it over. A server that wants the database alone
-- writes another owner, as it always did, and with that the writes of all who share fail.
DO $$
BEGIN
    ALTER TABLE fence_epoch ADD COLUMN shared_owner uuid;
    COMMENT ON COLUMN fence_epoch.shared_owner IS 'The last owner that any number of servers had in common; where it is the owner, further ones may join';
END
$$;
