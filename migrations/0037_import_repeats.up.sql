-- A fact that an import repeats is not written again, so without a note it would go with the import that wrote it. Only facts that an import
-- wrote are noted, and of each at most four that repeat it: a nightly export of everything costs nothing from then on.
CREATE TABLE import_repeats (
    customer_id     text     NOT NULL,
    kind            smallint NOT NULL CHECK (kind IN (1, 2, 3, 6, 7)),
    source          text     NOT NULL,
    id              text     NOT NULL,
    profile_version bigint   NOT NULL,
    import          bigint   NOT NULL,
    PRIMARY KEY (customer_id, kind, source, id, profile_version, import)
);
COMMENT ON TABLE import_repeats IS 'Facts of an import that another import or call sent too: they stay when the first one is undone';
COMMENT ON COLUMN import_repeats.customer_id IS 'The customer';
COMMENT ON COLUMN import_repeats.kind IS '1 transaction, 2 contact, 3 contract, 6 attribute, 7 identifier';
COMMENT ON COLUMN import_repeats.source IS 'Source of a transaction, contact or contract; kind of an identifier; empty for an attribute';
COMMENT ON COLUMN import_repeats.id IS 'Id of a transaction, contact or contract; name of an attribute; digest of an identifier in hexadecimal';
COMMENT ON COLUMN import_repeats.profile_version IS 'First version of the profile that contained the fact';
COMMENT ON COLUMN import_repeats.import IS 'Number of the import that repeated it; 0: a call without an import, or more than three imports, so that it stays for good';
