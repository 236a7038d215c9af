//! The share by hand: where nothing, little and much is known of the cost of a customer's goods.

use std::sync::Arc;

use crate::domain::{
    assess::valuation::value,
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
    definitions::Definitions,
    fitted::{
        contract_models::ContractModels,
        parameters::{Estimation, ParameterSet, Parameters, SpendParameters},
    },
    money::Currency,
    text::CustomerId,
};

/// Orders of 15 EUR on average, 6 * 5 / (3 - 1), so that the assumed share counts for 75 EUR; what this customer spends is as good as
/// never learned from the amounts of the tests, whose share it hides otherwise.
fn basis(value_basis: &str) -> Basis {
    let document = format!(
        "value: {{currency: EUR, horizon_months: 12, monthly_discount: 0 %, basis: {value_basis}, margin: 40 %, margin_of_category: {{parts: 20 %}}}}
attributes: {{city: {{family: geographic, type: text, description: City}}}}
tiers: [{{name: gold, at_least: 10 EUR}}, {{name: bronze}}]
schemes: {{s: {{mode: overlapping, description: d, segments: [{{name: a, when: 'clv < money(\"0 EUR\")'}}]}}}}
treatments:
  tiers:
    gold: {{sla: {{response: 1 h}}, queue: a}}
    bronze: {{sla: {{response: 4 h}}, queue: c}}
    UNRATED: {{sla: {{response: 8 h}}, queue: d}}
"
    );
    let definitions = Definitions::read(&document).unwrap();
    let model = ActiveModel {
        version: 1,
        contracts: ContractModels::default(),
        parameters: Some(Parameters::pooled(ParameterSet {
            orders: OrderModel::new(ModelKind::MbgNbd, [0.5, 6.0, 0.9, 1.6]).unwrap(),
            orders_log_covariance: None,
            estimation: Estimation::MaximumLikelihood,
            spend: Some(SpendParameters {
                model: GammaGamma::new(6.0, 3.0, 5.0).unwrap(),
                orders: SpendOrders::RepeatMeans,
                currency: euro(),
                log_covariance: None,
            }),
        })),
        contacts: Arc::default(),
        uncertainty: Arc::default(),
        facts_end: None,
    };
    let revision = Revision::published(1, Arc::new(definitions));
    Basis::new(revision, Some(model), Some(euro()), Arc::default())
}

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

/// A day of purchases: amount, the part of it of known cost, and that cost, all in cents, and the category.
type Bought<'a> = (i64, i64, i64, Option<&'a str>);

/// Expected margin over expected spend.
fn share(basis: &Basis, days: &[Bought<'_>]) -> f64 {
    let purchases = days.iter().zip(0..).map(
        |(&(amount_minor, costed_amount_minor, cost_minor, category), number)| PurchaseDay {
            day: Day::from_number(20_000 + number).unwrap(),
            currency: euro(),
            category: category.map(Into::into),
            count: 1,
            amount_minor,
            costed_amount_minor,
            cost_minor,
            foreign_refunds: None,
        },
    );
    let profile = Profile {
        customer_id: CustomerId::new("ada").unwrap(),
        version: 1,
        kind: CustomerKind::Person,
        display_name: None,
        recorded_at: jiff::Timestamp::UNIX_EPOCH,
        members: Box::default(),
        history: History {
            purchases: purchases.collect(),
            ..History::default()
        },
    };
    let as_of = Day::from_number(20_000 + 2_000).unwrap();
    let dated = DatedProfile::new(Arc::new(profile), as_of).unwrap();
    let valued = value(dated.view(), basis, &basis.revision.horizon);
    valued.expected_margin_per_order.unwrap() / valued.expected_spend_per_order.unwrap()
}

#[track_caller]
fn check(days: &[Bought<'_>], expected: f64) {
    let found = share(&basis("margin"), days);
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
}

#[test]
fn one_order_below_cost_does_not_speak_for_all_to_come() {
    // 0.40 + (0.6 * 0.01 - 10) / (0.01 + 75)
    check(&[(1, 1, 1_000, None)], 0.4 - 9.994 / 75.01);
    // The cheaper it was sold, the less; what was given away is no exception.
    check(&[(100, 100, 2_000, None)], 0.4 - 19.4 / 76.0);
    check(&[(1, 1, 2_000, None)], 0.4 - 19.994 / 75.01);
    check(&[(0, 0, 2_000, None)], 0.4 - 20.0 / 75.0);
}

#[test]
fn what_is_known_of_the_customer_counts_by_its_amount() {
    // Five orders of 15 EUR that cost 12: 20 % of their own, halfway to the 40 % that are assumed.
    check(&[(1_500, 1_500, 1_200, None); 5], 0.3);
    // A thousand of them: 0.40 + (9,000 - 12,000) / 15,075.
    check(
        &vec![(1_500, 1_500, 1_200, None); 1_000],
        0.4 - 3_000.0 / 15_075.0,
    );
    // A free sample among them costs what it costs.
    let mut days = vec![(1_500, 1_500, 1_200, None); 5];
    days.push((0, 0, 500, None));
    check(&days, 0.4 - (15.0 + 5.0) / 150.0);
}

#[test]
fn where_no_cost_is_known_the_assumed_shares_hold_as_they_are() {
    check(&[(100, 0, 0, None)], 0.4);
    // (1 * 40 % + 3 * 20 %) / 4
    check(&[(100, 0, 0, None), (300, 0, 0, Some("parts"))], 0.25);
    check(&[(0, 0, 0, Some("parts"))], 0.4);
    let revenue = share(&basis("revenue"), &[(1, 1, 1_000, None)]);
    assert!((revenue - 1.0).abs() < 1e-12, "{revenue}");
}
