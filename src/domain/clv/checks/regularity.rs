//! How regular the times between orders are, measured on the grid of whole days.

use std::collections::BTreeMap;

use super::CLEARLY;

/// From this regularity on a model with Erlang times tells more than one with exponential times.
const NOTABLE_REGULARITY: f64 = 1.25;
/// Two times of fewer days together are the same or one day apart, however regular the customer is.
const FEWEST_DAYS: u32 = 4;
/// Times of more days together are compared as if they had so many: their grid is too fine to matter (0.3 % of the shape).
const MOST_DAYS: u32 = 1_000;
/// Beyond this shape times are equal for all that whole days can tell.
const LARGEST_SHAPE: f64 = 1_000.0;
/// Far more than the search takes (about 6).
const MOST_STEPS: u32 = 60;

/// How regular the times between orders are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regularity {
    /// Shape of the Erlang distribution of the times between a customer's orders: 1 is purely random, as all models here assume,
    /// 2 and more is clockwork; infinite for perfect clockwork.
    pub shape: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Customers with two times between orders of four days or more together: of fewer nothing can be told.
    pub customers: u32,
}

/// What the regularity means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegularityVerdict {
    /// Purely random times, or so near to them that it does not matter.
    Random,
    /// It cannot be told: within two standard errors the shape may mean this or that.
    TooUncertain,
    /// Clearly more regular: models with Erlang times (`(M)BG/CNBD-k` of `BTYDplus`) would fit better; probabilities of being alive
    /// here react too slowly to a missed order.
    Regular,
    /// Clearly in bursts: orders come in clusters; consider counting orders within some days as one.
    Clustered,
}

impl Regularity {
    /// The verdict, given only where the shape within two standard errors allows no other: random is 0.8 to 1.25.
    #[must_use]
    pub fn verdict(&self) -> RegularityVerdict {
        let margin = CLEARLY * self.standard_error;
        let (low, high) = (self.shape - margin, self.shape + margin);
        let random = NOTABLE_REGULARITY.recip()..=NOTABLE_REGULARITY;
        if low > *random.end() {
            RegularityVerdict::Regular
        } else if high < *random.start() {
            RegularityVerdict::Clustered
        } else if random.contains(&low) && random.contains(&high) {
            RegularityVerdict::Random
        } else {
            RegularityVerdict::TooUncertain
        }
    }
}

/// Estimates the regularity from two successive times between purchase days of each customer, days (any two; usually the last).
/// `None` with fewer than two customers whose times have [four days or more](Regularity::customers) together.
///
/// Wheat & Morrison (1990), "Estimating Purchase Regularity with Two Interpurchase Times", Journal of Marketing Research 27(1), 87-93:
/// the share of the first in the sum of both has variance `1 / (4 (2k + 1))` about 1/2, whatever the customers' rates are. That is so
/// for times on a line. Purchases on one day are one here, so times are whole days from 1 on: of a random buyer geometric, and given
/// their sum `s` the first is uniform on `1..s`, with a variance of `(s - 2) / (12 s)`. Where sums are short that is far less than
/// `1 / 12`, and their formula finds a shape of 1.4 in one random order a week. Hence each customer's squared distance from 1/2 is
/// compared with what the sum allows: the first time has the weights `(g (s - g))^(k - 1)` on `1..s`, those of gamma times on the grid,
/// exact for `k = 1`. The shape is that at which both add up to the same: of simulated customers with a shape of 2 to 4 it is found
/// within 10 % down to one order in three days; bursts of some hours are one purchase day and look burstier than they are.
#[must_use]
pub fn regularity(gaps_days: impl IntoIterator<Item = (u32, u32)>) -> Option<Regularity> {
    let sample = Sample::new(gaps_days);
    if sample.customers < 2 {
        return None;
    }
    let (shape, at_shape) = sample.shape();
    let n = f64::from(sample.customers);
    let scatter = (sample.squared_residuals(shape) * n / (n - 1.0)).sqrt();
    Some(Regularity {
        shape,
        standard_error: if shape.is_finite() {
            scatter / at_shape.slope.abs()
        } else {
            0.0
        },
        customers: sample.customers,
    })
}

/// What was measured of the customers whose times have the same sum.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    customers: f64,
    /// Sum of the squared distances of the share from 1/2.
    sum: f64,
    /// Sum of their squares.
    sum_of_squares: f64,
}

/// All customers, by the sum of their two times.
struct Sample {
    groups: BTreeMap<u32, Group>,
    customers: u32,
    /// `ln g` of all whole numbers in use.
    logarithms: Vec<f64>,
}

