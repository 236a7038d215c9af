//! Orders by part of the year, actual and expected, and the levels that follow.

use std::collections::BTreeMap;

use super::OrdersByDay;
use crate::domain::calendar::Day;
use crate::domain::clv::cohorts::Cohorts;
use crate::domain::clv::season::clock::{PARTS, SeasonClock, year_and_part};
use crate::domain::clv::special_functions::incomplete::incomplete_gamma_upper;
use crate::domain::stop;

/// Weights of each of the two neighbours that are tried: from none, for seasons that begin in one week, to a plain mean of three weeks.
const NEIGHBOURS: [f64; 4] = [0.0, 0.125, 0.25, 1.0 / 3.0];
/// Levels whose mean is 1.
const FREE_LEVELS: f64 = 51.0;
/// A part in which nobody ordered is a quiet one, not one in which nobody could.
const LOWEST: f64 = 0.02;

/// Orders of one part of the year, of one year or of all, or a weighted sum of them.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    actual: f64,
    /// By the model without seasons, in all as many as there are.
    expected: f64,
}

/// Orders by part of the year.
pub(super) struct Parts {
    /// Of each year.
    cells: Vec<(usize, Count)>,
    /// Of all years.
    years: [Count; PARTS],
}

/// The levels of an index.
#[derive(Clone, Copy)]
pub(super) struct Estimate {
    pub(super) levels: [f64; PARTS],
    /// Of each level, as if it were not smoothed.
    pub(super) variances: [f64; PARTS],
    pub(super) effective_parameters: f64,
    /// Estimate of the squared distance from the true levels, up to a constant.
    risk: f64,
}

