-- Beside the currencies of what customers pay: those of contacts never decide in which currency to report, but where contacts count they
-- have to be converted to it.
CREATE TABLE contact_currencies (
    currency       text        NOT NULL PRIMARY KEY,
    first_recorded timestamptz NOT NULL
);
COMMENT ON TABLE contact_currencies IS 'Every currency in which a contact ever cost something';
COMMENT ON COLUMN contact_currencies.currency IS 'ISO 4217 code';
COMMENT ON COLUMN contact_currencies.first_recorded IS 'When the first contact with a cost in it was recorded';
INSERT INTO contact_currencies (currency, first_recorded)
SELECT currency, min(recorded_at)
FROM contacts
WHERE currency IS NOT NULL
GROUP BY currency;
