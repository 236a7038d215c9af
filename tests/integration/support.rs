//! What the tests stand on; no tests of its own.

pub(crate) mod database;