impl Parts {
    /// Repeat orders until a day beside those of `cohorts`, whose time passes by `clock`.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    pub(super) fn new(
        cohorts: &Cohorts<'_>,
        clock: &SeasonClock,
        orders: &OrdersByDay,
        until: Day,
    ) -> Self {
        let mut cells: BTreeMap<(i32, usize), Count> = BTreeMap::new();
        let mut expected_before = 0.0;
        let mut day = cohorts.first_day().unwrap_or(until);
        while day <= until {
            stop::check();
            let expected = cohorts.expected_until(day);
            let cell = cells.entry(year_and_part(day)).or_default();
            // What the clock makes of the rate is taken back.
            cell.expected += (expected - expected_before) / clock.within(day);
            cell.actual += orders.get(&day).map_or(0.0, |&count| count as f64);
            expected_before = expected;
            if day == Day::LAST {
                break;
            }
            day = day.plus_days(1);
        }
        let of_all = |what: fn(&Count) -> f64| cells.values().map(what).sum::<f64>();
        let level = of_all(|count| count.actual) / of_all(|count| count.expected);
        let mut years = [Count::default(); PARTS];
        let cells = cells.into_iter().map(|((_, part), count)| {
            let count = Count {
                expected: count.expected * level,
                ..count
            };
            years[part].add(1.0, count);
            (part, count)
        });
        Self {
            cells: cells.collect(),
            years,
        }
    }

    /// Variance of the orders of a part over their expectation, by how much they differ from year to year; at least 1.
    pub(super) fn scatter(&self) -> f64 {
        let cells = self.cells.iter().filter(|(_, count)| count.expected > 0.0);
        let (mut squares, mut count) = (0.0, 0.0);
        for (part, cell) in cells {
            let mean = cell.expected * self.years[*part].ratio();
            let miss = cell.actual - mean;
            squares += if mean > 0.0 { miss * miss / mean } else { 0.0 };
            count += 1.0;
        }
        // A year and a half has half as many cells again as there are parts.
        (squares / (count - FREE_LEVELS - 1.0).max(1.0)).max(1.0)
    }

    /// Probability that parts of the year differ as much by chance.
    pub(super) fn probability_by_chance(&self) -> f64 {
        let seen = self.years.iter().filter(|count| count.expected > 0.0);
        let squares = seen.map(|count| (count.actual - count.expected).powi(2) / count.expected);
        let statistic = squares.sum::<f64>() / self.scatter();
        incomplete_gamma_upper(FREE_LEVELS / 2.0, statistic / 2.0)
    }

    /// The levels: ratios of neighbours together, shrunk, with that weight of neighbours that comes nearest to the true levels.
    pub(super) fn estimate(&self) -> Estimate {
        let scatter = self.scatter();
        let by_weight = NEIGHBOURS.map(|weight| self.estimate_with(weight, scatter));
        let first = by_weight[0];
        let rest = by_weight[1..].iter().copied();
        rest.fold(
            first,
            |best, other| if other.risk < best.risk { other } else { best },
        )
    }

    /// The levels where each part of the year is averaged with its neighbours, by this weight of each of both.
    fn estimate_with(&self, neighbour: f64, scatter: f64) -> Estimate {
        let ratios: [Smoothed; PARTS] =
            std::array::from_fn(|part| self.smoothed(part, neighbour, scatter));
        // Variance of the levels beyond chance.
        let (mut between, mut weight) = (0.0, 0.0);
        for one in ratios.iter().filter(|one| one.expected > 0.0) {
            between += one.expected * ((one.ratio - 1.0).powi(2) - one.variance);
            weight += one.expected;
        }
        let between = (between / weight).max(0.0);
        let shares = ratios.map(|one| {
            if between > 0.0 {
                between / (between + one.variance)
            } else {
                0.0
            }
        });
        let levels: [f64; PARTS] = std::array::from_fn(|part| {
            let level = 1.0 + shares[part] * (ratios[part].ratio - 1.0);
            level.max(LOWEST)
        });
        let free: [f64; PARTS] = std::array::from_fn(|part| shares[part] * ratios[part].own_weight);
        let risk = (0..PARTS).map(|part| {
            // Distance from the parts as they are, whose own chance would draw the levels to them: Mallows 1973, Technometrics 15(4).
            let own = &self.years[part];
            own.expected * (levels[part] - own.ratio()).powi(2) + 2.0 * scatter * free[part]
        });
        Estimate {
            levels,
            variances: std::array::from_fn(|part| {
                // Of counts of that level; where few are expected, no more than levels differ.
                let by_counts = self.years[part].expected / (scatter * levels[part]);
                let precision = by_counts + between.recip();
                if precision.is_finite() {
                    precision.recip()
                } else {
                    0.0
                }
            }),
            // Their mean is 1: one of them follows from the others.
            effective_parameters: (free.iter().sum::<f64>() - 1.0).max(0.0),
            risk: risk.sum(),
        }
    }

    /// A part with its neighbours.
    fn smoothed(&self, part: usize, neighbour: f64, scatter: f64) -> Smoothed {
        let weights = [neighbour, 1.0 - 2.0 * neighbour, neighbour];
        let mut count = Count::default();
        let mut of_squares = 0.0;
        for (at, weight) in weights.into_iter().enumerate() {
            let other = self.years[(part + PARTS + at - 1) % PARTS];
            count.add(weight, other);
            of_squares += weight * weight * other.expected;
        }
        let own = weights[1] * self.years[part].expected;
        Smoothed {
            ratio: count.ratio(),
            expected: count.expected,
            // Of counts without a season; unlimited where nothing is expected.
            variance: if count.expected > 0.0 {
                scatter * of_squares / count.expected.powi(2)
            } else {
                f64::INFINITY
            },
            own_weight: if own > 0.0 { own / count.expected } else { 0.0 },
        }
    }
}

impl Count {
    fn add(&mut self, weight: f64, other: Self) {
        self.actual += weight * other.actual;
        self.expected += weight * other.expected;
    }

    /// Actual over expected; 1 where nothing is expected.
    fn ratio(&self) -> f64 {
        if self.expected > 0.0 {
            self.actual / self.expected
        } else {
            1.0
        }
    }
}

/// A part of the year with its neighbours.
#[derive(Clone, Copy)]
struct Smoothed {
    /// Actual over expected orders.
    ratio: f64,
    /// Expected orders, weighted.
    expected: f64,
    /// Of the ratio, by chance.
    variance: f64,
    /// Weight of the part itself in the ratio.
    own_weight: f64,
}
