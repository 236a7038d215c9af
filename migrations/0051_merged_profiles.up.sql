-- Statements about everybody map the few merged customers to the one who stays.
CREATE INDEX profiles_with_members ON profiles (customer_id) WHERE members IS NOT NULL;
