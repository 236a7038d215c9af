CREATE TABLE fit_requests (
    request_id text        NOT NULL PRIMARY KEY,
    request    text        NOT NULL,
    version    bigint      NOT NULL REFERENCES model_versions (version),
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE fit_requests IS 'Which model version a request of FitModel was answered with, so that the same request is answered with it again';
COMMENT ON COLUMN fit_requests.request_id IS 'The id that the caller gave, 1 to 64 bytes';
COMMENT ON COLUMN fit_requests.request IS 'What was asked for, in one canonical line: another request under the same id is refused';
COMMENT ON COLUMN fit_requests.version IS 'The version that the fit was stored as';
COMMENT ON COLUMN fit_requests.created_at IS 'When it was stored';
