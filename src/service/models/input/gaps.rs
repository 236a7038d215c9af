//! Times between orders, of all customers who have two of them or of a sample of these.

use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::Day,
        profile::{History, last_gaps},
    },
    service::error::ServiceError,
    store::{self, model_input::BUCKETS},
};

/// So many customers are measured at most, give or take the chance of a hash. Their packed profiles are read, which a million would make
/// slow; with 20,000 the shape of purely random times has a standard error of about 0.02 (simulated in `domain/value/checks.rs`: 0.03
/// to 0.05 with 5,000), far below what a verdict turns on.
const SAMPLE: u64 = 20_000;

/// The last two times between purchase days of customers with at least three.
#[derive(Default)]
pub(in crate::service::models) struct Gaps {
    /// Days.
    pub(in crate::service::models) pairs: Vec<(u32, u32)>,
    /// Customers who have them.
    pub(in crate::service::models) eligible: u64,
    /// Those who were read one by one, with their bucket, until it is known how large a share the sample takes.
    one_by_one: Vec<(i32, (u32, u32))>,
}

impl Gaps {
    /// Adds a customer who was read anyway.
    pub(super) fn push(&mut self, bucket: i32, history: &History) {
        let days = history.purchases.iter().map(|entry| entry.day.number());
        let gaps = last_gaps(days);
        self.one_by_one.extend(gaps.map(|gaps| (bucket, gaps)));
    }

    /// Completes the sample, once everybody was counted.
    pub(super) async fn sample(
        &mut self,
        connection: &mut PgConnection,
        until: Day,
    ) -> Result<(), ServiceError> {
        if self.eligible == 0 {
            return Ok(());
        }
        let buckets = buckets(self.eligible);
        self.pairs = store::model_input::list_gaps(connection, until, buckets).await?;
        let one_by_one = std::mem::take(&mut self.one_by_one).into_iter();
        let sampled = one_by_one.filter(|(bucket, _)| *bucket < buckets);
        self.pairs.extend(sampled.map(|(_, gaps)| gaps));
        // Sums of floats depend on their order, which the database does not promise.
        self.pairs.sort_unstable();
        Ok(())
    }
}

/// How many of all buckets make a sample of about [`SAMPLE`].
fn buckets(eligible: u64) -> i32 {
    let share = SAMPLE.saturating_mul(BUCKETS.unsigned_abs().into());
    i32::try_from(share.div_ceil(eligible.max(1)))
        .unwrap_or(BUCKETS)
        .min(BUCKETS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_customers_are_all_measured_and_many_by_a_share() {
        assert_eq!(buckets(1), BUCKETS);
        assert_eq!(buckets(SAMPLE), BUCKETS);
        assert_eq!(buckets(2 * SAMPLE), BUCKETS / 2);
        assert_eq!(buckets(1_000_000), 1_311);
        assert_eq!(buckets(u64::MAX), 1);
    }
}
