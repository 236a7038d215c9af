//! What a fit learns from samples of customers: how regular their orders are, and what is usual of their contacts.

use sqlx::PgConnection;

use crate::{
    domain::{
        basis::Basis,
        calendar::Day,
        clv::{checks::regularity::regularity, fit::rows::CollapsedRow},
        customer::profile::{History, last_gaps},
        fitted::{
            contact_model::{ContactModel, census::Census},
            report::StoredRegularity,
        },
        money::Currency,
    },
    service::error::ServiceError,
    store::{
        self,
        fit_samples::{BUCKETS, Sampled, Shares},
    },
};

/// So many customers are measured for regularity at most, give or take the chance of a hash. With 20,000 the shape of purely random times
/// has a standard error of about 0.02 (0.022 with the 5,000 of CDNOW's cohort), far below what a verdict turns on.
const FOR_REGULARITY: u64 = 20_000;

/// So many customers are enough to know what contacts are usual: the standard error of a shape is then about 2 %, and reading more would
/// take longer than the fit of orders. A kind that is a hundredth of them still has five hundred.
const FOR_CONTACTS: u64 = 50_000;

/// Who has times between orders: counted while rows are read.
#[derive(Default)]
pub(super) struct GapCount {
    /// Customers with at least three purchase days.
    eligible: u64,
    /// The times of those whose history was read anyway, with their bucket, until it is known how large a share the sample takes.
    one_by_one: Vec<(i32, (u32, u32))>,
}

impl GapCount {
    /// Counts the customers of a row.
    pub(super) fn count(&mut self, row: &CollapsedRow) {
        if row.frequency() >= 2 {
            self.eligible += row.count();
        }
    }

    /// Keeps the times of a customer whom the sample of the database will not have: one with facts after the day of the fit.
    pub(super) fn push(&mut self, bucket: i32, history: &History) {
        let days = history.purchases.iter().map(|entry| entry.day.number());
        let gaps = last_gaps(days);
        self.one_by_one.extend(gaps.map(|gaps| (bucket, gaps)));
    }
}

/// The samples.
pub(super) struct Samples {
    /// The last two times between purchase days of customers with at least three, days.
    gaps: Vec<(u32, u32)>,
    /// Customers with at least three purchase days.
    eligible: u64,
    census: Census,
}

/// What the samples tell.
pub(super) struct FromSamples {
    pub(super) regularity: Result<StoredRegularity, String>,
    pub(super) contacts: ContactModel,
}

/// Reads the samples of `customers` as of a day. Costs are converted to the reporting currency of `basis`.
pub(super) async fn read(
    connection: &mut PgConnection,
    until: Day,
    customers: u64,
    gaps: GapCount,
    basis: &Basis,
) -> Result<Samples, ServiceError> {
    let shares = Shares {
        histories: buckets(FOR_CONTACTS, customers),
        gaps: buckets(FOR_REGULARITY, gaps.eligible),
    };
    let one_by_one = gaps.one_by_one.into_iter();
    let one_by_one = one_by_one.filter(|(bucket, _)| *bucket < shares.gaps);
    let mut samples = Samples {
        gaps: one_by_one.map(|(_, gaps)| gaps).collect(),
        eligible: gaps.eligible,
        census: Census::new(until),
    };
    store::fit_samples::read(connection, until, shares, |sampled| match sampled {
        Sampled::Gaps(first, second) => samples.gaps.push((first, second)),
        Sampled::History(kind, history) => {
            samples.census.add(kind, &history, |minor, currency, day| {
                basis.reporting_major(minor, currency, day).ok()
            });
        }
    })
    .await?;
    Ok(samples)
}

impl Samples {
    /// What they tell, with costs in `currency`, the reporting currency that they were read with.
    pub(super) fn fit(mut self, currency: Option<Currency>) -> FromSamples {
        // Sums of floats depend on their order, which the database does not promise.
        self.gaps.sort_unstable();
        FromSamples {
            regularity: self.regularity(),
            contacts: self.census.fit(currency),
        }
    }

    fn regularity(&self) -> Result<StoredRegularity, String> {
        match regularity(self.gaps.iter().copied()) {
            Some(found) if found.shape.is_finite() && found.standard_error.is_finite() => {
                Ok(StoredRegularity {
                    shape: found.shape,
                    standard_error: found.standard_error,
                    customers: found.customers,
                    eligible: self.eligible,
                })
            }
            Some(_) => {
                Err("all customers order at regular times: the last two intervals hardly differ".to_owned())
            }
            None => Err(
                "fewer than two customers have three purchase days, the last at least four days after the first of them"
                    .to_owned(),
            ),
        }
    }
}

/// How many of all buckets make a sample of about `enough` of so many customers.
fn buckets(enough: u64, customers: u64) -> i32 {
    let share = enough.saturating_mul(BUCKETS.unsigned_abs().into());
    i32::try_from(share.div_ceil(customers.max(1)))
        .unwrap_or(BUCKETS)
        .min(BUCKETS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_customers_are_all_read_and_many_by_a_share() {
        assert_eq!(buckets(20_000, 0), BUCKETS);
        assert_eq!(buckets(20_000, 20_000), BUCKETS);
        assert_eq!(buckets(20_000, 40_000), BUCKETS / 2);
        assert_eq!(buckets(20_000, 1_000_000), 1_311);
        assert_eq!(buckets(20_000, u64::MAX), 1);
    }
}
