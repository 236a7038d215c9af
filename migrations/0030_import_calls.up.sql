-- Append-only, so that calls of one import do not wait for each other to count what they wrote.
CREATE TABLE import_calls (
    import      bigint      NOT NULL,
    number      bigint      GENERATED ALWAYS AS IDENTITY,
    kind        smallint    NOT NULL CHECK (kind BETWEEN 1 AND 7),
    written     integer     NOT NULL DEFAULT 0,
    withdrawn   integer     NOT NULL DEFAULT 0,
    kept        integer     NOT NULL DEFAULT 0,
    first_rate  bigint,
    last_rate   bigint,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (import, number)
);
COMMENT ON TABLE import_calls IS 'What each call of an import wrote, and what each step of its undoing took back; append-only';
COMMENT ON COLUMN import_calls.import IS 'Number of the import';
COMMENT ON COLUMN import_calls.number IS 'Number of the row';
COMMENT ON COLUMN import_calls.kind IS '1 transactions, 2 contacts, 3 contracts, 4 customers, 5 rates, 6 attributes, 7 identifiers';
COMMENT ON COLUMN import_calls.written IS 'Items that were new';
COMMENT ON COLUMN import_calls.withdrawn IS 'Facts that were taken back';
COMMENT ON COLUMN import_calls.kept IS 'Facts that stay because they were corrected since';
COMMENT ON COLUMN import_calls.first_rate IS 'Number of the first exchange rate that the call recorded; null: none';
COMMENT ON COLUMN import_calls.last_rate IS 'Number of the last exchange rate that the call recorded; null: none';
COMMENT ON COLUMN import_calls.recorded_at IS 'When the row was written';
