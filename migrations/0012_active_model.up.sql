CREATE TABLE active_model (
    singleton    boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    version      bigint      NOT NULL REFERENCES model_versions (version),
    activated_at timestamptz NOT NULL
);
COMMENT ON TABLE active_model IS 'At most one row: the model version that answers';
COMMENT ON COLUMN active_model.singleton IS 'Always true: there is at most one row';
COMMENT ON COLUMN active_model.version IS 'The version that answers';
COMMENT ON COLUMN active_model.activated_at IS 'When it was made to';
