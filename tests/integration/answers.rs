//! What Classify and `ScoreLifetimeValue` say, of whom, and on which grounds.

mod crowd;
mod errors;
mod kept;
mod subjects;
mod table;
