DROP TABLE withdrawn_facts;
