//! The clock, what a flat index changes (nothing), discounting against brute force, and the recovery of planted seasons.

mod christmas;
mod discounted;
pub(crate) mod planted;

use proptest::prelude::{prop_assert, proptest};

use super::clock::{IndexError, MIN_LEVEL, PARTS, SeasonClock, year_and_part};
use super::{OrderTime, TimeAhead};
use crate::domain::calendar::Day;
use crate::domain::clv::fit::fit_orders;
use crate::domain::clv::fit::rows::{CollapsedRow, collapse};
use crate::domain::clv::interval::{
    Estimated, UncertainModel, renewals::RenewalFutures, total::Total,
};
use crate::domain::clv::lifetime::{Horizon, WEEKS_PER_MONTH, discounted_orders};
use crate::domain::clv::model::{ModelKind, OrderModel};
use crate::domain::clv::random::Random;
use crate::domain::clv::reference::assert_close;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Two and a half times as many orders in the last six parts of the year.
pub(crate) fn christmas() -> SeasonClock {
    let level = |part| if part >= PARTS - 6 { 2.5 } else { 1.0 };
    SeasonClock::new(&(0..PARTS).map(level).collect::<Vec<_>>()).unwrap()
}

fn model() -> OrderModel {
    OrderModel::new(ModelKind::MbgNbd, [0.8, 9.0, 0.9, 2.5]).unwrap()
}

#[test]
fn levels_that_are_no_index_are_refused() {
    assert_eq!(
        SeasonClock::new(&[1.0; 51]),
        Err(IndexError::Count { given: 51 })
    );
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 0.9 * MIN_LEVEL] {
        let mut levels = [1.0; PARTS];
        levels[7] = bad;
        assert!(SeasonClock::new(&levels).is_err(), "{bad}");
    }
    // Only their proportions matter, and a stored index is the same after reading.
    let clock = christmas();
    let tripled: Vec<f64> = clock.levels().iter().map(|level| 3.0 * level).collect();
    for (one, other) in SeasonClock::new(&tripled)
        .unwrap()
        .levels()
        .iter()
        .zip(clock.levels())
    {
        assert_close("level", *one, *other, 1e-14);
    }
    assert_eq!(SeasonClock::new(clock.levels()), Ok(clock));
}

#[test]
fn every_year_passes_as_many_days_of_the_clock_as_of_the_calendar() {
    let clock = christmas();
    for year in [1901, 1969, 1970, 1999, 2000, 2023, 2024, 2100, 2198] {
        let [start, end] = [year - 1, year].map(|year| day(&format!("{year}-12-31")));
        let days: f64 = (1..=end - start)
            .map(|at| clock.within(start.plus_days(at)))
            .sum();
        assert_close("year", days, f64::from(end - start), 1e-10);
        // The season is at the same time of each year, to within a day.
        assert!(clock.within(end) > 2.1, "{year}");
        assert!(clock.within(start.plus_days(321)) < 0.9, "{year}");
        assert_eq!(year_and_part(end), (year, PARTS - 1));
        assert_eq!(year_and_part(start.plus_days(1)), (year, 0));
    }
    let months = clock.month_levels();
    assert!(
        months[11] > 2.0 && months[..10].iter().all(|level| *level < 0.9),
        "{months:?}"
    );
    let days = [
        31.0, 28.0, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0,
    ];
    let year: f64 = months
        .iter()
        .zip(days)
        .map(|(level, days)| level * days)
        .sum();
    assert_close("months", year, 365.0, 1e-12);
}

