CREATE TABLE attribute_values (
    customer_id     text        NOT NULL,
    name            text        NOT NULL,
    profile_version bigint      NOT NULL,
    value           bytea,
    observed_on     integer     NOT NULL,
    source          text        NOT NULL,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (customer_id, name, profile_version)
);
COMMENT ON TABLE attribute_values IS 'Facts: observed properties of customers; append-only';
COMMENT ON COLUMN attribute_values.customer_id IS 'The customer';
COMMENT ON COLUMN attribute_values.name IS 'Name of the attribute';
COMMENT ON COLUMN attribute_values.profile_version IS 'Version of the profile that first contained the fact';
COMMENT ON COLUMN attribute_values.value IS 'The value, packed as in a profile; null: cleared';
COMMENT ON COLUMN attribute_values.observed_on IS 'Day of the observation, days since 1970-01-01';
COMMENT ON COLUMN attribute_values.source IS 'Where the value comes from';
COMMENT ON COLUMN attribute_values.recorded_at IS 'When the fact was written';
