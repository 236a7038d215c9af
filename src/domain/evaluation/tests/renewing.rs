//! Renewals and value as a whole, by hand.

mod books;

use std::sync::Arc;

use super::*;
use crate::domain::assess::valuation::OrderMargins;
use crate::domain::basis::{Basis, Revision};
use crate::domain::clv::model::ModelKind;
use crate::domain::customer::facts::{ContractFact, ContractTerms};
use crate::domain::evaluation::contracts::{ContractAhead, ContractsLeftOut, Payments, ValueFacts};
use crate::domain::evaluation::renewals::evaluate_renewals;
use crate::domain::evaluation::value::{Contribution, evaluate_value};
use crate::domain::fitted::contract_models::ContractModels;
use crate::domain::money::Money;

fn window(split: &str, until: &str) -> Window {
    Window::new(day(split), day(until)).unwrap()
}

/// What was said of a contract of 10 EUR a period from a day on.
fn fact(started_on: &str, period_months: u32, ended_on: Option<&str>, from: &str) -> ContractFact {
    ContractFact {
        source: "erp".into(),
        contract_id: "k".into(),
        terms: ContractTerms {
            started_on: day(started_on),
            period_months,
            price: Money {
                amount_minor: 1_000,
                currency: "EUR".parse().unwrap(),
            },
            cost_minor: None,
            category: None,
            ended_on: ended_on.map(day),
        },
        effective_on: day(from),
        profile_version: 1,
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::unnecessary_wraps,
    reason = "small amounts, and a function that may have none"
)]
fn price(terms: &ContractTerms, _: Day) -> Option<f64> {
    Some(terms.price.amount_minor as f64 / 100.0)
}

fn ahead(facts: &[ContractFact], window: Window) -> (Option<ContractAhead>, ContractsLeftOut) {
    let mut left_out = ContractsLeftOut::default();
    let found = ContractAhead::of_facts(facts, window, &mut left_out, price);
    (found, left_out)
}

/// `(renewals, due, renewed)` of a contract that ran at the split.
fn counts(facts: &[ContractFact], window: Window) -> (u32, u32, u32) {
    let found = ahead(facts, window).0.unwrap();
    (found.renewals, found.due, found.renewed)
}

#[test]
fn an_end_that_became_known_after_the_split_has_to_be_predicted() {
    let half_year = window("2026-06-30", "2026-12-31");
    let open = fact("2025-09-15", 12, None, "2025-09-15");
    assert_eq!(counts(std::slice::from_ref(&open), half_year), (0, 1, 1));
    // Cancelled before its first renewal, in the holdout: it fell due and did not come.
    let ended = |from| fact("2025-09-15", 12, Some("2026-09-15"), from);
    let told_later = [open.clone(), ended("2026-07-01")];
    assert_eq!(counts(&told_later, half_year), (0, 1, 0));
    // Only the end was ever recorded.
    assert_eq!(counts(&told_later[1..], half_year), (0, 1, 0));
    // Notice given before the split leaves nothing to predict.
    let told_before = [open.clone(), ended("2026-06-30")];
    let (found, left_out) = ahead(&told_before, half_year);
    assert_eq!(found.map(|it| (it.due, it.renewed)), Some((0, 0)));
    assert_eq!(left_out.ending, 1);
    // Over by the split, and not begun by then.
    let over = [
        open.clone(),
        fact("2025-09-15", 12, Some("2026-06-30"), "2026-05-01"),
    ];
    assert_eq!(ahead(&over, half_year), (None, ContractsLeftOut::default()));
    let (found, left_out) = ahead(&[fact("2026-07-01", 1, None, "2026-07-01")], half_year);
    assert_eq!((found, left_out.signed_later), (None, 1));
    // Taken back on its first day: never a contract.
    let mistaken = fact("2026-07-01", 1, Some("2026-07-01"), "2026-07-01");
    assert_eq!(ahead(&[mistaken], half_year).1, ContractsLeftOut::default());
    let (found, left_out) = ahead(&[open], window("2026-06-30", "2026-09-14"));
    assert_eq!((found.unwrap().due, left_out.not_due), (0, 1));
}

