-- A rate is never changed: another one for the same pair and day is another row, and the one with the highest number holds. The number
-- counts the rows, so that it also names what was known at a time: answers carry the number of the last one they were given by.
CREATE TABLE exchange_rates (
    number        bigint      NOT NULL PRIMARY KEY CHECK (number > 0),
    from_currency text        NOT NULL,
    to_currency   text        NOT NULL CHECK (to_currency <> from_currency),
    day           integer     NOT NULL,
    rate          numeric     NOT NULL CHECK (rate > 0 AND rate < 1000000000000000),
    recorded_at   timestamptz NOT NULL,
    UNIQUE (from_currency, to_currency, day, number)
);
COMMENT ON TABLE exchange_rates IS 'Facts: dated exchange rates; append-only, of a pair and day the highest number holds';
COMMENT ON COLUMN exchange_rates.number IS 'Number of the rate in the order of recording, from 1, without gaps';
COMMENT ON COLUMN exchange_rates.from_currency IS 'ISO 4217 code of the currency of which one unit is valued';
COMMENT ON COLUMN exchange_rates.to_currency IS 'ISO 4217 code of the currency in which it is valued';
COMMENT ON COLUMN exchange_rates.day IS 'First day on which the rate holds, days since 1970-01-01';
COMMENT ON COLUMN exchange_rates.rate IS 'Units of to_currency for one unit of from_currency, exact, at most 15 significant digits and 15 decimals';
COMMENT ON COLUMN exchange_rates.recorded_at IS 'When the rate was written';
