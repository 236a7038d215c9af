//! What Classify and `ScoreLifetimeValue` say, of whom, and on which grounds.

mod crowd;
mod errors;
mod golden;
mod kept;
mod masked;
mod subjects;
mod table;
