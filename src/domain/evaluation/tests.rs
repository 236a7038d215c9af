mod baselines;
mod by_hand;
mod cdnow;
mod chance;
mod drifting;
mod grocery;
mod order_counts;
mod power;
mod refined;
mod renewing;
mod simulated;
mod spend_orders;

use super::forecast::CandidateModel;
use super::population::Population;
use super::strata::Stratum;
use super::*;
use crate::domain::clv::gamma_gamma::GammaGamma;
use crate::domain::clv::model::OrderModel;
use crate::domain::clv::spend_orders::{AmountsPaid, SpendOrders};
use crate::domain::customer::profile::PurchaseDay;
use crate::domain::fitted::parameters::{Estimation, ParameterSet, Parameters, SpendParameters};

/// One purchase on a day.
fn purchase(day: Day, amount_minor: i64) -> PurchaseDay {
    PurchaseDay {
        day,
        currency: "EUR".parse().unwrap(),
        category: None,
        count: 1,
        amount_minor,
        costed_amount_minor: 0,
        cost_minor: 0,
        foreign_refunds: None,
    }
}

/// All amounts are in the reporting currency, which has cents.
#[expect(
    clippy::cast_precision_loss,
    clippy::unnecessary_wraps,
    reason = "small amounts, and a function that may have none"
)]
fn major(entry: &PurchaseDay) -> Option<f64> {
    Some(entry.amount_minor as f64 / 100.0)
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Adds a customer without refunds.
fn add(population: &mut Population, kind: CustomerKind, purchases: &[PurchaseDay]) {
    let stratum = Stratum::of_kind(kind);
    population
        .add(stratum, purchases, purchases, major)
        .unwrap();
}

/// Parameters that do not know how uncertain they are.
fn set(orders: OrderModel, spend: Option<GammaGamma>) -> ParameterSet {
    ParameterSet {
        orders,
        orders_log_covariance: None,
        estimation: Estimation::MaximumLikelihood,
        spend: spend.map(|model| SpendParameters {
            model,
            orders: SpendOrders::RepeatMeans,
            currency: "EUR".parse().unwrap(),
            log_covariance: None,
        }),
    }
}

fn candidate(parameters: Parameters) -> CandidateModel {
    CandidateModel::new(parameters, Some("EUR".parse().unwrap()))
}

/// One model of orders for all.
fn models(orders: OrderModel) -> CandidateModel {
    candidate(Parameters::pooled(set(orders, None)))
}

#[track_caller]
fn assert_near(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{what}: {found}, not {expected}"
    );
}
