//! What Classify and `ScoreLifetimeValue` return, for which customers, and on which basis.

mod crowd;
mod errors;
mod golden;
mod kept;
mod masked;
mod subjects;
mod table;