/// A squared distance from 1/2 as a shape lets expect it, and its derivative by the shape, which is negative.
#[derive(Debug, Clone, Copy, Default)]
struct Expected {
    value: f64,
    slope: f64,
}

impl Sample {
    fn new(gaps_days: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut groups: BTreeMap<u32, Group> = BTreeMap::new();
        let mut customers = 0_u32;
        for (first, second) in gaps_days {
            let days = first.saturating_add(second);
            if first == 0 || second == 0 || days < FEWEST_DAYS {
                continue;
            }
            let square = (f64::from(first) / f64::from(days) - 0.5).powi(2);
            let group = groups.entry(days.min(MOST_DAYS)).or_default();
            group.customers += 1.0;
            group.sum += square;
            group.sum_of_squares += square * square;
            customers = customers.saturating_add(1);
        }
        let most = groups.last_key_value().map_or(0, |(&days, _)| days);
        Self {
            groups,
            customers,
            logarithms: (0..=most).map(|g| f64::from(g).ln()).collect(),
        }
    }

    /// The shape at which expected and measured distances add up to the same, with the expected ones; between 0 and infinity.
    fn shape(&self) -> (f64, Expected) {
        let measured: f64 = self.groups.values().map(|group| group.sum).sum();
        let (mut low, mut high) = (0.0, LARGEST_SHAPE);
        let most_even = self.expected(high);
        if measured <= most_even.value {
            return (f64::INFINITY, most_even);
        }
        let mut shape: f64 = 1.0;
        let mut expected = self.expected(shape);
        for _ in 0..MOST_STEPS {
            if expected.value > measured {
                low = shape;
            } else {
                high = shape;
            }
            // Newton's step for the reciprocal, which is all but linear in the shape.
            let step = expected.value * (expected.value / measured - 1.0) / -expected.slope;
            let next = shape + step;
            let next = if next > low && next < high {
                next
            } else {
                f64::midpoint(low, high)
            };
            let settled = (next - shape).abs() <= 1e-9 * shape;
            shape = next;
            expected = self.expected(shape);
            if settled {
                break;
            }
        }
        (shape, expected)
    }

    /// Sum over all customers.
    fn expected(&self, shape: f64) -> Expected {
        self.groups
            .iter()
            .fold(Expected::default(), |total, (&days, group)| {
                let one = self.expected_of(days, shape);
                Expected {
                    value: total.value + group.customers * one.value,
                    slope: total.slope + group.customers * one.slope,
                }
            })
    }

    /// Of one customer, given the sum of the times.
    fn expected_of(&self, days: u32, shape: f64) -> Expected {
        let s = f64::from(days);
        let half = days / 2;
        let ln = |days: u32| self.logarithms.get(days as usize).copied().unwrap_or(0.0);
        let peak = ln(half) + ln(days - half);
        let (mut mass, mut square, mut log, mut both) = (0.0, 0.0, 0.0, 0.0);
        // Both halves are alike; of an even sum the middle has no twin.
        for g in 1..=half {
            let log_weight = ln(g) + ln(days - g) - peak;
            let twins = if 2 * g == days { 1.0 } else { 2.0 };
            let weight = twins * ((shape - 1.0) * log_weight).exp();
            let distance = (f64::from(g) / s - 0.5).powi(2);
            mass += weight;
            square += weight * distance;
            log += weight * log_weight;
            both += weight * distance * log_weight;
        }
        let value = square / mass;
        Expected {
            value,
            slope: both / mass - value * (log / mass),
        }
    }

