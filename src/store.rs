//! Everything that Patron keeps in Postgres: one table or read model a file, each with its statements and their meaning.

pub mod schema;
