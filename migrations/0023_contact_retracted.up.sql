-- Retractions are found by what they take back. Other contacts are not in the index and cost nothing.
CREATE INDEX contacts_retracted ON contacts (customer_id, source, retracts_id) WHERE retracts_id IS NOT NULL;
