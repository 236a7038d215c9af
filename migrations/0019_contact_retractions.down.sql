DO $$
BEGIN
    -- The earlier schema has no place for them.
    DELETE FROM contacts WHERE retracts_id IS NOT NULL;
    ALTER TABLE contacts
        DROP CONSTRAINT contacts_retraction,
        DROP COLUMN retracts_id,
        ALTER COLUMN channel SET NOT NULL;
    COMMENT ON TABLE contacts IS 'Facts: service interactions that cost money; append-only';
    COMMENT ON COLUMN contacts.channel IS 'How: phone, chat, email, visit ...';
END
$$;
