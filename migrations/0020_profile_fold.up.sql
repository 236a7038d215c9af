-- What the fold makes of facts may change with the program; then profiles that it made before are made anew.
CREATE TABLE profile_fold (
    singleton boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    version   integer NOT NULL
);
COMMENT ON TABLE profile_fold IS 'At most one row: which version of the fold made the stored profiles; none: one from before versions';
COMMENT ON COLUMN profile_fold.singleton IS 'Always true: there is one row';
COMMENT ON COLUMN profile_fold.version IS 'FOLD_VERSION of the program that made them';
