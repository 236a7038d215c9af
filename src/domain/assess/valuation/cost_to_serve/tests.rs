//! The cost of the published example, with and without customers to shrink to, and what may and may not move it.

mod prices;

use std::sync::Arc;

use crate::domain::{
    assess::{
        tiers::Unrated,
        valuation::{Valuation, unpriced_channels, value},
    },
    basis::{ActiveModel, Basis, Revision},
    calendar::Day,
    clv::{
        contact_rates::{ContactCost, ContactRate},
        fit::contracts::{ContractOutcome, ContractRow, fit_contracts},
        gamma_gamma::GammaGamma,
        model::{ModelKind, OrderModel},
        spend_orders::SpendOrders,
    },
    customer::{
        CustomerKind,
        facts::{ContractFact, ContractTerms},
        profile::{ContactDay, DatedProfile, History, Profile, PurchaseDay},
    },
    definitions::Definitions,
    fitted::{
        contact_model::{ContactModel, UsualContacts},
        contract_models::{ContractModels, PeriodFit},
        parameters::{Estimation, ParameterSet, Parameters, SpendParameters},
        report::StoredReport,
    },
    money::{Currency, Money},
    rates::{ExchangeRate, RateTable},
    text::CustomerId,
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
        foreign_refunds: None,
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
        members: Box::default(),
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
        parameters: Some(Parameters::pooled(ParameterSet {
            orders,
            orders_log_covariance: None,
            estimation: Estimation::MaximumLikelihood,
            spend: Some(SpendParameters {
                model: GammaGamma::new(6.0, 3.0, 5.0).unwrap(),
                orders: SpendOrders::RepeatMeans,
                currency: euro(),
                log_covariance: None,
            }),
        })),
        contacts: Arc::new(ContactModel::new(contacts)),
        uncertainty: Arc::default(),
        facts_end: None,
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
    let history = crate::domain::clv::history::PurchaseHistory::from_days(
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

/// Contracts of which three in ten end at each renewal, and the same basis.
fn with_renewals(mut basis: Basis) -> Basis {
    let row = |renewals, outcome, count| ContractRow {
        renewals,
        outcome,
        count,
    };
    let rows = [
        row(0, ContractOutcome::Ended, 30),
        row(1, ContractOutcome::Running, 70),
    ];
    let fit = fit_contracts(&rows).unwrap();
    let report = StoredReport::new(&fit.report, std::time::Duration::ZERO);
    let fits = [PeriodFit {
        period_months: None,
        contracts: 100,
        fit: Ok((fit.model, report)),
        fallback: None,
    }];
    basis.model.as_mut().unwrap().contracts = ContractModels::of_fits(&fits);
    basis
}

/// Somebody with contracts and the calls of [`subscriber`]: 112.50 EUR a month while they are a customer.
fn contracting(purchases: usize, contracts: Vec<ContractFact>) -> Profile {
    let mut profile = subscriber(Some(4_500));
    profile.history.purchases.truncate(purchases);
    profile.history.contracts = contracts;
    profile
}

/// A monthly contract since the first day: renewals in 31, 61, 92 ... days, each of which a month of the horizon begins with.
fn monthly(ended_on: Option<Day>) -> ContractFact {
    let mut contract = contract(day(0), ended_on);
    contract.terms.period_months = 1;
    contract
}

#[test]
fn a_contract_costs_while_it_runs() {
    let basis = with_renewals(basis(faithful(), vec![], 12));
    // Month i has been renewed i times: 0.7^i, together (1 - 0.7^12) / 0.3. A renewal brings 100 EUR at its begin.
    let months = (1.0 - 0.7_f64.powi(12)) / 0.3;
    let running = valued(contracting(0, vec![monthly(None)]), &basis);
    assert_cost(&running, 112.50 * months);
    // 3.2871957 months and 2.3010370 renewals: 230.10370 - 369.80952.
    assert_eq!(cents(&running), -13_971);
    // Of two, as long as either runs: 1 - (1 - 0.7^i)^2.
    let mut other = monthly(None);
    other.contract_id = "2".into();
    let two = valued(contracting(0, vec![monthly(None), other]), &basis);
    let either = (0..12).map(|i| 1.0 - (1.0 - 0.7_f64.powi(i)).powi(2));
    assert_cost(&two, 112.50 * either.sum::<f64>());
}

#[test]
fn who_leaves_on_a_known_day_costs_until_then_and_who_left_nothing() {
    let basis = with_renewals(basis(faithful(), vec![], 12));
    let leaving = |days: i32| {
        let contracts = vec![monthly(Some(day(DAYS + days)))];
        valued(contracting(0, contracts), &basis)
    };
    // 40 days: the middle of the first month is before the end, that of the second is not. One renewal is due before it.
    let next_month = leaving(40);
    assert_cost(&next_month, 112.50);
    assert_eq!(cents(&next_month), 7_000 - 11_250);
    for days in [5, 0, -1_000] {
        let valuation = leaving(days);
        assert_eq!(valuation.expected_cost_to_serve, Some(0.0), "{days}");
        assert_eq!(cents(&valuation), 0, "{days}");
    }
}

#[test]
fn who_buys_and_has_a_contract_costs_as_long_as_either_lasts() {
    let orders = OrderModel::new(ModelKind::MbgNbd, [0.5, 6.0, 0.9, 1.6]).unwrap();
    let basis = with_renewals(basis(orders, vec![], 2));
    let month = 30.4375 / 7.0;
    // Two purchases in the first month, four years ago.
    let history = crate::domain::clv::history::PurchaseHistory::from_days(
        1,
        u32::try_from(DAYS / 48).unwrap(),
        u32::try_from(DAYS).unwrap(),
    )
    .unwrap();
    let outlook = orders.outlook(&history);
    let gone = |months: f64| 1.0 - outlook.probability_alive_after(months * month);
    let both = valued(contracting(2, vec![monthly(None)]), &basis);
    assert_cost(&both, 112.50 * (1.0 + 1.0 - gone(1.5) * 0.3));
    let ended = valued(contracting(2, vec![monthly(Some(day(100)))]), &basis);
    assert_cost(&ended, 112.50 * (2.0 - gone(0.5) - gone(1.5)));
    assert!(gone(0.5) > 0.9, "{}", gone(0.5));
}

#[test]
fn a_value_beyond_all_amounts_is_no_value_and_says_so() {
    let mut absurd = monthly(None);
    absurd.terms.price.currency = "USD".parse().unwrap();
    absurd.terms.price.amount_minor = 1_000_000_000_000_000;
    let mut basis = with_renewals(basis(faithful(), vec![], 12));
    let rate = "1000000".parse().unwrap();
    let rate = ExchangeRate::new("USD".parse().unwrap(), euro(), day(0), rate).unwrap();
    basis.rates = Arc::new(RateTable::default().with(1, [rate]));
    for purchases in [0, 2] {
        let valuation = valued(contracting(purchases, vec![absurd.clone()]), &basis);
        assert_eq!(valuation.lifetime_value, Err(Unrated::TooLarge));
    }
}
