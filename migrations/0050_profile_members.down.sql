ALTER TABLE profiles DROP COLUMN members;
