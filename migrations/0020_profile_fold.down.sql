DROP TABLE profile_fold;