proptest! {
    #[test]
    fn the_clock_rises_and_adds_up(
        levels in proptest::collection::vec(0.05..8.0_f64, PARTS),
        from in -20_000.0..80_000.0_f64,
        first in 0.0..900.0_f64,
        second in 1e-3..900.0_f64,
    ) {
        let clock = SeasonClock::new(&levels).unwrap();
        let between = |from: f64, to: f64| clock.at(to) - clock.at(from);
        let (middle, end) = (from + first, from + first + second);
        prop_assert!(between(middle, end) > 0.0);
        let whole = between(from, middle) + between(middle, end);
        prop_assert!((whole - between(from, end)).abs() < 1e-9);
        // No faster than its highest level, no slower than its lowest.
        let levels = clock.levels().iter().copied();
        let (low, high) = (levels.clone().fold(f64::INFINITY, f64::min), levels.fold(0.0, f64::max));
        prop_assert!(between(middle, end) <= high * second + 1e-9);
        prop_assert!(between(middle, end) >= low * second - 1e-9);
        // Between changes of the level it runs evenly.
        let next = clock.next_change(from);
        prop_assert!(next > from && next < from + 7.1, "{from} {next}");
        let half = between(from, f64::midpoint(from, next));
        prop_assert!((half - 0.5 * between(from, next)).abs() < 1e-9, "{from} {next}");
    }
}

/// Whatever a model says of a customer, an index of ones says the same.
#[test]
fn a_flat_index_is_the_plain_model() {
    let (clock, model, as_of) = (SeasonClock::even(), model(), day("2024-02-29"));
    let time = OrderTime::Seasonal(&clock);
    for (frequency, recency, age) in [(0, 0, 0), (0, 0, 400), (3, 200, 730), (9, 31, 31)] {
        let [plain, flat] = [OrderTime::Calendar, time]
            .map(|time| time.history(frequency, recency, age, as_of).unwrap());
        assert_close(
            "likelihood",
            model.log_likelihood(&flat),
            model.log_likelihood(&plain),
            1e-12,
        );
        let [plain, flat] = [plain, flat].map(|history| model.outlook(&history));
        assert_close(
            "alive",
            flat.probability_alive(),
            plain.probability_alive(),
            1e-12,
        );
        let ahead = time.ahead_of(as_of);
        assert_close("weeks", ahead.model_weeks(26.0), 26.0, 1e-12);
        assert_eq!(TimeAhead::CALENDAR.season_factor(26.0), None);
        assert_close("factor", ahead.season_factor(26.0).unwrap(), 1.0, 1e-12);
        let horizon = Horizon::new(30, 0.01, WEEKS_PER_MONTH).unwrap();
        let value = |ahead: &TimeAhead<'_>| discounted_orders(&plain, &horizon, ahead);
        assert_close("value", value(&ahead), value(&TimeAhead::CALENDAR), 1e-12);
    }
    let rows = planted::shop(&model, &clock, 300, as_of, 5).rows;
    let by_clock: Vec<CollapsedRow> = rows.iter().map(|row| row.by_clock(&clock, as_of)).collect();
    assert_eq!(by_clock, rows);
}

/// Futures over months that pass at different speeds have the means of the formulae.
#[test]
fn intervals_know_the_season() {
    let (clock, as_of) = (christmas(), day("2024-09-30"));
    let covariance: Vec<Vec<f64>> = (0..4)
        .map(|i| (0..4).map(|j| if i == j { 1e-18 } else { 0.0 }).collect())
        .collect();
    let model = model();
    let estimated = Estimated {
        model: &model,
        log_covariance: Some(&covariance),
    };
    let uncertain = UncertainModel::of_orders(&estimated, 3).unwrap();
    let time = OrderTime::Seasonal(&clock);
    let history = time.history(4, 300, 360, as_of).unwrap();
    let horizon = Horizon::new(3, 0.0, WEEKS_PER_MONTH).unwrap();
    let mean = |ahead: &TimeAhead<'_>| {
        let futures = uncertain.futures_with(
            &history,
            None,
            1.0,
            &horizon,
            ahead,
            &RenewalFutures::new(&[], 0),
        );
        (0..1_000)
            .map(|at| futures.orders.quantile((f64::from(at) + 0.5) / 1_000.0))
            .sum::<f64>()
            / 1_000.0
    };
    let ahead = time.ahead_of(as_of);
    let outlook = model.outlook(&history);
    let expected = outlook.expected_orders(ahead.model_weeks(horizon.weeks()));
    assert!(expected > 1.2 * outlook.expected_orders(horizon.weeks()));
    assert_close("mean of futures", mean(&ahead), expected, 0.07);
}

