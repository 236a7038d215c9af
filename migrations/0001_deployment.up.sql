-- What is decided once, when the database is created, and holds for every process that uses it.
CREATE TABLE deployment (
    singleton            boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    time_zone            text        NOT NULL,
    identifier_key_check bytea       NOT NULL,
    created_at           timestamptz NOT NULL
);
COMMENT ON TABLE deployment IS 'One row: what is decided once, when the database is created';
COMMENT ON COLUMN deployment.singleton IS 'Always true: there is one row';
COMMENT ON COLUMN deployment.time_zone IS 'IANA name of the time zone in which days are counted';
COMMENT ON COLUMN deployment.identifier_key_check IS 'HMAC-SHA-256 of a constant under the identifier key: tells a wrong key before it does harm';
COMMENT ON COLUMN deployment.created_at IS 'When the row was written';
