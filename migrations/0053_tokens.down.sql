DO $$
BEGIN
    DROP TABLE tokens;
    DROP TABLE token_changes;
END
$$;
