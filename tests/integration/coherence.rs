//! What is answered is never older than what was acknowledged, even if callers give up while the database works for them; and what is in memory is
//! answered, with a mark, while there is no database.

mod ahead;
mod away;
mod begun;
mod lost;
mod silent;
mod start;
mod storm;
