//! Do the assumptions hold? Checks that every practitioner asks for and few tools make.
//!
//! They look at data, not at models, and give a number, its uncertainty and a verdict: one of those that say something only beyond two
//! standard errors, and where those leave room for more than one, that nothing can be told.

pub mod regularity;
pub mod silence;
pub mod spend_dependence;

/// Two standard errors: a verdict is only given beyond them.
const CLEARLY: f64 = 2.0;
