-- A server that could not follow the logs for longer than their rows are kept finds out here that it has missed some.
CREATE TABLE log_trims (
    singleton   boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    trimmed_xid xid8        NOT NULL,
    trimmed_at  timestamptz NOT NULL
);
COMMENT ON TABLE log_trims IS 'At most one row: how far change_log and identifier_changes were trimmed';
COMMENT ON COLUMN log_trims.singleton IS 'Always true: there is at most one row';
COMMENT ON COLUMN log_trims.trimmed_xid IS 'The last transaction of which a row was deleted';
COMMENT ON COLUMN log_trims.trimmed_at IS 'When rows were last deleted';
