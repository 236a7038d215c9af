//! Invented populations: customers, what they bought, how often they called. The demo, the tests and the benches use them.
//!
//! Fully determined by seed, number and last day, so a test may rely on every figure.

pub mod foreign_currency;
pub mod history;
pub mod population;
pub mod random;

/// The definitions written for these customers: part of the program, so that they work anywhere.
pub const DEFINITIONS: &str = include_str!("../examples/definitions.yaml");
