-- A source that states all identifiers it knows of a customer ends those that it stated before, and not those of other sources.
DO $$
BEGIN
    ALTER TABLE identifiers ADD COLUMN source text;
    COMMENT ON COLUMN identifiers.source IS 'The system that stated the fact; null: not known';
END
$$;
