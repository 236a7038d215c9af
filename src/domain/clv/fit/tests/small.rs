//! Shops too small for their data to determine a model: each has an answer, and its interval holds what comes as often as it says.

use super::recovery::whole_days;
use crate::domain::clv::fit::fit_orders;
use crate::domain::clv::fit::rows::{CollapsedRow, collapse};
use crate::domain::clv::history::PurchaseHistory;
use crate::domain::clv::interval::total::Total;
use crate::domain::clv::interval::{Estimated, UncertainModel};
use crate::domain::clv::model::{ModelKind, OrderModel};
use crate::domain::clv::random::Random;
use crate::domain::clv::season::TimeAhead;
use crate::domain::clv::simulation::DrawnCustomer;

/// Near CDNOW.
const TRUTH: [f64; 4] = [0.8, 9.0, 0.9, 2.5];
const SHOPS: u64 = 40;
const CUSTOMERS: u32 = 50;
/// The next quarter.
const WEEKS: f64 = 13.0;

/// Whether priors held the fit, and whether the 90 % interval of all orders of the next quarter holds them.
fn shop(seed: u64) -> (bool, bool) {
    let mut random = Random::new(seed);
    let truth = OrderModel::new(ModelKind::MbgNbd, TRUTH).unwrap();
    let (mut rows, mut came) = (vec![], 0);
    for _ in 0..CUSTOMERS {
        let age_days = 60 + u32::try_from(random.bits() % 600).unwrap();
        let age = f64::from(age_days) / 7.0;
        let customer = DrawnCustomer::draw(&truth.newcomer(), &mut random);
        let all: Vec<f64> = customer
            .orders(age + WEEKS, usize::MAX, &mut random)
            .collect();
        let known = all.partition_point(|&time| time <= age);
        came += all.len() - known;
        let recency = known.checked_sub(1).map_or(0, |last| whole_days(all[last]));
        let frequency = u32::try_from(known).unwrap();
        rows.push(CollapsedRow::new(frequency, recency, age_days, 1).unwrap());
    }
    let fit = fit_orders(ModelKind::MbgNbd, &collapse(rows.iter().copied())).unwrap();
    let estimated = Estimated {
        model: &fit.model,
        log_covariance: fit.report.log_covariance.as_deref(),
    };
    let uncertain = UncertainModel::of_orders(&estimated, seed).unwrap();
    let totals: Vec<Total> = rows
        .iter()
        .map(|row| {
            let (x, recency, age) = (row.frequency(), row.recency_days(), row.age_days());
            let history = PurchaseHistory::from_days(x, recency, age).unwrap();
            uncertain
                .totals(&history, None, WEEKS, &TimeAhead::CALENDAR, &mut random)
                .orders
        })
        .collect();
    let total = Total::sum(totals.iter().map(|one| (0, 1.0, one)), 1);
    let (low, high) = total.interval(0.9);
    let came = f64::from(u32::try_from(came).unwrap());
    (fit.report.held.is_some(), (low..=high).contains(&came))
}

#[test]
fn shops_of_fifty_customers_have_answers_whose_intervals_hold() {
    let shops: Vec<(bool, bool)> = (0..SHOPS).map(shop).collect();
    let held = shops.iter().filter(|(held, _)| *held).count();
    let within = shops.iter().filter(|(_, within)| *within).count();
    println!("{held} held, {within} within");
    assert!(held > 10, "{held} held");
    // 36 of 40 are expected, and 32 to 40 are within two standard errors.
    assert!(within >= 32, "{within} within");
}
