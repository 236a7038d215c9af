DO $$
BEGIN
    ALTER TABLE contacts
        ADD COLUMN retracts_id text,
        ALTER COLUMN channel DROP NOT NULL,
        ADD CONSTRAINT contacts_retraction CHECK ((channel IS NULL) = (retracts_id IS NOT NULL));
    COMMENT ON TABLE contacts IS 'Facts: service interactions that cost money, and that one was recorded wrongly; append-only';
    COMMENT ON COLUMN contacts.channel IS 'How: phone, chat, email, visit ...; null: the row retracts a contact';
    COMMENT ON COLUMN contacts.retracts_id IS 'The contact of the same source that was recorded wrongly and never counts; null: the row is a contact';
END
$$;
