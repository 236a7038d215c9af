-- Who may call. Servers hold these rows in memory and look at token_changes several times a second. A random id and not a number: a database that
-- went back, as after a failover, would give the same number twice.
CREATE TABLE token_changes (
    singleton boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    change_id uuid    NOT NULL,
    number    bigint  NOT NULL
);
COMMENT ON TABLE token_changes IS 'One row: the last change of tokens; its lock puts changes in order';
COMMENT ON COLUMN token_changes.singleton IS 'Always true: there is one row';
COMMENT ON COLUMN token_changes.change_id IS 'Random id of the last change of tokens';
COMMENT ON COLUMN token_changes.number IS 'How many changes there were: for people, and for the order of tokens';

INSERT INTO token_changes (change_id, number) VALUES (gen_random_uuid(), 0);

CREATE TABLE tokens (
    token_id         text        NOT NULL PRIMARY KEY,
    number           bigint      NOT NULL UNIQUE,
    description      text        NOT NULL,
    roles            text[]      NOT NULL,
    purposes         text[]      NOT NULL,
    calls_per_second integer     CHECK (calls_per_second > 0),
    burst            integer     CHECK (burst > 0),
    secret_digest    bytea       CHECK (octet_length(secret_digest) = 32),
    certificate_name text        CHECK (certificate_name <> ''),
    created_at       timestamptz NOT NULL,
    creator_id       text,
    expires_at       timestamptz,
    revoked_at       timestamptz,
    CHECK ((secret_digest IS NULL) <> (certificate_name IS NULL)),
    CHECK ((calls_per_second IS NULL) = (burst IS NULL))
);
COMMENT ON TABLE tokens IS 'Identities of callers: tokens, and names in client certificates';
COMMENT ON COLUMN tokens.token_id IS 'Sixteen hexadecimal digits, the part of a token before its secret';
COMMENT ON COLUMN tokens.number IS 'Number of the change that created it';
COMMENT ON COLUMN tokens.description IS 'What the identity is for';
COMMENT ON COLUMN tokens.roles IS 'Names of its roles';
COMMENT ON COLUMN tokens.purposes IS 'Purposes that its calls may state';
COMMENT ON COLUMN tokens.calls_per_second IS 'Most calls a second on average, in each process; null: no limit';
COMMENT ON COLUMN tokens.burst IS 'Most calls at once after a pause; null: no limit';
COMMENT ON COLUMN tokens.secret_digest IS 'SHA-256 of the secret of a token; null for a certificate name';
COMMENT ON COLUMN tokens.certificate_name IS 'Name in client certificates that identifies the caller; null for a token';
COMMENT ON COLUMN tokens.created_at IS 'When it was created';
COMMENT ON COLUMN tokens.creator_id IS 'The identity that created it; null: a caller without identity, or a program with access to the database';
COMMENT ON COLUMN tokens.expires_at IS 'When it ends by itself; null: never';
COMMENT ON COLUMN tokens.revoked_at IS 'When it was revoked; null: it was not';
