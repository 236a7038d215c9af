DROP TABLE contact_outcomes;
