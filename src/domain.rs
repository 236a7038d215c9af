//! Arithmetic and rules: what a customer is, what they are worth, and why.
//!
//! Nothing here knows of time (the day is an argument), of tasks, files, networks, databases, logs or generated types.

pub mod assess;
pub mod basis;
pub mod calendar;
pub mod contact_cost;
pub mod contact_model;
pub mod contract_models;
pub mod contracts;
pub mod customer;
pub mod definitions;
pub mod evaluation;
pub mod explain;
pub mod facts;
pub mod model_report;
pub mod model_version;
pub mod money;
pub mod parameters;
pub mod profile;
pub mod rates;
pub mod rules;
pub mod segments;
pub mod stop;
pub mod text;
pub mod tiers;
pub mod uncertainty;
pub mod valuation;
pub mod value;
