DROP INDEX contacts_retracted;
