ALTER TABLE fence_epoch DROP COLUMN shared_owner;