#[test]
fn renewals_of_the_last_day_of_a_month_fall_due_on_the_last_day_of_each() {
    let monthly = |ended_on: Option<&str>| {
        let opened = fact("2026-01-31", 1, None, "2026-01-31");
        let ended = ended_on.map(|end| fact("2026-01-31", 1, Some(end), end));
        std::iter::once(opened).chain(ended).collect::<Vec<_>>()
    };
    // Due on 28 February, 31 March, 30 April.
    let spring = window("2026-02-27", "2026-04-30");
    assert_eq!(counts(&monthly(None), spring), (0, 3, 3));
    assert_eq!(counts(&monthly(Some("2026-04-30")), spring), (0, 3, 2));
    assert_eq!(counts(&monthly(Some("2026-03-31")), spring), (0, 3, 1));
    assert_eq!(
        counts(&monthly(None), window("2026-02-28", "2026-04-29")),
        (1, 1, 1)
    );
}

#[test]
fn payments_that_came_have_the_price_of_their_day() {
    let rise = ContractFact {
        terms: ContractTerms {
            price: Money {
                amount_minor: 1_500,
                currency: "EUR".parse().unwrap(),
            },
            ..fact("2026-01-10", 1, None, "2026-03-01").terms
        },
        ..fact("2026-01-10", 1, None, "2026-03-01")
    };
    let facts = [fact("2026-01-10", 1, None, "2026-01-10"), rise];
    let found = ahead(&facts, window("2026-01-31", "2026-04-30")).0.unwrap();
    let expected = Payments {
        each: 10.0,
        came: 40.0,
    };
    assert_eq!((found.due, found.payments), (3, Some(expected)));
}

fn contract(renewals: u32, due: u32, renewed: u32) -> ContractAhead {
    ContractAhead {
        period_months: 12,
        renewals,
        due,
        renewed,
        payments: Some(Payments {
            each: 10.0,
            came: 10.0 * f64::from(renewed),
        }),
    }
}

#[test]
fn figures_of_the_built_in_model_are_those_one_reckons() {
    let window = window("2026-06-30", "2027-06-30");
    let mut population = Population::new(window);
    // Renewed first with 1/2, then with 3/4, then with 5/6.
    let contracts = [contract(0, 1, 1), contract(0, 2, 1), contract(2, 1, 0)];
    for one in contracts {
        population.add_contracts_alone(Box::new([one]));
    }
    let models = ContractModels::default();
    let found = evaluate_renewals(&population, &models, Some(0.8), 1).unwrap();
    assert_eq!((found.built_in_contracts, found.groups.len()), (3, 1));
    let all = &found.groups[0];
    assert_eq!((all.contracts, all.due, all.renewed), (3, 4, 2));
    let expected = 0.5 + (0.5 + 0.375) + 5.0 / 6.0;
    assert_near("expected", all.expected, expected, 1e-12);
    let baseline = all.baseline_expected.unwrap();
    assert_near("baseline", baseline, 0.8 + (0.8 + 0.64) + 0.8, 1e-12);
    let squares = 0.25 + (0.25 + 0.375 * 0.375) + 25.0 / 36.0;
    assert_near("Brier", all.brier_score, squares / 4.0, 1e-12);
    let squares = 0.04 + (0.04 + 0.64 * 0.64) + 0.64;
    assert_near(
        "Brier",
        all.baseline_brier_score.unwrap(),
        squares / 4.0,
        1e-12,
    );
    // Variances: 1/4; of 0, 1 or 2 renewals with 1/2, 1/8 and 3/8; 5/36.
    let total = all.total.unwrap();
    let second = 0.5 * 0.0 + 0.125 + 0.375 * 4.0 - 0.875 * 0.875;
    let variance: f64 = 0.25 + second + 5.0 / 36.0;
    assert_near("deviation", total.standard_deviation, variance.sqrt(), 1e-9);
    assert!(total.high <= 4.0, "{total:?}");
    let ages: Vec<_> = all
        .ages
        .iter()
        .map(|age| (age.renewals, age.due, age.renewed))
        .collect();
    assert_eq!(ages, [(0, 3, 2), (2, 1, 0)]);
    assert_near("age", all.ages[0].expected, 1.375, 1e-12);
    // Without a renewal due by the split there is no baseline.
    let found = evaluate_renewals(&population, &models, None, 1).unwrap();
    assert_eq!(found.groups[0].baseline_expected, None);

    let value = evaluate_value(&population, None, &models, Some(0.8), 1).unwrap();
    assert_eq!((value.customers, value.orders), (3, None));
    let of_contracts = Contribution {
        actual: 20.0,
        expected: 10.0 * expected,
    };
    assert_near(
        "value",
        value.contracts.expected,
        of_contracts.expected,
        1e-9,
    );
    assert_near("value", value.contracts.actual, of_contracts.actual, 1e-9);
    let total = value.quantity.total.unwrap();
    assert_near(
        "deviation",
        total.standard_deviation,
        10.0 * variance.sqrt(),
        1e-8,
    );
}

