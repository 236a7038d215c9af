CREATE TABLE contracts (
    customer_id     text        NOT NULL,
    source          text        NOT NULL,
    contract_id     text        NOT NULL,
    effective_on    integer     NOT NULL,
    profile_version bigint      NOT NULL,
    started_on      integer     NOT NULL,
    period_months   smallint    NOT NULL CHECK (period_months BETWEEN 1 AND 120),
    price_minor     bigint      NOT NULL CHECK (price_minor BETWEEN 0 AND 1000000000000000),
    currency        text        NOT NULL,
    cost_minor      bigint      CHECK (cost_minor BETWEEN 0 AND 1000000000000000),
    category        text,
    ended_on        integer,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (customer_id, source, contract_id, effective_on, profile_version),
    CHECK (effective_on >= started_on),
    CHECK (ended_on >= started_on)
);
COMMENT ON TABLE contracts IS 'Facts: observations of contracts that renew; append-only';
COMMENT ON COLUMN contracts.customer_id IS 'The customer';
COMMENT ON COLUMN contracts.source IS 'The system that recorded the contract';
COMMENT ON COLUMN contracts.contract_id IS 'Id of the contract in that system';
COMMENT ON COLUMN contracts.effective_on IS 'Day from which the contract stands as this row says, days since 1970-01-01; of rows of one day the latest profile_version holds';
COMMENT ON COLUMN contracts.profile_version IS 'Version of the profile that first contained the fact';
COMMENT ON COLUMN contracts.started_on IS 'First day of the contract, days since 1970-01-01; the same in all rows of a contract';
COMMENT ON COLUMN contracts.period_months IS 'Calendar months from one renewal to the next; the same in all rows of a contract';
COMMENT ON COLUMN contracts.price_minor IS 'Price of a period, in minor units of the currency';
COMMENT ON COLUMN contracts.currency IS 'ISO 4217 code of price and cost';
COMMENT ON COLUMN contracts.cost_minor IS 'What a period costs the company, in minor units of the currency; null: not known';
COMMENT ON COLUMN contracts.category IS 'Product category; null: none';
COMMENT ON COLUMN contracts.ended_on IS 'First day on which it runs no longer, days since 1970-01-01; null: no end is known';
COMMENT ON COLUMN contracts.recorded_at IS 'When the fact was written';
