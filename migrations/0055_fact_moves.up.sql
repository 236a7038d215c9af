-- Who had a fact before, in order, and which import moved it: without that import the fact is where the other moves left it.
CREATE TABLE fact_moves (
    source           text     NOT NULL,
    fact_id          text     NOT NULL,
    kind             smallint NOT NULL CHECK (kind IN (1, 2, 3)),
    number           bigint   GENERATED ALWAYS AS IDENTITY,
    from_customer_id text     NOT NULL,
    to_customer_id   text     NOT NULL,
    import           bigint,
    PRIMARY KEY (source, fact_id, kind, number)
);
CREATE INDEX fact_moves_import ON fact_moves (import) WHERE import IS NOT NULL;
COMMENT ON TABLE fact_moves IS 'Facts that went from one customer to another; those of undone imports are gone';
COMMENT ON COLUMN fact_moves.source IS 'The system that recorded the fact';
COMMENT ON COLUMN fact_moves.fact_id IS 'The id of the fact in that system';
COMMENT ON COLUMN fact_moves.kind IS '1 transaction, 2 contact, 3 contract';
COMMENT ON COLUMN fact_moves.number IS 'Number of the move, in the order of recording';
COMMENT ON COLUMN fact_moves.from_customer_id IS 'Who had the fact';
COMMENT ON COLUMN fact_moves.to_customer_id IS 'Who has it since';
COMMENT ON COLUMN fact_moves.import IS 'The import that sent the fact for that customer; null: none';
