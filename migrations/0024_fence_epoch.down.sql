DROP TABLE fence_epoch;
