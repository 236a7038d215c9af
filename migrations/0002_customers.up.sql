CREATE TABLE customers (
    customer_id  text        NOT NULL PRIMARY KEY,
    kind         smallint    NOT NULL CHECK (kind BETWEEN 1 AND 3),
    display_name text,
    created_at   timestamptz NOT NULL
);
COMMENT ON TABLE customers IS 'Every customer that was ever named by a fact';
COMMENT ON COLUMN customers.customer_id IS 'Id of the customer, 1 to 128 bytes';
COMMENT ON COLUMN customers.kind IS '1 person, 2 company, 3 employee';
COMMENT ON COLUMN customers.display_name IS 'Name to show to people; null: none';
COMMENT ON COLUMN customers.created_at IS 'When the customer was first recorded';
