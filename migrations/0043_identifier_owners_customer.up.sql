-- The identifiers that find a customer, to compare them with the facts.
CREATE INDEX identifier_owners_customer ON identifier_owners (customer_id);
