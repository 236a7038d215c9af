CREATE TABLE definition_revisions (
    revision     bigint      NOT NULL PRIMARY KEY CHECK (revision > 0),
    document     text        NOT NULL,
    published_at timestamptz NOT NULL,
    note         text        NOT NULL
);
COMMENT ON TABLE definition_revisions IS 'Published definitions; immutable';
COMMENT ON COLUMN definition_revisions.revision IS 'Number of the revision, from 1; 0 is built in';
COMMENT ON COLUMN definition_revisions.document IS 'The document as it was published, YAML';
COMMENT ON COLUMN definition_revisions.published_at IS 'When it was published';
COMMENT ON COLUMN definition_revisions.note IS 'Why, in the words of who published it; empty: not said';
