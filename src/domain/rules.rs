//! The condition language: which customers a rule means, and why it means this one.
//!
//! A condition is a subset of CEL over typed names, for example `clv >= money("5000 EUR") && orders(days(90)) >= 3`. Its way
//! through this module is text → [`syntax`] tree ([`parser`]) → typed [`condition`] ([`check`], against a [`vocabulary`]) →
//! [`program`] → verdict and, with the recorder in [`trace`], the reasons. All problems of a text are found at once and carry their place.
//!
//! This module does not know what a customer is: a program reads slots that somebody else has filled. It knows no YAML either.

pub mod amount;
pub mod analysis;
pub mod check;
pub mod condition;
pub mod diagnostic;
pub mod language;
pub mod lexer;
pub mod nearest;
pub mod parser;
pub mod program;
pub mod syntax;
pub mod trace;
pub mod vocabulary;

#[cfg(test)]
pub(crate) mod tests;
