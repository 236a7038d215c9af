CREATE TABLE identifier_owners (
    digest      bytea    NOT NULL CHECK (octet_length(digest) = 32),
    kind        smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
    customer_id text     NOT NULL,
    PRIMARY KEY (digest, kind, customer_id)
);
COMMENT ON TABLE identifier_owners IS 'Who is found by an identifier now: the way from a phone number to customers, read by digest';
COMMENT ON COLUMN identifier_owners.digest IS 'HMAC-SHA-256 of kind and value under the identifier key';
COMMENT ON COLUMN identifier_owners.kind IS '1 phone number, 2 e-mail, 3 external id';
COMMENT ON COLUMN identifier_owners.customer_id IS 'The customer';
