//! Do the assumptions hold? Two checks that every practitioner asks for and few tools make.
//!
//! They look at data, not at models, and give a number, its uncertainty and a verdict in words.

use super::fit::rows::SpendRow;

/// Two standard errors: a verdict is only given beyond them.
const CLEARLY: f64 = 2.0;
/// From this regularity on a model with Erlang times tells more than one with exponential times.
const NOTABLE_REGULARITY: f64 = 1.25;
/// A bias of total spend up to this is about what forecasts of orders miss by (CDNOW's holdout: 12 to 16 %).
const HARMLESS_BIAS: f64 = 0.15;

/// How regular the times between orders are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regularity {
    /// Shape of the Erlang distribution of the times between a customer's orders: 1 is purely random, as all models here assume,
    /// 2 and more is clockwork; infinite for perfect clockwork.
    pub shape: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Customers with two times between orders.
    pub customers: u32,
}

/// What the regularity means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegularityVerdict {
    /// Nothing speaks against purely random times.
    Random,
    /// Clearly more regular: models with Erlang times (`(M)BG/CNBD-k` of `BTYDplus`) would fit better; probabilities of being alive
    /// here react too slowly to a missed order.
    Regular,
    /// Clearly in bursts: orders come in clusters; consider counting orders within some days as one.
    Clustered,
}

impl Regularity {
    /// The verdict, given only beyond two standard errors.
    #[must_use]
    pub fn verdict(&self) -> RegularityVerdict {
        let margin = CLEARLY * self.standard_error;
        if self.shape - margin > NOTABLE_REGULARITY {
            RegularityVerdict::Regular
        } else if self.shape + margin < NOTABLE_REGULARITY.recip() {
            RegularityVerdict::Clustered
        } else {
            RegularityVerdict::Random
        }
    }
}

/// Estimates the regularity from two successive times between orders of each customer, days (any two; usually the last).
/// `None` with fewer than two customers who have them, or with only zero times.
///
/// Wheat & Morrison (1990), "Estimating Purchase Regularity with Two Interpurchase Times", Journal of Marketing Research 27(1), 87-93:
/// the share of the first in the sum of both has variance `1 / (4 (2k + 1))` about 1/2, whatever the customers' rates are.
#[must_use]
pub fn regularity(gaps_days: impl IntoIterator<Item = (u32, u32)>) -> Option<Regularity> {
    let squares: Vec<f64> = gaps_days
        .into_iter()
        .filter(|&(first, second)| first > 0 || second > 0)
        .map(|(first, second)| {
            let (first, second) = (f64::from(first), f64::from(second));
            (first / (first + second) - 0.5).powi(2)
        })
        .collect();
    let customers = u32::try_from(squares.len()).unwrap_or(u32::MAX);
    if customers < 2 {
        return None;
    }
    let n = f64::from(customers);
    let variance = squares.iter().sum::<f64>() / n;
    let spread = squares
        .iter()
        .map(|square| (square - variance).powi(2))
        .sum::<f64>()
        / (n - 1.0);
    // k = 1/(8 v) - 1/2, and its derivative.
    Some(Regularity {
        shape: (8.0 * variance).recip() - 0.5,
        standard_error: if variance > 0.0 {
            (spread / n).sqrt() / (8.0 * variance * variance)
        } else {
            0.0
        },
        customers,
    })
}

/// How frequency and spend hang together, which the Gamma-Gamma model assumes they do not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpendDependence {
    /// Pearson's correlation of the number of repeat orders with their mean spend, in -1..=1.
    pub correlation: f64,
    /// Spend of all orders over what it would be if frequent customers spent like others, minus 1: what the assumption does to the
    /// total (0.12: the model would miss 12 %).
    pub bias: f64,
    /// Standard error of the bias if there were no dependence.
    pub standard_error: f64,
    /// Customers with a positive repeat spend.
    pub customers: u64,
}

/// What the dependence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependenceVerdict {
    /// No dependence to be seen, or none that matters.
    Independent,
    /// Frequent customers clearly spend more per order: the value of the best is understated.
    FrequentSpendMore,
    /// Frequent customers clearly spend less per order: the value of the best is overstated.
    FrequentSpendLess,
}

impl SpendDependence {
    /// The verdict: a dependence must be beyond two standard errors and move the total by more than 15 %.
    #[must_use]
    pub fn verdict(&self) -> DependenceVerdict {
        if self.bias.abs() <= HARMLESS_BIAS.max(CLEARLY * self.standard_error) {
            DependenceVerdict::Independent
        } else if self.bias > 0.0 {
            DependenceVerdict::FrequentSpendMore
        } else {
            DependenceVerdict::FrequentSpendLess
        }
    }
}

