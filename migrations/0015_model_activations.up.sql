CREATE TABLE model_activations (
    number       bigint      NOT NULL PRIMARY KEY,
    version      bigint      NOT NULL REFERENCES model_versions (version),
    previous     bigint      REFERENCES model_activations (number),
    activated_at timestamptz NOT NULL
);
COMMENT ON TABLE model_activations IS 'Which model version answered since when; rows are only added';
COMMENT ON COLUMN model_activations.number IS 'Number of the activation, from 1; the greatest is the one in force';
COMMENT ON COLUMN model_activations.version IS 'The version that answers from then on';
COMMENT ON COLUMN model_activations.previous IS 'The activation to whose version a roll back returns; NULL: there is none';
COMMENT ON COLUMN model_activations.activated_at IS 'When it was made';
-- The history begins with the version that answers now.
INSERT INTO model_activations (number, version, previous, activated_at)
SELECT 1, version, NULL, activated_at FROM active_model;
