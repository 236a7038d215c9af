//! Are the customers that the model puts first the ones who bring most? Deciles with their lift, and the curve of gain.
//!
//! Customers with equal forecasts have no order among them: each counts as the mean of its equals, so that no figure depends on
//! where a sort happened to leave them.

use super::number;

/// Points of the curve of gain: one for each percent of customers.
const GAIN_POINTS: usize = 100;
/// Tenths.
const DECILES: usize = 10;

/// A tenth of the customers by rank of the forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decile {
    /// 1 is the tenth of whom most was expected.
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
    pub best_share: f64,
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
            best_share: best.of_best(best_customers).1 / total,
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
