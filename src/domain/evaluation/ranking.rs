//! Are the customers that a forecast puts first the ones who bring most? Deciles with their lift, the curve of gain, and in one number
//! the Gini coefficient of that curve and the correlation of ranks.
//!
//! Customers with equal forecasts have no order among them: each counts as the mean of its equals, so that no figure depends on
//! where a sort happened to leave them.

use super::{
    accuracy::{Forecaster, forecasters},
    forecast::Compared,
    number,
};

/// Points of the curve of gain: one for each percent of customers.
const GAIN_POINTS: usize = 100;
/// Tenths.
const DECILES: usize = 10;

/// A tenth of the customers by rank of the forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decile {
    /// 1 is the tenth with the highest expectations.
    pub decile: u32,
    /// How many customers, at least 1.
    pub customers: usize,
    /// What was expected, a customer.
    pub expected_mean: f64,
    /// What came, a customer.
    pub actual_mean: f64,
    /// What came, a customer, over the mean of all; `None` when nothing came of anybody.
    pub lift: Option<f64>,
}

/// A point of the curve of gain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GainPoint {
    /// The best so many of all customers by forecast, `0..=1`.
    pub customer_share: f64,
    /// What they brought of what all brought, `0..=1`. At random: `customer_share`.
    pub actual_share: f64,
    /// What as many customers would have brought at most, `0..=1`: a forecast that knew everything.
    pub perfect_share: f64,
}

/// How well one forecaster ranks customers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranking {
    /// Who.
    pub forecaster: Forecaster,
    /// Twice the area between the curve of gain and the line of a forecast at random, `-1..=1`; `None` when nothing came of anybody.
    pub gini: Option<f64>,
    /// Spearman's correlation of the ranks of what was expected and of what came, equals at their mean rank, `-1..=1`; `None` when all
    /// were expected to be alike, or were.
    pub rank_correlation: Option<f64>,
}

/// How well each forecaster ranks these customers.
pub(super) fn rankings<'a>(
    compared: &(impl Iterator<Item = &'a Compared> + Clone),
) -> Vec<Ranking> {
    let of = |forecaster: Forecaster| {
        let pairs = compared.clone();
        let pairs = pairs.map(|one| (forecaster.expected(one), one.actual));
        let pairs: Vec<(f64, f64)> = pairs.collect();
        Ranking {
            forecaster,
            gini: gini(&pairs),
            rank_correlation: rank_correlation(&pairs),
        }
    };
    forecasters(compared).into_iter().map(of).collect()
}

/// The Gini coefficient of a forecast that knew everything, of the same customers.
pub(super) fn perfect_gini<'a>(compared: impl Iterator<Item = &'a Compared>) -> Option<f64> {
    let pairs: Vec<(f64, f64)> = compared.map(|one| (one.actual, one.actual)).collect();
    gini(&pairs)
}

/// The Gini coefficient, from pairs of expected and actual.
fn gini(pairs: &[(f64, f64)]) -> Option<f64> {
    let ranked = Ranked::new(pairs.iter().copied());
    let (customers, total) = (number(pairs.len()), ranked.actual_total());
    // The curve is straight between two knots.
    let area = ranked.knots.windows(2).map(|ends| {
        let [(from, _, before), (to, _, after)] = ends else {
            return 0.0;
        };
        (to - from) * f64::midpoint(*before, *after)
    });
    (total > 0.0).then(|| 2.0 * area.sum::<f64>() / (customers * total) - 1.0)
}

/// Spearman (1904), "The Proof and Measurement of Association between Two Things", American Journal of Psychology 15(1).
fn rank_correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let expected = centred_ranks(pairs.iter().map(|(expected, _)| *expected).collect());
    let actual = centred_ranks(pairs.iter().map(|(_, actual)| *actual).collect());
    let product = |one: &[f64], other: &[f64]| -> f64 {
        one.iter().zip(other).map(|(one, other)| one * other).sum()
    };
    let spread = (product(&expected, &expected) * product(&actual, &actual)).sqrt();
    (spread > 0.0).then(|| product(&expected, &actual) / spread)
}

