//! Arithmetic and rules: what a customer is, what they are worth, and why.
//!
//! Nothing here knows of time (the day is an argument), of tasks, files, networks, databases, logs or generated types.

pub mod access;
pub mod assess;
pub mod basis;
pub mod calendar;
pub mod clv;
pub mod customer;
pub mod definition_tests;
pub mod definitions;
pub mod desk;
pub mod evaluation;
pub mod explain;
pub mod fitted;
pub mod money;
pub mod rates;
pub mod rules;
pub mod simulation;
pub mod stop;
pub mod telephony;
pub mod text;
