CREATE TABLE active_revision (
    singleton    boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    revision     bigint      NOT NULL REFERENCES definition_revisions (revision),
    activated_at timestamptz NOT NULL
);
COMMENT ON TABLE active_revision IS 'At most one row: the revision in force; none: the built-in one';
COMMENT ON COLUMN active_revision.singleton IS 'Always true: there is at most one row';
COMMENT ON COLUMN active_revision.revision IS 'The revision in force';
COMMENT ON COLUMN active_revision.activated_at IS 'When it was put in force';
