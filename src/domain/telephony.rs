//! What a call brings: a number as the trunk writes it, and what it says of who calls.
//!
//! The same digits are different numbers on different trunks, so how to read them is a property of where they come from, a
//! [`NumberPlan`](plan::NumberPlan), and never a guess. Every face, the import and the command line read numbers here and nowhere else.

mod assigned;
pub mod caller;
mod known;
pub mod number;
pub mod plan;
mod written;

pub use self::assigned::{METADATA_VERSION, Region, warm};