/// An estimated index widens intervals of a quarter, for all customers at once, and not those of whole years.
#[test]
fn intervals_contain_the_uncertainty_of_the_index() {
    let (known, as_of) = (christmas(), day("2024-09-30"));
    let estimated_clock = known.clone().with_variances(&[0.04; PARTS]).unwrap();
    let now = f64::from(as_of.number());
    // Thirteen parts of a quarter: their mean has a thirteenth of the variance, less what the mean of the year takes of it.
    let of_quarter = estimated_clock.relative_error(now, now + 365.2425 / 4.0);
    let passed = estimated_clock.at(now + 365.2425 / 4.0) - estimated_clock.at(now);
    let by_hand = 0.2 * (365.2425 / 52.0) * (13.0 * 0.75_f64).sqrt() / passed;
    assert_close("quarter", of_quarter, by_hand, 0.02);
    assert!(estimated_clock.relative_error(now, now + 730.485) < 1e-4);
    assert_eq!(
        known.relative_error(now, now + 91.0).to_bits(),
        0.0_f64.to_bits()
    );
    for bad in [&[0.04; 51][..], &[-0.01; PARTS], &[f64::NAN; PARTS]] {
        assert!(known.clone().with_variances(bad).is_err());
    }
    let covariance: Vec<Vec<f64>> = (0..4)
        .map(|i| (0..4).map(|j| if i == j { 1e-18 } else { 0.0 }).collect())
        .collect();
    let model = model();
    let estimated = Estimated {
        model: &model,
        log_covariance: Some(&covariance),
    };
    let uncertain = UncertainModel::of_orders(&estimated, 3).unwrap();
    let spread = |clock: &SeasonClock, weeks: f64| {
        let time = OrderTime::Seasonal(clock);
        let history = time.history(4, 300, 360, as_of).unwrap();
        let mut random = Random::new(5);
        let totals = uncertain.totals(&history, None, weeks, &time.ahead_of(as_of), &mut random);
        // Of ten thousand such customers, whose own scatter is as good as none.
        let total = Total::sum([(0, 1e4, &totals.orders)].into_iter(), 1);
        total.standard_deviation() / total.mean()
    };
    let (without, with) = (spread(&known, 13.0), spread(&estimated_clock, 13.0));
    assert!(
        with > 3.0 * without && with > 0.8 * of_quarter,
        "{with} {without} {of_quarter}"
    );
    let years = [&known, &estimated_clock].map(|clock| spread(clock, 730.485 / 7.0));
    assert_close("years", years[1], years[0], 1e-3);
}

#[test]
fn parameters_are_recovered_by_the_true_clock_and_not_without() {
    let (clock, until, truth) = (christmas(), day("2025-12-31"), model());
    let rows = planted::shop(&truth, &clock, 4_000, until, 11).rows;
    let by_clock = collapse(rows.iter().map(|row| row.by_clock(&clock, until)));
    let fit = fit_orders(ModelKind::MbgNbd, &by_clock).unwrap();
    let errors = fit.report.standard_errors().unwrap();
    let estimates = fit.model.parameters().into_iter().zip(truth.parameters());
    for ((found, planted), error) in estimates.zip(errors) {
        assert!(
            (found - planted).abs() < 3.5 * error,
            "{found} {planted} {error}"
        );
    }
    // The likelihood of the calendar: that of the clock, and its density at each order.
    let shop = planted::shop(&truth, &clock, 4_000, until, 11);
    let density = super::estimate::log_density_of_clock(&clock, &shop.orders);
    let plain = fit_orders(ModelKind::MbgNbd, &rows).unwrap();
    let gain = fit.report.log_likelihood + density - plain.report.log_likelihood;
    assert!(gain > 300.0, "{gain}");
}
