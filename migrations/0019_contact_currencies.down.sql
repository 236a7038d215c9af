DROP TABLE contact_currencies;
