COMMENT ON COLUMN model_versions.fit IS 'Kind, last day, parameters and reports of the fit: see src/store/models.rs';
