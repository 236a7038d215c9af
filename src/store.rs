//! Postgres: one table or read model a file. Statements are literal; rows become domain types here and nowhere else.
//!
//! The schema and every statement also run on Postgres distributed by `customer_id`: each names the customers it touches.

pub mod attributes;
pub mod breaker;
pub mod change_log;
mod codes;
pub mod contact_outcomes;
pub mod contacts;
pub mod contracts;
pub mod currencies;
pub mod customers;
mod demotion;
pub mod deployment;
pub mod erasure;
pub mod error;
pub mod evaluation_input;
pub mod fact_keys;
pub mod facts;
pub mod fence;
pub mod fit_samples;
pub mod former_customers;
pub mod identifiers;
pub mod import_writes;
pub mod imports;
mod instant;
pub mod locks;
pub mod merges;
pub mod model_input;
pub mod models;
pub mod moved_facts;
pub mod namings;
mod packed;
pub mod pool;
pub mod profile_fold;
pub mod profiles;
pub mod queue;
pub mod rates;
pub mod related;
pub mod repeats;
pub mod revisions;
mod row;
pub mod schema;
pub mod sessions;
pub mod simulation_input;
pub mod transactions;
pub mod withdrawn_facts;