    fn squared_residuals(&self, shape: f64) -> f64 {
        let groups = self.groups.iter();
        groups
            .map(|(&days, group)| {
                let expected = self.expected_of(days, shape).value;
                group.sum_of_squares - 2.0 * expected * group.sum
                    + group.customers * expected * expected
            })
            .sum::<f64>()
            .max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::clv::random::Random;
    use crate::domain::clv::reference::{assert_close, rows, shared_data};

    #[test]
    fn given_their_sum_random_times_have_the_variance_of_a_uniform_share() {
        // Sum 4: shares 1/4, 2/4, 3/4, so (1/16 + 0 + 1/16) / 3 = 1/24 = (4 - 2) / (12 * 4).
        let sample = Sample::new([(500, 500)]);
        for days in [4_u32, 5, 14, 15, 999] {
            let s = f64::from(days);
            let expected = sample.expected_of(days, 1.0);
            assert_close("variance", expected.value, (s - 2.0) / (12.0 * s), 1e-12);
            let step = 1e-4;
            let slope = (sample.expected_of(days, 1.0 + step).value
                - sample.expected_of(days, 1.0 - step).value)
                / (2.0 * step);
            assert_close("slope", expected.slope, slope, 1e-6);
        }
        // On a fine grid the formula of the paper holds.
        let expected = sample.expected_of(1_000, 3.0).value;
        assert_close("shape 3", expected, 1.0 / 28.0, 1e-4);
    }

    #[test]
    fn a_measured_variance_gives_the_shape_that_has_it() {
        // All sums are 4 and shares 1/4, 2/4, 2/4, 3/4: the mean square is 1/32. With weights 3^(k-1), 4^(k-1), 3^(k-1) that is
        // 2/16 * 3^(k-1) / (2 * 3^(k-1) + 4^(k-1)) = 1/32, so 4^(k-1) = 2 * 3^(k-1): k = 1 + ln 2 / ln (4/3).
        let found = regularity([(1, 3), (2, 2), (2, 2), (3, 1)]).unwrap();
        assert_close(
            "shape",
            found.shape,
            1.0 + 2_f64.ln() / (4.0_f64 / 3.0).ln(),
            1e-9,
        );
        assert_eq!(found.customers, 4);
        assert_eq!(found.verdict(), RegularityVerdict::TooUncertain);
    }

    /// The last two times between purchase days, whole days, of customers whose orders come after Erlang times of `shape`
    /// with a mean of `mean_days`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small whole days"
    )]
    fn on_whole_days(shape: f64, mean_days: f64) -> Regularity {
        let mut random = Random::new(41);
        let pairs = (0..8_000).map(|_| {
            let (mut time, mut days) = (random.uniform(), vec![]);
            while days.len() < 10 {
                time += random.gamma(shape) * mean_days / shape;
                let day = time as u32;
                if days.last() != Some(&day) {
                    days.push(day);
                }
            }
            (days[8] - days[7], days[9] - days[8])
        });
        regularity(pairs.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn random_times_counted_in_whole_days_are_random() {
        for mean_days in [2.0, 3.0, 7.0, 30.0] {
            let found = on_whole_days(1.0, mean_days);
            println!("every {mean_days} days: {found:?}");
            assert!(
                (found.shape - 1.0).abs() < 3.0 * found.standard_error,
                "every {mean_days} days: {found:?}"
            );
            assert!(found.standard_error < 0.1);
            assert_eq!(found.verdict(), RegularityVerdict::Random);
        }
        // One order a week, by the clock and in bursts.
        for (shape, verdict) in [
            (2.0, RegularityVerdict::Regular),
            (4.0, RegularityVerdict::Regular),
            (0.4, RegularityVerdict::Clustered),
        ] {
            let found = on_whole_days(shape, 7.0);
            println!("shape {shape}: {found:?}");
            assert_eq!(found.verdict(), verdict, "{found:?}");
            if shape > 1.0 {
                let difference = (found.shape - shape).abs();
                assert!(
                    difference < 3.0 * found.standard_error,
                    "{shape}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn times_that_tell_nothing_are_left_out() {
        assert_eq!(regularity([(3, 4)]), None);
        assert_eq!(regularity([(1, 1), (1, 2), (2, 1), (0, 9), (7, 8)]), None);
        let clockwork = regularity([(7, 7), (5, 5)]).unwrap();
        assert!(clockwork.shape.is_infinite());
        assert_eq!(clockwork.verdict(), RegularityVerdict::Regular);
        // Bursts beyond all bounds: the shape stops at 0.
        let bursts = regularity([(1, 200), (300, 1), (1, 99), (1, 800)]).unwrap();
        assert!(bursts.shape < 1e-6 && bursts.standard_error.is_finite());
    }

    #[test]
    fn few_customers_tell_nothing() {
        let verdict = |shape, standard_error| {
            let found = Regularity {
                shape,
                standard_error,
                customers: 12,
            };
            found.verdict()
        };
        assert_eq!(verdict(1.7, 0.68), RegularityVerdict::TooUncertain);
        assert_eq!(verdict(1.0, 0.2), RegularityVerdict::TooUncertain);
        assert_eq!(verdict(1.0, 0.09), RegularityVerdict::Random);
        assert_eq!(verdict(1.7, 0.2), RegularityVerdict::Regular);
        assert_eq!(verdict(0.5, 0.1), RegularityVerdict::Clustered);
        assert_eq!(verdict(f64::INFINITY, 0.0), RegularityVerdict::Regular);
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
}
