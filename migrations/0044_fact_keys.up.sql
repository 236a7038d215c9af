-- A source's id names one fact. Where the same source and id come under another customer, the fact would count twice: facts are keyed by
-- their customers, so only a table of its own can tell. Found before the customer is known, hence the other key.
CREATE TABLE fact_keys (
    source           text     NOT NULL,
    fact_id          text     NOT NULL,
    kind             smallint NOT NULL CHECK (kind IN (1, 2, 3)),
    customer_id      text     NOT NULL,
    former_customers text[],
    PRIMARY KEY (source, fact_id, kind)
);
COMMENT ON TABLE fact_keys IS 'Whose the facts are that sources name; for sources whose ids are unique per customer only, none';
COMMENT ON COLUMN fact_keys.source IS 'The system that recorded the fact';
COMMENT ON COLUMN fact_keys.fact_id IS 'The id of the fact in that system';
COMMENT ON COLUMN fact_keys.kind IS '1 transaction, 2 contact, 3 contract';
COMMENT ON COLUMN fact_keys.customer_id IS 'The customer';
COMMENT ON COLUMN fact_keys.former_customers IS 'Customers from whom the fact was moved: sent again for one of them, it is known; null: none';
