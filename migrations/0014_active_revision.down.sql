DROP TABLE active_revision;
