//! Patron answers who a customer is, what they are worth and how to treat them, with reasons, fast enough to be asked while the
//! phone rings.
//!
//! Imports point inward: `main -> cli -> app -> grpc -> api -> service -> cache -> store -> domain`; ARCHITECTURE.md has the map and
//! `tests/integration/tidy.rs` holds it.

pub mod api;
pub mod app;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod domain;
pub mod generate;
pub mod grpc;
pub mod http;
pub mod metrics;
pub mod pb;
pub mod postgres;
pub mod service;
pub mod store;
