-- As for other facts: a rate that another import repeats stays when the first one is undone.
CREATE TABLE rate_repeats (
    number bigint NOT NULL,
    import bigint NOT NULL,
    PRIMARY KEY (number, import)
);
COMMENT ON TABLE rate_repeats IS 'Exchange rates of an import that another import or call sent too';
COMMENT ON COLUMN rate_repeats.number IS 'Number of the rate';
COMMENT ON COLUMN rate_repeats.import IS 'Number of the import that repeated it; 0: a call without an import, or more than three imports, so that it stays for good';
