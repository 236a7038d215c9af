//! The cost of the published example, with and without customers to shrink to, and what may and may not move it.

mod prices;

use std::sync::Arc;

use crate::domain::{
    basis::{ActiveModel, Basis, Revision},
    calendar::Day,
    contact_model::{ContactModel, UsualContacts},
    contract_models::ContractModels,
    customer::CustomerKind,
    definitions::Definitions,
    facts::{ContractFact, ContractTerms},
    money::{Currency, Money},
    parameters::{ParameterSet, Parameters, SpendParameters},
    profile::{ContactDay, DatedProfile, History, Profile, PurchaseDay},
    text::CustomerId,
    valuation::{Valuation, unpriced_channels, value},
    value::{
        contact_rates::{ContactCost, ContactRate},
        gamma_gamma::GammaGamma,
        model::{ModelKind, OrderModel},
    },
};

/// Four years: 48 months of 30.4375 days.
const DAYS: i32 = 1_461;

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

fn day(number: i32) -> Day {
    Day::from_number(20_000 + number).unwrap()
}

/// A product of 15 EUR every month, all of it margin, and 120 calls in 48 months: two and a half a month.
fn subscriber(cost_minor: Option<i64>) -> Profile {
    let product = |month: i32| PurchaseDay {
        day: day(month * DAYS / 48),
        currency: euro(),
        category: None,
        count: 1,
        amount_minor: 1_500,
        costed_amount_minor: 0,
        cost_minor: 0,
    };
    let call = |number: i32| ContactDay {
        day: day(number * 12),
        channel: "phone".into(),
        currency: cost_minor.map(|_| euro()),
        count: 1,
        cost_minor: cost_minor.unwrap_or(0),
        duration_seconds: 0,
    };
    Profile {
        customer_id: CustomerId::new("subscriber").unwrap(),
        version: 1,
        kind: CustomerKind::Company,
        display_name: None,
        recorded_at: jiff::Timestamp::UNIX_EPOCH,
        history: History {
            purchases: (0..=48).map(product).collect(),
            contacts: (0..120).map(call).collect(),
            ..History::default()
        },
    }
}

fn contract(started_on: Day, ended_on: Option<Day>) -> ContractFact {
    ContractFact {
        source: "billing".into(),
        contract_id: "1".into(),
        terms: ContractTerms {
            started_on,
            period_months: 12,
            price: Money {
                amount_minor: 10_000,
                currency: euro(),
            },
            cost_minor: None,
            category: None,
            ended_on,
        },
        effective_on: started_on,
        profile_version: 1,
    }
}

/// Customers who order once a month and as good as never leave, at 15 EUR an order: the limit in which the example is told.
fn faithful() -> OrderModel {
    let weeks = f64::from(DAYS) / 7.0;
    OrderModel::new(ModelKind::BgNbd, [48.0, weeks, 1e-9, 1e9]).unwrap()
}

fn basis(orders: OrderModel, contacts: Vec<UsualContacts>, months: u32) -> Basis {
    let document = format!(
        "value: {{currency: EUR, horizon_months: {months}, monthly_discount: 0 %, basis: contribution, margin: 100 %}}
channels: {{phone: {{cost: 45 EUR}}, chat: {{cost: 5 EUR}}}}
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
        parameters: Parameters::pooled(ParameterSet {
            orders,
            orders_log_covariance: None,
            spend: Some(SpendParameters {
                model: GammaGamma::new(6.0, 3.0, 5.0).unwrap(),
                currency: euro(),
                log_covariance: None,
            }),
        }),
        contacts: Arc::new(ContactModel::new(contacts)),
        uncertainty: Arc::default(),
    };
    let revision = Revision::published(1, Arc::new(definitions));
    Basis::new(revision, Some(model), Some(euro()), Arc::default())
}

fn usual(kind: CustomerKind, channel: &str, shape: f64, rate_weeks: f64) -> UsualContacts {
    UsualContacts {
        kind,
        channel: channel.into(),
        rate: ContactRate::new(shape, rate_weeks).unwrap(),
        cost: None,
        recorded_cost_share: 0.0,
        customers: 100,
    }
}

fn valued(profile: Profile, basis: &Basis) -> Valuation {
    let dated = DatedProfile::new(Arc::new(profile), day(DAYS)).unwrap();
    value(dated.view(), basis, &basis.revision.horizon)
}

fn cents(valuation: &Valuation) -> i64 {
    valuation.lifetime_value.unwrap().amount_minor
}

#[track_caller]
fn assert_cost(valuation: &Valuation, expected: f64) {
    let cost = valuation.expected_cost_to_serve.unwrap();
    assert!((cost / expected - 1.0).abs() < 1e-7, "{cost} {expected}");
}

