//! Settings of what is held in memory.

use clap::Args;

use super::ByteSize;

/// How much is held in memory, and of whom from the start on.
#[derive(Debug, Clone, Copy, Args)]
pub struct MemorySettings {
    /// Memory for cached profiles and identifiers, in bytes or with a unit, such as 512MiB.
    ///
    /// The default holds over a hundred thousand customers of up to 2 kB each.
    #[arg(
        long,
        env = "PATRON_CACHE_MEMORY",
        value_name = "SIZE",
        default_value = "256MiB"
    )]
    pub cache_memory: ByteSize,

    /// Customers to load into memory at the start, those with the latest facts first; 0: none.
    ///
    /// They are loaded while calls are answered, so that most callers after a restart find their answer in memory. Loading ends early where
    /// three quarters of the memory are full.
    #[arg(
        long,
        env = "PATRON_WARM_START_CUSTOMERS",
        value_name = "COUNT",
        default_value_t = 10_000
    )]
    pub warm_start_customers: u32,
}
