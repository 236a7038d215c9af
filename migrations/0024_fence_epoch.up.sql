-- The fence is a lock of a session, and sessions break. A server whose session broke may not know yet that another one has the fence: so whoever
-- takes the fence writes its own id here, under the exclusive lock (9, 2), and every transaction that writes compares it under the shared one. An
-- id and not a number: a database that went back, as after a failover, would give the same number twice.
CREATE TABLE fence_epoch (
    singleton boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    owner     uuid    NOT NULL,
    epoch     bigint  NOT NULL
);
COMMENT ON TABLE fence_epoch IS 'At most one row: the server that may write; none: no server took the fence since this table exists';
COMMENT ON COLUMN fence_epoch.singleton IS 'Always true: there is one row';
COMMENT ON COLUMN fence_epoch.owner IS 'Random id of the server that may write';
COMMENT ON COLUMN fence_epoch.epoch IS 'How many servers took the fence up to this one: for people';

-- A statement of READ COMMITTED sees what was committed before it began, not before its lock was granted. Each statement in a VOLATILE function
-- has a snapshot of its own, so the second one sees what the wait of the first one was for: one round trip does for both.
CREATE FUNCTION fence_owner() RETURNS uuid
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    found_owner uuid;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(9, 2);
    SELECT owner INTO found_owner FROM fence_epoch WHERE singleton;
    RETURN found_owner;
END
$$;
COMMENT ON FUNCTION fence_owner() IS 'The server that may write, which stays so until the end of the transaction';
