use std::collections::{HashMap, HashSet};

use jiff::civil::date;

use super::*;
use crate::pb::transaction::Kind;

fn options(seed: u64) -> DemoOptions {
    DemoOptions {
        seed,
        customers: 2_000,
        as_of: date(2024, 6, 30),
    }
}

#[test]
fn the_same_seed_gives_the_same_population() {
    let (one, two, other) = (
        generate(options(1)),
        generate(options(1)),
        generate(options(2)),
    );
    assert_eq!(one.customers, two.customers);
    assert_eq!(one.transactions, two.transactions);
    assert_eq!(one.contacts, two.contacts);
    assert_eq!(one.late_transactions, two.late_transactions);
    assert_eq!(one.late_contacts, two.late_contacts);
    assert_eq!(one.examples, two.examples);
    assert_ne!(one.transactions, other.transactions);
}

#[test]
fn the_population_has_everything_the_demo_promises() {
    let population = generate(options(1));
    let count = |kind| {
        let same = |patch: &&pb::CustomerPatch| patch.kind() == kind;
        population.customers.iter().filter(same).count()
    };
    // Shares of 2,000 within five standard deviations of a binomial count.
    assert!((100..=220).contains(&count(pb::CustomerKind::Company)));
    assert!((5..=60).contains(&count(pb::CustomerKind::Employee)));
    let facts = population.transactions.len() + population.late_transactions.len();
    let all = population
        .transactions
        .iter()
        .chain(&population.late_transactions);
    let buyers: HashSet<&str> = all.clone().map(|fact| fact.customer_id.as_str()).collect();
    assert!((1_750..=1_950).contains(&buyers.len()), "{}", buyers.len());
    assert!((6_000..=40_000).contains(&facts), "{facts}");
    let refunds = all.clone().filter(|fact| fact.kind() == Kind::Refund);
    assert!(
        refunds
            .clone()
            .any(|fact| fact.original_transaction_id.is_empty())
    );
    assert!(
        refunds
            .clone()
            .any(|fact| !fact.original_transaction_id.is_empty())
    );
    assert!(all.clone().any(|fact| fact.kind() == Kind::Reversal));
    let late = population.late_transactions.len() * 100 / facts;
    assert!((3..=5).contains(&late), "{late} %");
    let contacts = population.contacts.len() + population.late_contacts.len();
    assert!(contacts > 1_000, "{contacts}");
}

#[test]
fn every_fact_is_within_the_three_years_and_has_an_id_of_its_own() {
    let population = generate(options(1));
    let (first, last) = ("2021-07-01".to_owned(), "2024-06-30".to_owned());
    let mut ids = HashSet::new();
    for fact in population
        .transactions
        .iter()
        .chain(&population.late_transactions)
    {
        let day = day_of(fact);
        assert!(first <= day && day <= last, "{day}");
        assert!(
            ids.insert(fact.transaction_id.clone()),
            "{}",
            fact.transaction_id
        );
        assert!(fact.amount.as_ref().unwrap().amount_minor >= 0);
    }
    let mut ids = HashSet::new();
    for fact in population.contacts.iter().chain(&population.late_contacts) {
        assert!(ids.insert(fact.contact_id.clone()), "{}", fact.contact_id);
    }
}

#[test]
fn mean_spend_and_repeat_purchases_are_about_what_the_habits_say() {
    let population = generate(options(1));
    let kinds: HashMap<&str, pb::CustomerKind> = population
        .customers
        .iter()
        .map(|patch| (patch.customer_id.as_str(), patch.kind()))
        .collect();
    let (mut sum, mut count) = (0, 0);
    for fact in &population.transactions {
        let person = kinds[fact.customer_id.as_str()] == pb::CustomerKind::Person;
        if person && fact.kind() == Kind::Purchase {
            sum += fact.amount.as_ref().unwrap().amount_minor;
            count += 1;
        }
    }
    // 4 * 37.5 / 3.5 = 42.86 EUR; frequent buyers weigh more, so the tolerance is wide.
    let mean = sum / count;
    assert!((3_600..=5_000).contains(&mean), "{mean}");
}

#[test]
fn the_examples_are_what_they_claim_to_be() {
    let population = generate(options(1));
    let examples = &population.examples;
    assert!(examples.sharers.len() >= 2);
    let having = |phone: &str| {
        let has = |patch: &&pb::CustomerPatch| {
            patch
                .add_identifiers
                .iter()
                .any(|one| one.identifier == Some(Known::PhoneNumber(phone.to_owned())))
        };
        population.customers.iter().filter(has).count()
    };
    assert_eq!(having(&examples.shared_phone), examples.sharers.len());
    assert_eq!(having(&examples.regular_phone), 1);
    let bought = |id: &str| {
        population
            .transactions
            .iter()
            .any(|fact| fact.customer_id == id)
    };
    assert!(bought(&examples.regular));
    assert!(!bought(&examples.employee) && !examples.employee.is_empty());
    assert!(!bought(&examples.lead) && !examples.lead.is_empty());
}
