CREATE TABLE currencies (
    currency       text        NOT NULL PRIMARY KEY,
    first_recorded timestamptz NOT NULL
);
COMMENT ON TABLE currencies IS 'Every currency that a transaction was ever booked in: the reporting currency, while there is one only';
COMMENT ON COLUMN currencies.currency IS 'ISO 4217 code';
COMMENT ON COLUMN currencies.first_recorded IS 'When the first transaction in it was recorded';
