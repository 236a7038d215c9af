//! What is held in memory: profiles by customer id, and who is found by an identifier. Both are copies of Postgres that every write of
//! this process brings up to date at once; see [`read_through`] for why a slow load cannot bring back what a write has outdated.

mod floors;
pub mod identifiers;
pub mod memory;
pub mod model_versions;
pub mod profiles;
pub mod read_through;
