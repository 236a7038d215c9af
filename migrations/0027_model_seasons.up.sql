-- A program that knows no seasonal index would read a version with one as if it had none, and value customers wrongly: this keeps it from
-- serving the database.
COMMENT ON COLUMN model_versions.fit IS 'Kind, last day, parameters, seasonal index and reports of the fit: see src/store/models.rs';
