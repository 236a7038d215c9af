DROP TABLE fit_requests;
