-- Every statement about an identifier is kept, and each source has its own; a statement that the customer is no longer found by it holds for
-- all sources. Until now every end did, and that of recorded ones stays so.
DO $$
BEGIN
    ALTER TABLE identifiers ADD COLUMN of_all_sources boolean NOT NULL DEFAULT false;
    UPDATE identifiers SET of_all_sources = true WHERE NOT begins;
    COMMENT ON COLUMN identifiers.of_all_sources IS 'Whether an end holds for all sources, and not only for the one that stated it';
    COMMENT ON COLUMN identifiers.source IS 'The system that stated the fact, a source of its own; null: not known, which counts as one source';
END
$$;
