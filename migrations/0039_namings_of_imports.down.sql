DO $$
BEGIN
    CREATE INDEX withdrawn_facts_import ON withdrawn_facts (import) WHERE import IS NOT NULL;
    ALTER TABLE import_writes DROP COLUMN kept,
        ADD COLUMN created boolean NOT NULL DEFAULT false, ADD COLUMN kind_before smallint, ADD COLUMN name_before text,
        ADD COLUMN kind_after smallint, ADD COLUMN name_after text;
    COMMENT ON TABLE import_writes IS 'The versions of profiles that an import made, and the kinds and names that it changed';
    COMMENT ON COLUMN import_writes.last_version IS 'Last version of the profile that the same call made';
    COMMENT ON COLUMN import_writes.created IS 'Whether the call created the customer';
    COMMENT ON COLUMN import_writes.kind_before IS 'Kind of the customer before: 1 person, 2 company, 3 employee; null: neither kind nor name changed, or the customer is new';
    COMMENT ON COLUMN import_writes.name_before IS 'Display name before; null: none, or nothing changed';
    COMMENT ON COLUMN import_writes.kind_after IS 'Kind after a change of kind or name; null: neither changed';
    COMMENT ON COLUMN import_writes.name_after IS 'Display name after a change of kind or name; null: none';
END
$$;
