-- Before call arrival (0028 came with it) numbers were stored as they were sent. A digest does not tell its form, so the count of what is left
-- goes by the time of recording; a source that sends such a number again confirms it by a statement of its own.
DO $$
BEGIN
    ALTER TABLE identifiers ADD COLUMN is_canonical boolean NOT NULL DEFAULT true;
    UPDATE identifiers
    SET is_canonical = false
    WHERE kind = 1 AND recorded_at < (SELECT installed_on FROM _sqlx_migrations WHERE version = 28);
    COMMENT ON COLUMN identifiers.is_canonical IS 'Whether the digest is known to be of the canonical form; false for phone numbers of earlier versions';
END
$$;
