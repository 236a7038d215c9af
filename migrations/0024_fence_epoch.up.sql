-- The fence is a lock of a session, and sessions break. A server whose session broke may not know yet that another one has the fence: so whoever
-- takes the fence raises this number, and every transaction that writes compares it under a lock.
CREATE TABLE fence_epoch (
    singleton boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch     bigint  NOT NULL
);
COMMENT ON TABLE fence_epoch IS 'At most one row: how often a server took the fence; none: never since this table exists';
COMMENT ON COLUMN fence_epoch.singleton IS 'Always true: there is one row';
COMMENT ON COLUMN fence_epoch.epoch IS 'Number of the server that may write: higher with each server that takes the fence';
