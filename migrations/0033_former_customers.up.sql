-- A customer of whom every fact was taken back is not known any more. Should the id come again, its versions go on, so that none names
-- two profiles.
CREATE TABLE former_customers (
    customer_id text   NOT NULL PRIMARY KEY,
    version     bigint NOT NULL
);
COMMENT ON TABLE former_customers IS 'The last versions of customers who are not known any more; counts only while there is no profile';
COMMENT ON COLUMN former_customers.customer_id IS 'The customer';
COMMENT ON COLUMN former_customers.version IS 'The version with which the customer went';
