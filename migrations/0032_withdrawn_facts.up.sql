-- A fact that is taken back leaves its table, so that its key is free for the right one, and stays on record here: what was known at a
-- version is its table and these rows, by the versions at which facts came and went.
CREATE TABLE withdrawn_facts (
    customer_id       text        NOT NULL,
    number            bigint      GENERATED ALWAYS AS IDENTITY,
    kind              smallint    NOT NULL CHECK (kind IN (1, 2, 3, 6, 7)),
    profile_version   bigint      NOT NULL,
    withdrawn_version bigint      NOT NULL,
    import            bigint,
    fact              jsonb       NOT NULL,
    recorded_at       timestamptz NOT NULL,
    PRIMARY KEY (customer_id, number)
);
CREATE INDEX withdrawn_facts_import ON withdrawn_facts (import) WHERE import IS NOT NULL;
COMMENT ON TABLE withdrawn_facts IS 'Facts: those that were taken back, as they were; append-only';
COMMENT ON COLUMN withdrawn_facts.customer_id IS 'The customer';
COMMENT ON COLUMN withdrawn_facts.number IS 'Number of the row';
COMMENT ON COLUMN withdrawn_facts.kind IS '1 transaction, 2 contact, 3 contract, 6 attribute, 7 identifier';
COMMENT ON COLUMN withdrawn_facts.profile_version IS 'First version of the profile that contained the fact';
COMMENT ON COLUMN withdrawn_facts.withdrawn_version IS 'First version of the profile without it';
COMMENT ON COLUMN withdrawn_facts.import IS 'Number of the import with which it was taken back';
COMMENT ON COLUMN withdrawn_facts.fact IS 'The row as it was in its table';
COMMENT ON COLUMN withdrawn_facts.recorded_at IS 'When it was taken back';