#[test]
fn two_and_a_half_calls_of_45_against_a_product_of_15_are_minus_97_50_a_month() {
    // 15.00 - 2.5 * 45.00, whether the calls say what they cost or the channel does.
    for cost_minor in [Some(4_500), None] {
        let month = valued(subscriber(cost_minor), &basis(faithful(), vec![], 1));
        assert_cost(&month, 112.50);
        assert_eq!(cents(&month), -9_750);
        let year = valued(subscriber(cost_minor), &basis(faithful(), vec![], 12));
        assert_eq!(cents(&year), -12 * 9_750);
    }
}

#[test]
fn in_a_population_the_example_moves_as_far_as_the_population_weighs() {
    // Half a call in 20 weeks is usual, at 40 EUR, which counts for 6 calls. By hand, with 120 calls in 1461/7 weeks:
    // (0.5 + 120) / (20 + 208.714) calls a week, 2.290892 a month; (6 * 40 + 120 * 45) / 126 = 44.761905 EUR each.
    let phone = UsualContacts {
        cost: Some((
            ContactCost {
                mean: 40.0,
                weight_contacts: 6.0,
            },
            euro(),
        )),
        recorded_cost_share: 1.0,
        ..usual(CustomerKind::Company, "phone", 0.5, 20.0)
    };
    let shrunk = valued(
        subscriber(Some(4_500)),
        &basis(faithful(), vec![phone.clone()], 1),
    );
    assert_cost(&shrunk, 102.544_707_920_644_84);
    assert_eq!(cents(&shrunk), -8_754);
    // Where everybody is like this customer, nothing moves: 120 calls in 1461/7 weeks, at 45 EUR.
    let alike = UsualContacts {
        cost: Some((
            ContactCost {
                mean: 45.0,
                weight_contacts: 6.0,
            },
            euro(),
        )),
        recorded_cost_share: 1.0,
        ..usual(CustomerKind::Company, "phone", 120.0, f64::from(DAYS) / 7.0)
    };
    let alike = valued(subscriber(Some(4_500)), &basis(faithful(), vec![alike], 1));
    assert_eq!(cents(&alike), -9_750);
}

#[test]
fn only_the_own_kind_is_shrunk_to_and_its_other_channels_are_expected_too() {
    let persons = usual(CustomerKind::Person, "phone", 0.5, 20.0);
    let other_kind = valued(
        subscriber(Some(4_500)),
        &basis(faithful(), vec![persons], 1),
    );
    assert_eq!(cents(&other_kind), -9_750);
    // No chat yet: 2 / (20 + 1461/7) a week, 5 EUR each by the definitions.
    let chats = usual(CustomerKind::Company, "chat", 2.0, 20.0);
    let with_chats = valued(subscriber(Some(4_500)), &basis(faithful(), vec![chats], 1));
    let weeks = f64::from(DAYS) / 7.0;
    assert_cost(
        &with_chats,
        112.50 + 5.0 * 2.0 / (20.0 + weeks) * 30.4375 / 7.0,
    );
}

#[test]
fn who_may_have_left_costs_by_the_probability_of_being_there_in_the_middle_of_each_month() {
    let leaving = OrderModel::new(ModelKind::MbgNbd, [0.5, 6.0, 0.9, 1.6]).unwrap();
    let mut profile = subscriber(Some(4_500));
    // The last product was a year ago.
    profile.history.purchases.truncate(37);
    let valuation = valued(profile, &basis(leaving, vec![], 2));
    let alive = valuation.orders.unwrap().probability_alive;
    let history = crate::domain::value::history::PurchaseHistory::from_days(
        36,
        u32::try_from(36 * DAYS / 48).unwrap(),
        u32::try_from(DAYS).unwrap(),
    )
    .unwrap();
    let outlook = leaving.outlook(&history);
    let month = 30.4375 / 7.0;
    let middle = |months: f64| outlook.probability_alive_after(months * month);
    assert_cost(&valuation, 112.50 * (middle(0.5) + middle(1.5)));
    assert!(alive < 0.5 && valuation.expected_cost_to_serve.unwrap() < 112.50);
}

#[test]
fn who_has_a_contract_that_runs_is_a_customer_whatever_they_buy() {
    let leaving = OrderModel::new(ModelKind::MbgNbd, [0.5, 6.0, 0.9, 1.6]).unwrap();
    let with_contract = |ended_on: Option<Day>| {
        let mut profile = subscriber(Some(4_500));
        profile.history.purchases.truncate(2);
        profile.history.contracts = vec![contract(day(0), ended_on)];
        valued(profile, &basis(leaving, vec![], 1))
            .expected_cost_to_serve
            .unwrap()
    };
    assert!((with_contract(None) / 112.50 - 1.0).abs() < 1e-12);
    // One that has ended says nothing, and who bought last four years ago is as good as gone.
    assert!(with_contract(Some(day(100))) < 5.0);
}
