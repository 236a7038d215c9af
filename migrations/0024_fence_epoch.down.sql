DO $$
BEGIN
    DROP FUNCTION fence_owner();
    DROP TABLE fence_epoch;
END
$$;
