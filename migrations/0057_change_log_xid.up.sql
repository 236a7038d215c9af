-- Who follows the log reads the rows of transactions that it has not seen end.
CREATE INDEX change_log_xid ON change_log (xid);
