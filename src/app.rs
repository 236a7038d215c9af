//! The process: its settings, its database, its listeners, its logs, and how it stops.
//!
//! Knows nothing of customers; `main` and the command line build it.

pub mod admin;
mod connections;
pub mod control;
mod cores;
pub mod database;
pub mod descriptors;
pub mod direct_tokens;
mod faces;
pub mod failure;
pub mod fence;
pub mod http;
mod identities;
mod lanes;
pub mod logging;
pub mod message_json;
mod peer_stream;
pub mod run;
pub mod server;
mod services;
pub mod settings;
pub mod shutdown;
pub mod tls;
