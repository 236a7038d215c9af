-- No foreign key to customers: the ingest transaction writes both, and a check for each of 20 million rows buys nothing.
CREATE TABLE transactions (
    customer_id     text        NOT NULL,
    source          text        NOT NULL,
    transaction_id  text        NOT NULL,
    kind            smallint    NOT NULL CHECK (kind BETWEEN 1 AND 3),
    day             integer     NOT NULL,
    occurred_at     timestamptz CHECK (isfinite(occurred_at)),
    amount_minor    bigint      NOT NULL CHECK (amount_minor BETWEEN 0 AND 1000000000000000),
    currency        text        NOT NULL,
    cost_minor      bigint      CHECK (cost_minor BETWEEN 0 AND 1000000000000000),
    category        text,
    channel         text,
    original_id     text,
    profile_version bigint      NOT NULL,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (customer_id, source, transaction_id)
);
COMMENT ON TABLE transactions IS 'Facts: money that came in or went back; append-only';
COMMENT ON COLUMN transactions.customer_id IS 'The customer';
COMMENT ON COLUMN transactions.source IS 'The system that recorded the transaction';
COMMENT ON COLUMN transactions.transaction_id IS 'Id of the transaction in that system';
COMMENT ON COLUMN transactions.kind IS '1 purchase, 2 refund, 3 reversal';
COMMENT ON COLUMN transactions.day IS 'Day in the deployment''s time zone, days since 1970-01-01';
COMMENT ON COLUMN transactions.occurred_at IS 'The instant; null: only the day is known';
COMMENT ON COLUMN transactions.amount_minor IS 'Amount in minor units of the currency, never negative';
COMMENT ON COLUMN transactions.currency IS 'ISO 4217 code';
COMMENT ON COLUMN transactions.cost_minor IS 'Cost of the goods in minor units of the currency; on a refund the cost that came back; null: not known';
COMMENT ON COLUMN transactions.category IS 'Product category; null: none';
COMMENT ON COLUMN transactions.channel IS 'Where the purchase was made; null: not known';
COMMENT ON COLUMN transactions.original_id IS 'For a refund or reversal, the transaction of the same source that it takes back; null: none named';
COMMENT ON COLUMN transactions.profile_version IS 'Version of the profile that first contained the fact';
COMMENT ON COLUMN transactions.recorded_at IS 'When the fact was written';
