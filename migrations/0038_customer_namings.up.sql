-- What was stated of the kind and name of a customer, and by which import: without the statements of an undone import the others hold.
CREATE TABLE customer_namings (
    customer_id       text     NOT NULL,
    number            bigint   GENERATED ALWAYS AS IDENTITY,
    import            bigint   NOT NULL,
    kind              smallint CHECK (kind BETWEEN 1 AND 3),
    names             boolean  NOT NULL,
    display_name      text,
    withdrawn_version bigint,
    PRIMARY KEY (customer_id, number)
);
COMMENT ON TABLE customer_namings IS 'Statements of the kind and name of customers; of each the last one that was not withdrawn holds';
COMMENT ON COLUMN customer_namings.customer_id IS 'The customer';
COMMENT ON COLUMN customer_namings.number IS 'Number of the row; those of a customer are in the order of recording';
COMMENT ON COLUMN customer_namings.import IS 'Number of the import that stated it; 0: none';
COMMENT ON COLUMN customer_namings.kind IS '1 person, 2 company, 3 employee; null: no kind was stated';
COMMENT ON COLUMN customer_namings.names IS 'Whether a name was stated';
COMMENT ON COLUMN customer_namings.display_name IS 'The name; null: none was stated, or that there is none';
COMMENT ON COLUMN customer_namings.withdrawn_version IS 'First version of the profile without the statement; null: it was not withdrawn';
