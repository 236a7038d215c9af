DROP INDEX change_log_xid;
