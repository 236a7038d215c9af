//! Settings of what is held in memory.

use clap::Args;

use super::ByteSize;

/// Bytes that the smallest profile takes in memory with its identifiers: more customers than fit are not looked for.
const SMALLEST_CUSTOMER: u64 = 512;

/// How much is held in memory, and how many customers are loaded into it at the start.
#[derive(Debug, Clone, Copy, Args)]
pub struct MemorySettings {
    /// Memory for cached profiles and identifiers, in bytes or with a unit, such as 512MiB.
    ///
    /// Finished answers are included, and the profiles that were unpacked last. The default holds about 63,000 customers with 20 purchase days,
    /// 20 contact days, 25 attributes and three identifiers each.
    #[arg(
        long,
        env = "PATRON_CACHE_MEMORY",
        value_name = "SIZE",
        default_value = "256MiB"
    )]
    pub cache_memory: ByteSize,

    /// Customers to load into memory at the start, those who bought last first; 0: none.
    ///
    /// They are loaded while calls are answered, so that callers after a restart find their answer in memory. Loading ends early where three
    /// quarters of the memory of profiles are full.
    #[arg(
        long,
        env = "PATRON_WARM_START_CUSTOMERS",
        value_name = "COUNT",
        default_value_t = 10_000
    )]
    pub warm_start_customers: u32,
}

impl MemorySettings {
    /// How many customers are looked for at the start: no more than memory can hold.
    #[must_use]
    pub fn warm_start_most(&self) -> i64 {
        let room = self.cache_memory.bytes() / SMALLEST_CUSTOMER;
        let most = room.min(self.warm_start_customers.into());
        i64::try_from(most).unwrap_or(i64::MAX)
    }
}
