DROP TABLE definition_revisions;
