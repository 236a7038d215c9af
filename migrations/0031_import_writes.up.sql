-- Facts carry the version of the profile that first contained them, and a version belongs to one call. So an import is known by the
-- versions that it made: a row a call and customer, and no column or index on the facts.
CREATE TABLE import_writes (
    customer_id   text     NOT NULL,
    import        bigint   NOT NULL,
    first_version bigint   NOT NULL,
    last_version  bigint   NOT NULL,
    created       boolean  NOT NULL,
    kind_before   smallint,
    name_before   text,
    kind_after    smallint,
    name_after    text,
    undone        boolean  NOT NULL DEFAULT false,
    PRIMARY KEY (customer_id, import, first_version)
);
CREATE INDEX import_writes_open ON import_writes (import, customer_id) WHERE NOT undone;
COMMENT ON TABLE import_writes IS 'The versions of profiles that an import made, and the kinds and names that it changed';
COMMENT ON COLUMN import_writes.customer_id IS 'The customer';
COMMENT ON COLUMN import_writes.import IS 'Number of the import';
COMMENT ON COLUMN import_writes.first_version IS 'First version of the profile that a call made';
COMMENT ON COLUMN import_writes.last_version IS 'Last version of the profile that the same call made';
COMMENT ON COLUMN import_writes.created IS 'Whether the call created the customer';
COMMENT ON COLUMN import_writes.kind_before IS 'Kind of the customer before: 1 person, 2 company, 3 employee; null: neither kind nor name changed, or the customer is new';
COMMENT ON COLUMN import_writes.name_before IS 'Display name before; null: none, or nothing changed';
COMMENT ON COLUMN import_writes.kind_after IS 'Kind after a change of kind or name; null: neither changed';
COMMENT ON COLUMN import_writes.name_after IS 'Display name after a change of kind or name; null: none';
COMMENT ON COLUMN import_writes.undone IS 'Whether the write was taken back';
