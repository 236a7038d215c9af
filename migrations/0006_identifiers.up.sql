CREATE TABLE identifiers (
    customer_id     text        NOT NULL,
    kind            smallint    NOT NULL CHECK (kind BETWEEN 1 AND 3),
    digest          bytea       NOT NULL CHECK (octet_length(digest) = 32),
    profile_version bigint      NOT NULL,
    begins          boolean     NOT NULL,
    display         text        NOT NULL,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (customer_id, kind, digest, profile_version)
);
COMMENT ON TABLE identifiers IS 'Facts: names by which a customer is found, begun and ended; append-only';
COMMENT ON COLUMN identifiers.customer_id IS 'The customer';
COMMENT ON COLUMN identifiers.kind IS '1 phone number, 2 e-mail, 3 external id';
COMMENT ON COLUMN identifiers.digest IS 'HMAC-SHA-256 of kind and value under the identifier key';
COMMENT ON COLUMN identifiers.profile_version IS 'Version of the profile that first contained the fact';
COMMENT ON COLUMN identifiers.begins IS 'True: found by it from now on; false: no longer';
COMMENT ON COLUMN identifiers.display IS 'What may be shown of the value: masked for phone numbers and e-mails';
COMMENT ON COLUMN identifiers.recorded_at IS 'When the fact was written';
