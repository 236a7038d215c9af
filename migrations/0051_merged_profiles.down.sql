DROP INDEX profiles_with_members;
