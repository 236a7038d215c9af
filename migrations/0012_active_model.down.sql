DROP TABLE active_model;
