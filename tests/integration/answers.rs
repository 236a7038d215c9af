//! What Classify and `ScoreLifetimeValue` say, of whom, and on which grounds.

mod errors;
mod subjects;
mod table;
