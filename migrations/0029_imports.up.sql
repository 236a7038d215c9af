-- Which facts came together, so that they can be taken back together: every run of `patron import`, and every series of calls that states an id.
CREATE TABLE imports (
    number        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id     text        NOT NULL UNIQUE,
    began_at      timestamptz NOT NULL,
    undo_began_at timestamptz,
    undone_at     timestamptz
);
COMMENT ON TABLE imports IS 'Batches of facts that were ingested together and can be taken back together';
COMMENT ON COLUMN imports.number IS 'Number of the import, in the order of their first facts';
COMMENT ON COLUMN imports.import_id IS 'Its id, chosen by the client';
COMMENT ON COLUMN imports.began_at IS 'When its first fact was written';
COMMENT ON COLUMN imports.undo_began_at IS 'When its undoing began; from then on it takes no facts. Null: it is in force';
COMMENT ON COLUMN imports.undone_at IS 'When everything was taken back; null: not yet';