/// The rank of each number less the mean rank, equals at their mean.
fn centred_ranks(numbers: Vec<f64>) -> Vec<f64> {
    let mut sorted: Vec<(usize, f64)> = numbers.into_iter().enumerate().collect();
    sorted.sort_unstable_by(|one, other| one.1.total_cmp(&other.1));
    let mut ranks = vec![0.0; sorted.len()];
    let (mut before, middle) = (0, number(sorted.len()) / 2.0);
    for equals in sorted.chunk_by(|one, other| one.1.total_cmp(&other.1).is_eq()) {
        let rank = number(before) + number(equals.len()) / 2.0 - middle;
        for (place, _) in equals {
            ranks[*place] = rank;
        }
        before += equals.len();
    }
    ranks
}

/// The tenths of customers that are not empty, from pairs of expected and actual.
pub(super) fn deciles(pairs: &[(f64, f64)]) -> Vec<Decile> {
    let ranked = Ranked::new(pairs.iter().copied());
    let overall = ranked.actual_total() / number(pairs.len()).max(1.0);
    let decile = |index: usize| {
        let (from, to) = (
            pairs.len() * index / DECILES,
            pairs.len() * (index + 1) / DECILES,
        );
        let (expected_from, actual_from) = ranked.of_best(number(from));
        let (expected_to, actual_to) = ranked.of_best(number(to));
        let n = number(to - from);
        let actual_mean = (actual_to - actual_from) / n;
        (to > from).then(|| Decile {
            decile: u32::try_from(index + 1).unwrap_or(u32::MAX),
            customers: to - from,
            expected_mean: (expected_to - expected_from) / n,
            actual_mean,
            lift: (overall > 0.0).then(|| actual_mean / overall),
        })
    };
    (0..DECILES).filter_map(decile).collect()
}

/// The curve of gain, from pairs of expected and actual; empty when nothing came of anybody.
pub(super) fn gain(pairs: &[(f64, f64)]) -> Vec<GainPoint> {
    let ranked = Ranked::new(pairs.iter().copied());
    let best = Ranked::new(pairs.iter().map(|&(_, actual)| (actual, actual)));
    let total = ranked.actual_total();
    if total <= 0.0 {
        return vec![];
    }
    let point = |at: usize| {
        let customer_share = number(at) / number(GAIN_POINTS);
        let best_customers = customer_share * number(pairs.len());
        GainPoint {
            customer_share,
            actual_share: ranked.of_best(best_customers).1 / total,
            perfect_share: best.of_best(best_customers).1 / total,
        }
    };
    (0..=GAIN_POINTS).map(point).collect()
}

/// Sums over the best customers, as a line through the ends of each block of equals.
struct Ranked {
    /// Customers so far, and what was expected of them and what came: 0 first, then the end of each block.
    knots: Vec<(f64, f64, f64)>,
}

impl Ranked {
    fn new(pairs: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut sorted: Vec<(f64, f64)> = pairs.collect();
        sorted.sort_unstable_by(|one, other| other.0.total_cmp(&one.0));
        let mut knots = vec![(0.0, 0.0, 0.0)];
        let (mut customers, mut expected, mut actual) = (0.0, 0.0, 0.0);
        for block in sorted.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
            for (of_one, came) in block {
                customers += 1.0;
                expected += of_one;
                actual += came;
            }
            knots.push((customers, expected, actual));
        }
        Self { knots }
    }

    fn actual_total(&self) -> f64 {
        self.knots.last().map_or(0.0, |knot| knot.2)
    }

    /// What was expected of the best so many customers, and what came.
    fn of_best(&self, customers: f64) -> (f64, f64) {
        let after = self.knots.partition_point(|knot| knot.0 < customers);
        let end = self.knots[after.min(self.knots.len() - 1)];
        let Some(start) = after.checked_sub(1).map(|before| self.knots[before]) else {
            return (end.1, end.2);
        };
        let part = if end.0 > start.0 {
            ((customers - start.0) / (end.0 - start.0)).min(1.0)
        } else {
            1.0
        };
        (
            start.1 + part * (end.1 - start.1),
            start.2 + part * (end.2 - start.2),
        )
    }
}