#[test]
fn without_a_renewal_due_the_reason_is_said() {
    let window = window("2026-06-30", "2026-12-31");
    let models = ContractModels::default();
    let nobody = Population::new(window);
    let reason = |population: &Population| {
        let renewals = evaluate_renewals(population, &models, None, 1).unwrap_err();
        let value = evaluate_value(population, None, &models, None, 1);
        (renewals, value.err())
    };
    let none = "no contract ran on 2026-06-30";
    let (renewals, value) = reason(&nobody);
    assert_eq!(renewals, none);
    assert_eq!(
        value.unwrap(),
        format!("{none}, so all value is that of orders")
    );
    let mut later = Population::new(window);
    later.add_contracts_alone(Box::new([contract(0, 0, 0)]));
    later.leave_out_contracts(ContractsLeftOut {
        not_due: 1,
        ..ContractsLeftOut::default()
    });
    assert_eq!(
        reason(&later),
        ("no renewal was due by 2026-12-31".to_owned(), None)
    );
}

#[test]
fn value_adds_the_margin_of_orders_and_the_payments_of_contracts() {
    let window = window("2026-01-31", "2026-12-31");
    let mut population = Population::new(window);
    let purchases = [
        purchase(day("2025-01-01"), 2_000),
        purchase(day("2025-06-01"), 4_000),
        purchase(day("2026-03-01"), 3_000),
    ];
    let euro = "EUR".parse().unwrap();
    let basis = Basis::new(
        Revision::built_in().unwrap(),
        None,
        Some(euro),
        Arc::default(),
    );
    let margins =
        |range: std::ops::Range<usize>| OrderMargins::of(&purchases[range], &basis).unwrap();
    let value = ValueFacts {
        known_margins: Some(margins(0..2)),
        holdout_margin: Some(margins(2..3).realised()),
        contracts: Box::new([contract(0, 1, 1)]),
    };
    let person = Stratum::of_kind(CustomerKind::Person);
    population
        .add_valued(person.clone(), &purchases, &purchases, value, major)
        .unwrap();
    // A customer whose price has no rate is out of it, one who first ordered later counts with contracts alone.
    let mut priceless = contract(0, 1, 1);
    priceless.payments = None;
    population.add_contracts_alone(Box::new([priceless]));
    let later = [purchase(day("2026-05-01"), 9_000)];
    let value = ValueFacts {
        contracts: Box::new([contract(1, 1, 0)]),
        ..ValueFacts::default()
    };
    population
        .add_valued(person, &later, &later, value, major)
        .unwrap();
    population.sort();
    let orders = OrderModel::new(ModelKind::MbgNbd, [0.5, 6.0, 0.9, 1.6]).unwrap();
    let spend = GammaGamma::new(3.0, 4.0, 20.0).unwrap();
    let model = candidate(Parameters::pooled(set(orders, Some(spend))));
    let models = ContractModels::default();
    let found = evaluate_value(&population, Some(&model), &models, Some(0.9), 1).unwrap();
    assert_eq!((found.customers, found.unconvertible), (2, 1));
    let spend = forecast::forecasts(&population, &model)[0].spend.unwrap();
    let orders = found.orders.unwrap();
    assert_near("orders", orders.expected, spend.expected, 1e-9);
    assert_near("orders", orders.actual, 30.0, 1e-9);
    assert_near(
        "contracts",
        found.contracts.expected,
        10.0 * (0.5 + 0.75),
        1e-9,
    );
    assert_near("contracts", found.contracts.actual, 10.0, 1e-9);
    let [model, last_year, _, mean] = &found.quantity.accuracy[..] else {
        panic!("{:?}", found.quantity.accuracy);
    };
    assert_near("all", model.expected_total, spend.expected + 12.5, 1e-9);
    assert_near("all", model.actual_total, 40.0, 1e-9);
    assert_near(
        "baseline",
        last_year.expected_total,
        spend.last_year + 18.0,
        1e-9,
    );
    assert_near("mean", mean.expected_total, last_year.expected_total, 1e-9);
    // The set has no covariance.
    assert!(found.intervals_absent_reason.is_some());
}