/// Measures how frequency and spend hang together; `None` with fewer than three customers or without variation in either.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub fn spend_dependence(rows: &[SpendRow]) -> Option<SpendDependence> {
    let customers: u64 = rows.iter().map(SpendRow::count).sum();
    let n = customers as f64;
    let mean = |f: &dyn Fn(&SpendRow) -> f64| -> f64 {
        rows.iter()
            .map(|row| f(row) * row.count() as f64)
            .sum::<f64>()
            / n
    };
    let frequency = |row: &SpendRow| f64::from(row.history().frequency());
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::value::random::Random;
    use crate::domain::value::reference::{rows, shared_data};

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small whole days"
    )]
    fn simulated(shape: f64) -> Regularity {
        let mut random = Random::new(31);
        let gaps = (0..5_000).map(|_| {
            let mean = 40.0 / random.gamma(3.0);
            let mut gap = || (mean * random.gamma(shape) * 10_000.0).ceil() as u32;
            (gap(), gap())
        });
        regularity(gaps.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn regularity_of_simulated_customers_is_recovered() {
        for (shape, verdict) in [
            (1.0, RegularityVerdict::Random),
            (2.0, RegularityVerdict::Regular),
            (0.4, RegularityVerdict::Clustered),
        ] {
            let found = simulated(shape);
            assert!(
                (found.shape - shape).abs() < 4.0 * found.standard_error,
                "{found:?}"
            );
            assert!(found.standard_error < 0.1 * shape);
            assert_eq!(found.verdict(), verdict);
        }
        assert_eq!(regularity([(3, 4)]), None);
        assert_eq!(regularity([(0, 0), (0, 0), (1, 1)]), None);
        assert!(regularity([(7, 7), (5, 5)]).unwrap().shape.is_infinite());
    }

    #[test]
    fn grocery_shoppers_are_regular_and_cd_buyers_are_not() {
        let (Some(grocery), Some(cdnow)) = (
            shared_data("grocery_elog.csv"),
            shared_data("cdnow_sample_log.csv"),
        ) else {
            return;
        };
        let grocery = rows::<(String, String)>(&grocery).into_iter();
        let found = regularity(last_gaps(grocery)).unwrap();
        println!("grocery: {found:?}");
        assert_eq!(found.verdict(), RegularityVerdict::Regular);
        let cdnow = rows::<(String, String, String, u32, f64)>(&cdnow)
            .into_iter()
            .map(|(_, customer, date, ..)| (customer, date));
        let found = regularity(last_gaps(cdnow)).unwrap();
        println!("CDNOW: {found:?}");
        assert_ne!(found.verdict(), RegularityVerdict::Regular);
    }

    /// The last two times between purchase days of each customer with three; dates as `yyyy-mm-dd`.
    fn last_gaps(log: impl Iterator<Item = (String, String)>) -> Vec<(u32, u32)> {
        let mut days: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for (customer, date) in log {
            let date: jiff::civil::Date = date.parse().unwrap();
            let day = date
                .since(jiff::civil::date(1990, 1, 1))
                .unwrap()
                .get_days();
            days.entry(customer).or_default().push(i64::from(day));
        }
        days.into_values()
            .filter_map(|mut days| {
                days.sort_unstable();
                days.dedup();
                let [.., a, b, c] = days[..] else { return None };
                Some((u32::try_from(b - a).unwrap(), u32::try_from(c - b).unwrap()))
            })
            .collect()
    }

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
        let verdict = |rows: &[SpendRow]| spend_dependence(rows).unwrap().verdict();
        assert_eq!(verdict(&spend(0.0)), DependenceVerdict::Independent);
        assert_eq!(verdict(&spend(1.0)), DependenceVerdict::FrequentSpendMore);
        assert_eq!(verdict(&spend(-1.0)), DependenceVerdict::FrequentSpendLess);
        assert_eq!(spend_dependence(&[]), None);
        assert_eq!(spend_dependence(&[SpendRow::new(1, 5.0, 9).unwrap()]), None);
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
        let found = spend_dependence(&spend).unwrap();
        println!("CDNOW: {found:?}");
        // Fader, Hardie & Lee (2005, JMR): 0.11 with outliers, 0.06 without.
        assert!((found.correlation - 0.11).abs() < 0.01, "{found:?}");
        assert_eq!(found.verdict(), DependenceVerdict::Independent);
    }
}
