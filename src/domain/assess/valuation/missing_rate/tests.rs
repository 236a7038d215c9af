//! Which rates are named: those without which there is no value, and no others.

use std::sync::Arc;

use super::*;
use crate::domain::{
    assess::{tiers::Unrated, valuation::value},
    basis::Revision,
    customer::{
        facts::{ContractFact, ContractTerms},
        profile::{ContactDay, DatedProfile, History, Profile, PurchaseDay},
    },
    definitions::Definitions,
    money::Money,
    rates::{ExchangeRate, RateTable},
    text::CustomerId,
};

const AS_OF: &str = "2026-11-22";

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn purchase(on: &str, code: &str) -> History {
    History {
        purchases: vec![PurchaseDay {
            day: day(on),
            currency: currency(code),
            category: None,
            count: 1,
            amount_minor: 100,
            costed_amount_minor: 0,
            cost_minor: 0,
            foreign_refunds: None,
        }],
        ..History::default()
    }
}

fn contacts(days: &[(&str, &str)]) -> Vec<ContactDay> {
    let contact = |&(on, code): &(&str, &str)| ContactDay {
        day: day(on),
        channel: "phone".into(),
        currency: Some(currency(code)),
        count: 1,
        cost_minor: 100,
        duration_seconds: 0,
    };
    days.iter().map(contact).collect()
}

/// A yearly contract.
fn contract(id: &str, code: &str, started_on: &str, ended_on: Option<&str>) -> ContractFact {
    ContractFact {
        source: "billing".into(),
        contract_id: id.into(),
        terms: ContractTerms {
            started_on: day(started_on),
            period_months: 12,
            price: Money {
                amount_minor: 10_000,
                currency: currency(code),
            },
            cost_minor: None,
            category: None,
            ended_on: ended_on.map(day),
        },
        effective_on: day(started_on),
        profile_version: 1,
    }
}

fn basis(of_value: &str, rates: &[(&str, &str)]) -> Basis {
    let document = format!(
        "value: {{currency: EUR, horizon_months: 12, monthly_discount: 0 %, basis: {of_value}, margin: 100 %}}
channels: {{phone: {{cost: 45 EUR}}}}
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
    let revision = Revision::published(1, Arc::new(Definitions::read(&document).unwrap()));
    let rate = |&(from, on): &(&str, &str)| {
        let rate = "0.5".parse().unwrap();
        ExchangeRate::new(currency(from), currency("EUR"), day(on), rate).unwrap()
    };
    let rates = RateTable::default().with(1, rates.iter().map(rate));
    Basis::new(revision, None, Some(currency("EUR")), Arc::new(rates))
}

fn dated(kind: CustomerKind, history: History) -> DatedProfile {
    let profile = Profile {
        customer_id: CustomerId::new("ada").unwrap(),
        version: 1,
        kind,
        display_name: None,
        recorded_at: jiff::Timestamp::UNIX_EPOCH,
        members: Box::default(),
        history,
    };
    DatedProfile::new(Arc::new(profile), day(AS_OF)).unwrap()
}

/// Currencies and days of the rates that are missing over twelve months.
fn missing(history: &History, basis: &Basis) -> Vec<(String, String)> {
    let dated = dated(CustomerKind::Person, history.clone());
    let missing = missing_rates(dated.view(), basis, 12).into_iter();
    missing
        .map(|one| {
            assert_eq!(one.to, Some(currency("EUR")));
            (one.from.to_string(), one.day.to_string())
        })
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |&(code, day): &(&str, &str)| (code.to_owned(), day.to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn contacts_ask_for_a_rate_on_the_contribution_basis_only() {
    let history = History {
        contacts: contacts(&[("2026-03-01", "CHF")]),
        contracts: vec![contract("1", "USD", "2025-03-01", None)],
        ..History::default()
    };
    assert_eq!(
        missing(&history, &basis("revenue", &[])),
        pairs(&[("USD", AS_OF)])
    );
    let both = pairs(&[("CHF", "2026-03-01"), ("USD", AS_OF)]);
    assert_eq!(missing(&history, &basis("contribution", &[])), both);
    let known = basis(
        "contribution",
        &[("CHF", "2026-02-01"), ("USD", "2026-02-01")],
    );
    assert_eq!(missing(&history, &known), pairs(&[]));
    let dated = dated(CustomerKind::Person, history);
    let settings = known.value_settings();
    assert_eq!(
        currencies_but(amounts(dated.view(), settings, 12), currency("EUR")),
        [currency("CHF"), currency("USD")]
    );
}

#[test]
fn a_contract_asks_for_the_rate_of_the_day_of_the_answer_if_it_may_be_renewed() {
    let of = |terms: ContractFact| History {
        contracts: vec![terms],
        ..History::default()
    };
    let basis = basis("revenue", &[("USD", "2026-11-23")]);
    let runs = of(contract("1", "USD", "2025-03-01", None));
    assert_eq!(missing(&runs, &basis), pairs(&[("USD", AS_OF)]));
    for ended_on in ["2025-03-01", "2026-11-22", "2027-03-01"] {
        let ends = of(contract("1", "USD", "2025-03-01", Some(ended_on)));
        assert_eq!(missing(&ends, &basis), pairs(&[]), "{ended_on}");
    }
    // The next renewal is beyond three months: the value does not rest on its price.
    let dated = dated(CustomerKind::Person, runs);
    assert_eq!(missing_rates(dated.view(), &basis, 3), []);
}

#[test]
fn every_currency_is_named_once_with_its_earliest_day() {
    let mut history = purchase("2026-02-01", "USD");
    let earlier = purchase("2026-01-01", "USD").purchases;
    history.purchases.splice(0..0, earlier);
    history.contracts = vec![contract("1", "USD", "2025-03-01", None)];
    history.contacts = contacts(&[("2026-01-05", "CHF"), ("2026-04-01", "CHF")]);
    let basis = basis("contribution", &[]);
    assert_eq!(
        missing(&history, &basis),
        pairs(&[("CHF", "2026-01-05"), ("USD", "2026-01-01")])
    );
}

#[test]
fn a_customer_without_a_value_for_another_reason_needs_no_rate() {
    // Nothing bought, and the only contract has ended: nobody is served any more.
    let former = History {
        contacts: contacts(&[("2026-01-05", "CHF")]),
        contracts: vec![contract("1", "USD", "2020-03-01", Some("2021-03-01"))],
        ..History::default()
    };
    let basis = basis("contribution", &[]);
    assert_eq!(missing(&former, &basis), pairs(&[]));
    let dated_former = dated(CustomerKind::Person, former);
    let worth = value(dated_former.view(), &basis, &basis.revision.horizon);
    assert_eq!(worth.lifetime_value.unwrap().amount_minor, 0);
    let employee = dated(CustomerKind::Employee, purchase("2026-02-01", "USD"));
    assert_eq!(missing_rates(employee.view(), &basis, 12), []);
    let worth = value(employee.view(), &basis, &basis.revision.horizon);
    assert_eq!(worth.lifetime_value, Err(Unrated::NotApplicable));
}
