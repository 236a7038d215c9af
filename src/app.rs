//! The process: its settings, its two listeners, its logs, and how it stops.
//!
//! Knows nothing of customers; `main` and the command line build it.

pub mod admin;
pub mod logging;
pub mod server;
pub mod settings;
pub mod shutdown;
