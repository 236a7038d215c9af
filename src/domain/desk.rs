//! The service desk: what contacts cost next to what customers bring, how they ended, where they should go, and how urgent tickets are.
//!
//! It knows contacts, outcomes and the income of a window, not how customers are found or read.

pub mod channel_policy;
pub mod contacts;
pub mod cost;
pub mod figures;
pub mod income;
pub mod ledger;
pub mod outcome;
pub mod statistics;
pub mod tally;
pub mod tickets;
pub mod topics;
pub mod window;

use crate::domain::definitions::LocalizedText;

/// A reason: a stable code for programs and a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskReason {
    /// Stable code.
    pub code: &'static str,
    /// In words.
    pub text: LocalizedText,
}
