//! Use cases: each a file, each told in domain types. They know the store and the caches, not the protocol.

pub mod answer;
mod completion;
pub mod current_basis;
pub mod customers;
pub mod definitions;
pub mod desk;
pub mod error;
pub mod follow;
pub mod identity;
pub mod ingest;
pub mod lane;
pub mod missing_rates;
pub mod models;
pub mod profile_checks;
mod retry;
pub mod simulation;
pub mod tokens;
pub mod warm_start;
