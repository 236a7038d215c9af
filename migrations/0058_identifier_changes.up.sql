CREATE TABLE identifier_changes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid         xid8        NOT NULL DEFAULT pg_current_xact_id(),
    kind        smallint    NOT NULL,
    digest      bytea       NOT NULL CHECK (octet_length(digest) = 32),
    recorded_at timestamptz NOT NULL
);
COMMENT ON TABLE identifier_changes IS 'One row for every identifier whose customers a write may have changed, in the transaction of the write: what other servers read to drop what they hold';
COMMENT ON COLUMN identifier_changes.id IS 'Order of writing within a transaction';
COMMENT ON COLUMN identifier_changes.xid IS 'The transaction';
COMMENT ON COLUMN identifier_changes.kind IS '1 phone number, 2 e-mail address, 3 external id';
COMMENT ON COLUMN identifier_changes.digest IS 'Keyed digest of the identifier';
COMMENT ON COLUMN identifier_changes.recorded_at IS 'When the write was recorded';
CREATE INDEX identifier_changes_xid ON identifier_changes (xid);
