//! Simulated shops with a Christmas season: is the index found, and do forecasts of quarters hold what they promise?

use super::{christmas, day, planted};
use crate::domain::calendar::Day;
use crate::domain::clv::fit::rows::{CollapsedRow, collapse};
use crate::domain::clv::fit::{FitError, OrderFit, fit_orders};
use crate::domain::clv::interval::total::Total;
use crate::domain::clv::interval::{Estimated, UncertainModel};
use crate::domain::clv::model::{ModelKind, OrderModel};
use crate::domain::clv::random::Random;
use crate::domain::clv::season::OrderTime;
use crate::domain::clv::season::clock::SeasonClock;
use crate::domain::clv::season::estimate::{NoIndex, SeasonalIndex, estimate};

const KIND: ModelKind = ModelKind::MbgNbd;

fn index(shop: &planted::Shop, until: Day) -> Result<SeasonalIndex, NoIndex> {
    let fit = |rows: &[CollapsedRow]| -> Result<OrderModel, FitError> {
        Ok(fit_orders(KIND, rows)?.model)
    };
    estimate(&shop.rows, until, &shop.orders, fit)
}

/// How far the forecast of the next quarter is off, and whether its 90 % interval holds what came.
fn quarter(shop: &planted::Shop, until: Day, clock: Option<&SeasonClock>) -> (f64, bool) {
    let time = OrderTime::new(clock);
    let rows = shop.rows.iter();
    let rows = rows.map(|row| clock.map_or(*row, |clock| row.by_clock(clock, until)));
    let OrderFit { model, report } = fit_orders(KIND, &collapse(rows)).unwrap();
    let estimated = Estimated {
        model: &model,
        log_covariance: report.log_covariance.as_deref(),
    };
    let uncertain = UncertainModel::of_orders(&estimated, 1).unwrap();
    let ahead = time.ahead_of(until);
    let weeks = ahead.model_weeks(13.0);
    let (mut expected, mut parts) = (0.0, vec![]);
    let mut random = Random::new(7);
    for row in &shop.rows {
        let history = time.history(row.frequency(), row.recency_days(), row.age_days(), until);
        let history = history.unwrap();
        let customers = f64::from(u32::try_from(row.count()).unwrap());
        expected += customers * model.outlook(&history).expected_orders(weeks);
        parts.push((
            customers,
            uncertain
                .totals(&history, None, 13.0, &ahead, &mut random)
                .orders,
        ));
    }
    let total = Total::sum(parts.iter().map(|(count, total)| (0, *count, total)), 1);
    let came: u32 = shop.later[..91].iter().sum();
    let (low, high) = total.interval(0.9);
    let came = f64::from(came);
    ((expected / came - 1.0).abs(), (low..=high).contains(&came))
}

/// Of quarters after each season: the index from two years and a quarter is nearly as good as the true one, and none is no good.
#[test]
fn forecasts_of_christmas_shops_hold_what_they_promise() {
    let truth = OrderModel::new(KIND, [0.8, 9.0, 0.6, 3.5]).unwrap();
    let clock = christmas();
    let (mut held, mut off) = ([0; 3], [0.0; 3]);
    for (seed, until) in (0..4).flat_map(|seed| {
        ["2025-09-30", "2025-12-31", "2026-03-31", "2026-06-30"].map(|until| (seed, day(until)))
    }) {
        let shop = planted::shop(&truth, &clock, 3_000, until, 100 + seed);
        let index = index(&shop, until).unwrap();
        let clocks = [None, Some(&clock), Some(&*index.clock)];
        for ((clock, held), off) in clocks.into_iter().zip(&mut held).zip(&mut off) {
            let (miss, holds) = quarter(&shop, until, clock);
            *off += miss / 16.0;
            *held += u32::from(holds);
        }
    }
    let [without, by_truth, estimated] = off;
    assert!(held[0] <= 2 && without > 0.2, "{held:?} {off:?}");
    assert!(held[1] >= 12 && by_truth < 0.05, "{held:?} {off:?}");
    assert!(held[2] >= 12 && estimated <= 0.08, "{held:?} {off:?}");
}

#[test]
fn a_shop_without_seasons_has_no_index_and_a_short_or_small_one_neither() {
    let truth = OrderModel::new(KIND, [0.8, 9.0, 0.6, 3.5]).unwrap();
    let (even, clock, until) = (SeasonClock::even(), christmas(), day("2026-06-30"));
    let indices = (0..5).map(|seed| {
        let shop = planted::shop(&truth, &even, 1_000, until, seed);
        index(&shop, until)
    });
    let without: Vec<_> = indices.collect();
    // One time in a hundred, chance passes for a season.
    let none = without
        .iter()
        .filter(|it| matches!(it, Err(NoIndex::NoSeason { .. })));
    assert!(none.count() >= 4, "{without:?}");
    let mut shop = planted::shop(&truth, &clock, 60, until, 9);
    let few = index(&shop, until).unwrap_err();
    assert!(matches!(few, NoIndex::TooFewOrders { .. }), "{few:?}");
    let days = few.to_string();
    assert!(
        days.starts_with("a seasonal index needs 240 repeat orders: there are "),
        "{days}"
    );
    shop.rows.retain(|row| row.age_days() < 500);
    let short = index(&shop, until).unwrap_err();
    assert!(
        matches!(short, NoIndex::TooShort { days } if days < 500),
        "{short:?}"
    );
}

/// Silence from January to September is less than it seems, and what comes next is Christmas.
#[test]
fn the_christmas_buyer_of_three_years_is_expected_at_christmas() {
    let model = OrderModel::new(KIND, [0.8, 9.0, 0.6, 3.5]).unwrap();
    let clock = christmas();
    let first = day("2022-12-10");
    let quarter = |time: OrderTime<'_>, as_of: &str| {
        let as_of = day(as_of);
        let (age, recency) = (as_of - first, day("2025-12-10") - first);
        let [age, recency] = [age, recency].map(|days| u32::try_from(days).unwrap());
        let history = time.history(3, recency, age, as_of).unwrap();
        let outlook = model.outlook(&history);
        let weeks = time.ahead_of(as_of).model_weeks(13.0);
        (outlook.probability_alive(), outlook.expected_orders(weeks))
    };
    let both =
        |as_of| [OrderTime::Calendar, OrderTime::Seasonal(&clock)].map(|time| quarter(time, as_of));
    // Before the season: a customer who is more likely to be there, and a quarter that brings more.
    let [(plain_alive, plain), (alive, seasonal)] = both("2026-09-30");
    assert!(alive > plain_alive, "{alive} {plain_alive}");
    assert!(seasonal > 1.4 * plain, "{seasonal} {plain}");
    // After it, less than by a model that spreads Christmas over the year.
    let [(_, plain), (_, after)] = both("2026-01-31");
    assert!(
        after < 0.9 * plain && after < 0.8 * seasonal,
        "{after} {plain} {seasonal}"
    );
}
