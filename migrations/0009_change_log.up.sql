CREATE TABLE change_log (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid         xid8        NOT NULL DEFAULT pg_current_xact_id(),
    customer_id text        NOT NULL,
    version     bigint      NOT NULL,
    recorded_at timestamptz NOT NULL
);
COMMENT ON TABLE change_log IS 'One row for every write of a profile, in the transaction of the write: what other replicas read to drop what they hold';
COMMENT ON COLUMN change_log.id IS 'Order of writing within a transaction';
COMMENT ON COLUMN change_log.xid IS 'The transaction; rows below the snapshot horizon are complete';
COMMENT ON COLUMN change_log.customer_id IS 'The customer';
COMMENT ON COLUMN change_log.version IS 'The profile version that the write made';
COMMENT ON COLUMN change_log.recorded_at IS 'When the write was recorded';
