CREATE TABLE model_versions (
    version     bigint      NOT NULL PRIMARY KEY,
    fit         jsonb       NOT NULL,
    created_at  timestamptz NOT NULL
);
COMMENT ON TABLE model_versions IS 'Fitted value models; immutable';
COMMENT ON COLUMN model_versions.version IS 'Number of the version, from 1';
COMMENT ON COLUMN model_versions.fit IS 'Kind, last day, parameters and reports of the fit: see src/store/models.rs';
COMMENT ON COLUMN model_versions.created_at IS 'When the version was stored';
