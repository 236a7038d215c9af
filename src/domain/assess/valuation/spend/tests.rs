//! Customers made by hand, by each choice of orders.

use std::sync::Arc;

use crate::domain::{
    assess::valuation::{
        Valuation,
        uncertainty::{HorizonValue, value_uncertainty},
        value,
    },
    basis::{ActiveModel, Basis, Revision},
    calendar::Day,
    clv::{
        gamma_gamma::GammaGamma,
        model::{ModelKind, OrderModel},
        spend_orders::SpendOrders,
    },
    customer::{
        CustomerKind,
        profile::{DatedProfile, History, Profile, PurchaseDay},
    },
    fitted::{
        contract_models::ContractModels,
        parameters::{Estimation, ParameterSet, Parameters, SpendParameters},
    },
    money::Currency,
    text::CustomerId,
};

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

fn spread<const N: usize>() -> Vec<Vec<f64>> {
    let row = |i| (0..N).map(|j| if i == j { 0.01 } else { 0.0 }).collect();
    (0..N).map(row).collect()
}

/// Orders of 35.22 EUR on average, 6.25 * 15.44 / (3.74 - 1).
fn basis(orders: SpendOrders) -> Basis {
    let model = ActiveModel {
        version: 1,
        contracts: ContractModels::default(),
        parameters: Some(Parameters::pooled(ParameterSet {
            orders: OrderModel::new(ModelKind::MbgNbd, [0.525, 6.183, 0.891, 1.614]).unwrap(),
            orders_log_covariance: Some(spread::<4>()),
            estimation: Estimation::MaximumLikelihood,
            spend: Some(SpendParameters {
                model: GammaGamma::new(6.25, 3.74, 15.44).unwrap(),
                orders,
                currency: euro(),
                log_covariance: Some(spread::<3>()),
            }),
        })),
        contacts: Arc::default(),
        uncertainty: Arc::default(),
        facts_end: None,
    };
    let revision = Revision::built_in().unwrap();
    Basis::new(revision, Some(model), Some(euro()), Arc::default())
}

/// A customer with an order of so many euros every 30 days, the last one a week ago.
fn customer(euros: &[i64]) -> DatedProfile {
    let purchases = euros.iter().zip(0..).map(|(euros, number)| PurchaseDay {
        day: Day::from_number(20_000 + 30 * number).unwrap(),
        currency: euro(),
        category: None,
        count: 1,
        amount_minor: 100 * euros,
        costed_amount_minor: 0,
        cost_minor: 0,
        foreign_refunds: None,
    });
    let purchases: Vec<PurchaseDay> = purchases.collect();
    let as_of = purchases.last().unwrap().day.plus_days(7);
    let profile = Profile {
        customer_id: CustomerId::new("ada").unwrap(),
        version: 1,
        kind: CustomerKind::Person,
        display_name: None,
        recorded_at: jiff::Timestamp::UNIX_EPOCH,
        members: Box::default(),
        history: History {
            purchases,
            ..History::default()
        },
    };
    DatedProfile::new(Arc::new(profile), as_of).unwrap()
}

fn valued(orders: SpendOrders, euros: &[i64]) -> Valuation {
    let basis = basis(orders);
    let dated = customer(euros);
    value(dated.view(), &basis, &basis.revision.horizon)
}

#[track_caller]
fn check(orders: SpendOrders, euros: &[i64], expected: f64) {
    let found = valued(orders, euros).expected_spend_per_order.unwrap();
    assert!((found - expected).abs() < 0.005, "{euros:?}: {found}");
}

#[test]
fn an_order_tells_what_the_next_will_be_the_first_included() {
    use SpendOrders::{All, Repeat, RepeatMeans};
    // 6.25 (15.44 + S) / (6.25 n + 2.74)
    check(All, &[5_000], 3_486.82);
    check(All, &[30], 31.59);
    check(All, &[10, 1_000], 420.54);
    check(All, &[1_000, 10], 420.54);
    check(All, &[20; 12], 20.54);
    // Without the first, it tells nothing, and one of two decides.
    for orders in [Repeat, RepeatMeans] {
        check(orders, &[5_000], 35.22);
        check(orders, &[30], 35.22);
        check(orders, &[10, 1_000], 705.95);
        check(orders, &[1_000, 10], 17.69);
    }
}

#[test]
fn two_orders_make_a_tier_in_either_order() {
    let tier = |euros: &[i64]| {
        let value = valued(SpendOrders::All, euros).lifetime_value.unwrap();
        let tiers = &basis(SpendOrders::All).revision.tiers;
        tiers.of_value(value.major()).rank()
    };
    assert_eq!(tier(&[10, 1_000]), tier(&[1_000, 10]));
    assert!(tier(&[5_000]) < tier(&[30]));
}

#[test]
fn free_orders_lower_what_is_expected_by_their_share() {
    use SpendOrders::{All, Repeat, RepeatMeans};
    // A free sample alone.
    check(All, &[0], 0.0);
    let valued = valued(All, &[0]);
    assert_eq!(valued.lifetime_value.unwrap().amount_minor, 0);
    let own = valued.spend_history.unwrap();
    assert_eq!((own.orders(), own.paid_share()), (0, 0.0));
    check(Repeat, &[0], 0.0);
    // A sample, then an order of 30 EUR.
    check(All, &[0, 30], 31.59);
    check(Repeat, &[0, 30], 31.59);
    // One order of two for nothing.
    check(All, &[30, 0], 0.5 * 31.59);
    check(Repeat, &[30, 0], 0.5 * 35.22);
    // The mean of 30 and 0.
    check(
        RepeatMeans,
        &[10, 30, 0],
        6.25 * (15.44 + 30.0) / (12.5 + 2.74),
    );
}

#[test]
fn an_interval_of_revenue_does_not_begin_below_zero() {
    for euros in [&[7][..], &[30], &[12, 19], &[10, 1_000], &[0], &[0, 30, 0]] {
        for orders in SpendOrders::ALL {
            let basis = basis(orders);
            let dated = customer(euros);
            let horizon = &basis.revision.horizon;
            let valuation = value(dated.view(), &basis, horizon);
            let asked = HorizonValue {
                valuation: &valuation,
                horizon,
            };
            let found = value_uncertainty(dated.view(), &basis, asked, asked, 0.95).unwrap();
            let (low, high) = found.lifetime_value;
            assert!(low >= 0.0 && low <= high, "{euros:?}: {low} {high}");
            let value = valuation.lifetime_value.unwrap().major();
            assert!(value <= high, "{euros:?}: {value} {high}");
        }
    }
}
