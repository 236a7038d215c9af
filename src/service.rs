//! Use cases: each a file, each told in domain types. They know the store and the caches, not the protocol.

pub mod bases;
pub mod classify;
pub mod customers;
pub mod definitions;
pub mod error;
pub mod evaluate;
pub mod explain;
mod finish;
pub mod ingest;
pub mod lane;
pub mod models;
pub mod profiles;
pub mod refold;
mod retry;
pub mod subjects;
pub mod unconvertible;
pub mod versions;
