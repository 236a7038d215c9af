//! Whether how often customers buy and how much they spend hang together.

use super::CLEARLY;
use crate::domain::clv::fit::rows::SpendRow;
use crate::domain::clv::spend_orders::SpendOrders;

/// A bias of total spend up to this is about what forecasts of orders miss by (CDNOW's holdout: 12 to 16 %).
const HARMLESS_BIAS: f64 = 0.15;

/// How frequency and spend hang together, which the Gamma-Gamma model assumes they do not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpendDependence {
    /// Pearson's correlation of the number of repeat orders with the mean spend of an order, in -1..=1.
    pub correlation: f64,
    /// Spend of all orders over what it would be if frequent customers spent like others, minus 1: what the assumption does to the
    /// total (0.12: the model would miss 12 %).
    pub bias: f64,
    /// Standard error of the bias if there were no dependence.
    pub standard_error: f64,
    /// Customers who ordered again, with a positive spend.
    pub customers: u64,
}

/// What the dependence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependenceVerdict {
    /// No dependence that matters: one that moves the total by more than 15 % would have been seen.
    Independent,
    /// Nothing clear to be seen, but a dependence that moves the total by more than 15 % would not have been seen either.
    TooUncertain,
    /// Frequent customers clearly spend more per order: the value of the best is understated.
    FrequentSpendMore,
    /// Frequent customers clearly spend less per order: the value of the best is overstated.
    FrequentSpendLess,
}

impl SpendDependence {
    /// The verdict: a dependence must be beyond two standard errors and move the total by more than 15 %; to say that there is none,
    /// two standard errors must be less than that.
    #[must_use]
    pub fn verdict(&self) -> DependenceVerdict {
        let margin = CLEARLY * self.standard_error;
        if self.bias.abs() <= HARMLESS_BIAS.max(margin) {
            if margin > HARMLESS_BIAS {
                DependenceVerdict::TooUncertain
            } else {
                DependenceVerdict::Independent
            }
        } else if self.bias > 0.0 {
            DependenceVerdict::FrequentSpendMore
        } else {
            DependenceVerdict::FrequentSpendLess
        }
    }
}

/// Measures how frequency and spend hang together among customers who ordered again, in the orders that a spend model is fitted to; `None`
/// with fewer than three customers or without variation in either. Orders to come are as repeat orders, so the first counts in the mean
/// but not in the frequency, and a customer without another one has none to come that would be off.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub fn spend_dependence(rows: &[SpendRow], orders: SpendOrders) -> Option<SpendDependence> {
    let first = match orders {
        SpendOrders::All => 1,
        SpendOrders::Repeat | SpendOrders::RepeatMeans => 0,
    };
    let rows: Vec<&SpendRow> = rows.iter().filter(|row| row.orders() > first).collect();
    let customers: u64 = rows.iter().map(|row| row.count()).sum();
    let n = customers as f64;
    let mean = |f: &dyn Fn(&SpendRow) -> f64| -> f64 {
        rows.iter()
            .map(|row| f(row) * row.count() as f64)
            .sum::<f64>()
            / n
    };
    let frequency = |row: &SpendRow| f64::from(row.orders() - first);
    let spend = |row: &SpendRow| row.history().mean_spend();
    let (mean_frequency, mean_spend) = (mean(&frequency), mean(&spend));
    let frequency_spread = mean(&|row| (frequency(row) - mean_frequency).powi(2)).sqrt();
    let spend_spread = mean(&|row| (spend(row) - mean_spend).powi(2)).sqrt();
    let covariance = mean(&|row| (frequency(row) - mean_frequency) * (spend(row) - mean_spend));
    if customers < 3 || !(frequency_spread * spend_spread).is_normal() {
        return None;
    }
    let relative_spread = frequency_spread * spend_spread / (mean_frequency * mean_spend);
    Some(SpendDependence {
        correlation: (covariance / (frequency_spread * spend_spread)).clamp(-1.0, 1.0),
        bias: covariance / (mean_frequency * mean_spend),
        standard_error: relative_spread / (n - 1.0).sqrt(),
        customers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::random::Random;
    use crate::domain::clv::reference::{rows, shared_data};

    #[test]
    fn dependence_of_spend_on_frequency_is_seen_when_there_is_some() {
        let mut random = Random::new(37);
        let mut spend = |exponent: f64| -> Vec<SpendRow> {
            (0..3_000)
                .map(|_| {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "small"
                    )]
                    let x = random.poisson(3.0) as u32 + 1;
                    let mean = 20.0 * f64::from(x).powf(exponent) * random.gamma(5.0) / 5.0;
                    SpendRow::new(x, mean, 1).unwrap()
                })
                .collect()
        };
        let verdict = |rows: &[SpendRow]| {
            spend_dependence(rows, SpendOrders::RepeatMeans)
                .unwrap()
                .verdict()
        };
        assert_eq!(verdict(&spend(0.0)), DependenceVerdict::Independent);
        assert_eq!(verdict(&spend(1.0)), DependenceVerdict::FrequentSpendMore);
        assert_eq!(verdict(&spend(-1.0)), DependenceVerdict::FrequentSpendLess);
        let none = |rows: &[SpendRow]| spend_dependence(rows, SpendOrders::All);
        assert_eq!(none(&[]), None);
        assert_eq!(none(&[SpendRow::new(1, 5.0, 9).unwrap()]), None);
    }

    #[test]
    fn without_dependence_it_is_only_denied_where_it_would_have_been_seen() {
        let verdict = |bias, standard_error| {
            let found = SpendDependence {
                correlation: 0.0,
                bias,
                standard_error,
                customers: 12,
            };
            found.verdict()
        };
        assert_eq!(verdict(0.004, 0.57), DependenceVerdict::TooUncertain);
        assert_eq!(verdict(0.004, 0.076), DependenceVerdict::TooUncertain);
        assert_eq!(verdict(0.004, 0.074), DependenceVerdict::Independent);
        assert_eq!(verdict(-0.4, 0.21), DependenceVerdict::TooUncertain);
        assert_eq!(verdict(-0.4, 0.19), DependenceVerdict::FrequentSpendLess);
        assert_eq!(verdict(0.4, 0.19), DependenceVerdict::FrequentSpendMore);
        assert_eq!(verdict(0.106, 0.03), DependenceVerdict::Independent);
    }

    #[test]
    fn cdnow_has_the_weak_correlation_that_its_authors_report() {
        let Some(table) = shared_data("cdnow_customers_summary_with_transactions.csv") else {
            return;
        };
        let spend: Vec<SpendRow> = rows::<(u32, u32, f64, f64, f64)>(&table)
            .into_iter()
            .filter_map(|(_, x, _, _, mean)| SpendRow::new(x, mean, 1).ok())
            .collect();
        let found = spend_dependence(&spend, SpendOrders::RepeatMeans).unwrap();
        println!("CDNOW: {found:?}");
        // Fader, Hardie & Lee (2005, JMR): 0.11 with outliers, 0.06 without.
        assert!((found.correlation - 0.11).abs() < 0.01, "{found:?}");
        assert_eq!(found.verdict(), DependenceVerdict::Independent);
    }
}
