//! Do orders have seasons? Repeat orders of each month of the year beside what the model expects: the seasons that it does not know, or what
//! its seasonal index leaves of them.
//!
//! A month that returns above or below the others every year is a season; one that did so once may be a campaign. So a verdict asks for
//! two years. Weeks scatter more than counts of chance do, because customers who order much move many of them: the scatter of weeks within
//! their month is measured and allowed for (a quasi-Poisson test; `McCullagh` and Nelder 1989, "Generalized Linear Models", 4.5).

use super::tracking::TrackedWeek;
use crate::domain::clv::special_functions::incomplete::incomplete_gamma_upper;

/// Chance makes months differ as much less often than this.
const SIGNIFICANCE: f64 = 0.01;
/// A month is out of line when it has so much more or less than the others would have it: about what forecasts miss by anyway.
const MATERIAL: f64 = 0.25;
/// Two years of weeks.
const MIN_WEEKS: usize = 104;
/// Fewer orders tell nothing of months.
const MIN_ORDERS: u64 = 240;
const MONTHS: usize = 12;

/// One month of the year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MonthOfYear {
    /// 1 is January.
    pub month: u32,
    /// Repeat orders of the weeks that end in it, over all years.
    pub actual: u64,
    /// The same as the model expects.
    pub expected: f64,
    /// Actual over expected, relative to all months together: 1.5 is half as much again as the model expects. 1 where nothing is expected.
    pub index: f64,
}

/// What the months show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeasonVerdict {
    /// Months differ beyond chance, and one of them by a quarter or more.
    Seasonal,
    /// They do not.
    NotSeasonal,
    /// Less than two years, or too few orders.
    TooShort,
}

/// The months of the calibration period.
#[derive(Debug, Clone, PartialEq)]
pub struct Season {
    /// All twelve, January first; none without a week.
    pub months: Vec<MonthOfYear>,
    /// Probability that months without seasons differ as much; `None` where it cannot be told.
    pub p: Option<f64>,
    /// What follows.
    pub verdict: SeasonVerdict,
}

/// The season of what was known at the split.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(super) fn season(weeks: &[TrackedWeek]) -> Season {
    let known: Vec<&TrackedWeek> = weeks.iter().filter(|week| !week.in_holdout).collect();
    let (mut actual, mut expected) = ([0_u64; MONTHS], [0.0; MONTHS]);
    let place = |week: &TrackedWeek| (week.last_day.month() as usize).saturating_sub(1);
    for week in &known {
        actual[place(week)] += week.actual;
        expected[place(week)] += week.expected;
    }
    let orders: u64 = actual.iter().sum();
    let all_expected: f64 = expected.iter().sum();
    let level = orders as f64 / all_expected;
    let index = |at: usize| {
        let index = actual[at] as f64 / (expected[at] * level);
        if index.is_finite() { index } else { 1.0 }
    };
    let months: Vec<MonthOfYear> = if known.is_empty() {
        vec![]
    } else {
        (0..MONTHS)
            .zip(1..)
            .map(|(at, month)| MonthOfYear {
                month,
                actual: actual[at],
                expected: expected[at],
                index: index(at),
            })
            .collect()
    };
    if known.len() < MIN_WEEKS || orders < MIN_ORDERS {
        return Season {
            months,
            p: None,
            verdict: SeasonVerdict::TooShort,
        };
    }
    let scatter = known.iter().map(|week| {
        let mean = week.expected * level * index(place(week));
        let miss = week.actual as f64 - mean;
        if mean > 0.0 { miss * miss / mean } else { 0.0 }
    });
    let scatter = scatter.sum::<f64>() / (known.len() - MONTHS) as f64;
    let between = (0..MONTHS).map(|at| {
        let mean = expected[at] * level;
        let miss = actual[at] as f64 - mean;
        if mean > 0.0 { miss * miss / mean } else { 0.0 }
    });
    // Counts never scatter less than those of chance.
    let statistic = between.sum::<f64>() / scatter.max(1.0);
    let degrees_of_freedom = (MONTHS - 1) as f64;
    let p = incomplete_gamma_upper(degrees_of_freedom / 2.0, statistic / 2.0);
    let largest = months.iter().map(|month| (month.index - 1.0).abs());
    let material = largest.fold(0.0, f64::max) >= MATERIAL;
    Season {
        months,
        p: Some(p),
        verdict: if p < SIGNIFICANCE && material {
            SeasonVerdict::Seasonal
        } else {
            SeasonVerdict::NotSeasonal
        },
    }
}

impl Season {
    /// The months that are out of line, the farthest first.
    #[must_use]
    pub fn outstanding(&self) -> Vec<MonthOfYear> {
        let months = self.months.iter().copied();
        let mut out: Vec<MonthOfYear> = months
            .filter(|month| (month.index - 1.0).abs() >= MATERIAL)
            .collect();
        let distance = |month: &MonthOfYear| (month.index - 1.0).abs();
        out.sort_by(|one, other| distance(other).total_cmp(&distance(one)));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::Day;
    use crate::domain::clv::random::Random;

    /// Weeks from the start of 2023 with these expected, and as many actual orders as a month's index makes of them, scattered by a tenth.
    fn weeks(count: i32, index: impl Fn(u32) -> f64) -> Vec<TrackedWeek> {
        let start: Day = "2023-01-07".parse().unwrap();
        let mut random = Random::new(5);
        (0..count)
            .zip(1..)
            .map(|(at, week)| {
                let last_day = start.plus_days(7 * at);
                let scatter = 0.9 + 0.2 * random.uniform();
                let actual = 100.0 * index(last_day.month()) * scatter;
                TrackedWeek {
                    week,
                    last_day,
                    days: 7,
                    in_holdout: false,
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "small"
                    )]
                    actual: actual.round() as u64,
                    expected: 80.0,
                    actual_cumulative: 0,
                    expected_cumulative: 0.0,
                }
            })
            .collect()
    }

    #[test]
    fn a_december_that_returns_is_a_season() {
        let christmas = |month| if month == 12 { 2.5 } else { 1.0 };
        let found = season(&weeks(156, christmas));
        assert_eq!(found.verdict, SeasonVerdict::Seasonal, "{found:?}");
        let out = found.outstanding();
        assert_eq!(out[0].month, 12, "{out:?}");
        // Of the mean of all months, which December raises to 1.125.
        assert!((out[0].index - 2.5 / 1.125).abs() < 0.1, "{out:?}");
    }

    #[test]
    fn months_that_only_scatter_are_none_whatever_the_level() {
        let found = season(&weeks(156, |_| 1.0));
        assert_eq!(found.verdict, SeasonVerdict::NotSeasonal, "{found:?}");
        assert!(found.p.unwrap() > 0.05, "{found:?}");
        assert!(found.outstanding().is_empty());
        assert!(
            found
                .months
                .iter()
                .all(|month| (month.index - 1.0).abs() < 0.1)
        );
    }

    #[test]
    fn one_year_or_a_handful_of_orders_tells_nothing() {
        let christmas = |month| if month == 12 { 2.5 } else { 1.0 };
        assert_eq!(
            season(&weeks(103, christmas)).verdict,
            SeasonVerdict::TooShort
        );
        assert_eq!(
            season(&weeks(156, |_| 0.01)).verdict,
            SeasonVerdict::TooShort
        );
        let mut ahead = weeks(156, christmas);
        for week in &mut ahead {
            week.in_holdout = true;
        }
        let found = season(&ahead);
        assert_eq!(
            (found.verdict, found.months.len()),
            (SeasonVerdict::TooShort, 0)
        );
    }
}
