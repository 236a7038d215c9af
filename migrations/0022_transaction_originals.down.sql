DROP INDEX transactions_original;
