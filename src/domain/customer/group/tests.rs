use std::collections::HashMap;

use jiff::Timestamp;

use super::{Groups, namesakes::Namesakes};
use crate::domain::{
    calendar::{Day, EventTime},
    customer::{
        facts::{
            Contact, ContactContent, ContractFact, ContractTerms, FactKey, Interaction,
            Transaction, TransactionKind,
        },
        profile::Facts,
    },
    money::{Currency, Money},
    text::CustomerId,
};

fn id(text: &str) -> CustomerId {
    CustomerId::new(text).unwrap()
}

fn key(customer: &str, fact: &str) -> FactKey {
    FactKey {
        customer_id: id(customer),
        source: "shop".into(),
        id: fact.into(),
    }
}

fn euros(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: "EUR".parse::<Currency>().unwrap(),
    }
}

fn refund(customer: &str, fact: &str, original: &str) -> Transaction {
    Transaction {
        key: key(customer, fact),
        kind: TransactionKind::Refund,
        when: EventTime {
            day: Day::EPOCH,
            instant: None,
        },
        amount: euros(100),
        cost_minor: None,
        category: None,
        channel: None,
        original_id: Some(original.into()),
        original_source: None,
        stated_customer: None,
    }
}

fn contract(fact: &str, price: i64) -> ContractFact {
    ContractFact {
        source: "shop".into(),
        contract_id: fact.into(),
        terms: ContractTerms {
            started_on: Day::EPOCH,
            period_months: 12,
            price: euros(price),
            cost_minor: None,
            category: None,
            ended_on: None,
        },
        effective_on: Day::EPOCH,
        profile_version: 1,
    }
}

/// "b" and "c" in "m": the customer who stays is first, whatever the ids.
fn groups() -> Groups {
    let mut groups = Groups::default();
    groups.add(id("m"), Box::new([id("b"), id("c")]));
    groups
}

fn purchase(customer: &str, fact: &str, day: i32, amount_minor: i64) -> Transaction {
    Transaction {
        kind: TransactionKind::Purchase,
        when: EventTime {
            day: Day::EPOCH.plus_days(day),
            instant: None,
        },
        amount: euros(amount_minor),
        original_id: None,
        ..refund(customer, fact, "")
    }
}

fn call(customer: &str, fact: &str, day: i32, content: ContactContent) -> Contact {
    Contact {
        key: key(customer, fact),
        when: EventTime {
            day: Day::EPOCH.plus_days(day),
            instant: None,
        },
        content,
    }
}

fn happened() -> ContactContent {
    ContactContent::Happened(Interaction {
        channel: "phone".into(),
        topic: None,
        duration_seconds: None,
        cost: None,
        outcome: None,
    })
}

/// Facts by the customer of record.
fn recorded(transactions: Vec<Transaction>, contacts: Vec<Contact>) -> HashMap<CustomerId, Facts> {
    let mut facts: HashMap<CustomerId, Facts> = HashMap::new();
    for fact in transactions {
        let of_customer = facts.entry(fact.key.customer_id.clone()).or_default();
        of_customer.transactions.push(fact);
    }
    for fact in contacts {
        let of_customer = facts.entry(fact.key.customer_id.clone()).or_default();
        of_customer.contacts.push(fact);
    }
    facts
}

/// All as facts of "m".
fn joined(facts: HashMap<CustomerId, Facts>) -> Facts {
    let namesakes = Namesakes::new(&groups(), &facts);
    groups().join(facts, &namesakes).remove(&id("m")).unwrap()
}

#[test]
fn of_facts_with_one_name_those_that_differ_are_told_apart_and_the_customer_who_stays_is_first() {
    let facts = vec![
        purchase("c", "1", 5, 100),
        purchase("b", "1", 5, 200),
        purchase("m", "1", 5, 100),
        // The two of these who were merged have the same; the one who stays has none.
        purchase("c", "2", 6, 100),
        purchase("b", "2", 6, 100),
        purchase("c", "3", 6, 100),
        purchase("c", "4", 7, 100),
        purchase("b", "4", 8, 100),
    ];
    let joined = joined(recorded(facts, vec![]));
    let found: Vec<(&str, i64)> = joined
        .transactions
        .iter()
        .map(|it| (&*it.key.id, it.amount.amount_minor))
        .collect();
    let expected = [
        ("1", 100),
        ("1\u{1f}b", 200),
        ("2", 100),
        ("4", 100),
        ("3", 100),
        ("4\u{1f}c", 100),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_names_a_fact_names_that_of_its_own_customer_or_else_the_other_one() {
    let facts = vec![
        purchase("m", "1", 5, 100),
        purchase("c", "1", 5, 300),
        purchase("c", "2", 5, 300),
        refund("m", "r", "1"),
        refund("c", "r", "1"),
        refund("c", "s", "r"),
        refund("m", "t", "2"),
        // The same as another one's: it is that one.
        purchase("b", "1", 5, 300),
        refund("b", "u", "1"),
    ];
    let joined = joined(recorded(facts, vec![]));
    let named: HashMap<&str, Option<&str>> = joined
        .transactions
        .iter()
        .map(|it| (&*it.key.id, it.original_id.as_deref()))
        .collect();
    for (fact, original) in [
        ("r", "1"),
        ("r\u{1f}c", "1\u{1f}b"),
        ("s", "r\u{1f}c"),
        ("t", "2"),
        ("u", "1\u{1f}b"),
    ] {
        assert_eq!(named.get(fact), Some(&Some(original)), "{fact}: {named:?}");
    }
    assert_eq!(named.len(), 8, "{named:?}");
}

#[test]
fn a_circle_of_names_has_an_end() {
    let with = |customer: &str, fact: &str, original: &str, amount: i64, second: Option<i64>| {
        let mut refund = refund(customer, fact, original);
        refund.amount = euros(amount);
        refund.when.instant = second.map(|second| Timestamp::from_second(second).unwrap());
        refund
    };
    let facts = vec![
        with("m", "x", "y", 100, Some(10)),
        with("b", "x", "y", 100, None),
        with("c", "x", "y", 100, Some(11)),
        with("m", "y", "x", 100, None),
        with("b", "y", "x", 200, None),
        with("c", "y", "x", 200, None),
    ];
    let joined = joined(recorded(facts, vec![]));
    let mut found: Vec<&str> = joined.transactions.iter().map(|it| &*it.key.id).collect();
    found.sort_unstable();
    assert_eq!(found, ["x", "x\u{1f}c", "y", "y\u{1f}b"]);
}

#[test]
fn contacts_are_told_apart_by_day_and_channel_and_retractions_by_what_they_retract() {
    let retracts = |id: &str| ContactContent::Retracts(id.into());
    let contacts = vec![
        call("m", "1", 5, happened()),
        call("c", "1", 5, happened()),
        call("m", "2", 5, happened()),
        call("c", "2", 6, happened()),
        call("c", "3", 7, retracts("2")),
        call("m", "3", 7, retracts("1")),
    ];
    let joined = joined(recorded(vec![], contacts));
    let found: Vec<(&str, Option<&str>)> = joined
        .contacts
        .iter()
        .map(|it| match &it.content {
            ContactContent::Happened(_) => (&*it.key.id, None),
            ContactContent::Retracts(id) => (&*it.key.id, Some(&**id)),
        })
        .collect();
    let expected = [
        ("1", None),
        ("2", None),
        ("3", Some("1")),
        ("2\u{1f}c", None),
        ("3\u{1f}c", Some("2\u{1f}c")),
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_instant_that_one_of_two_lacks_makes_them_no_other_facts() {
    let at = |seconds: i64| Some(Timestamp::from_second(seconds).unwrap());
    let with = |customer: &str, instant| {
        let mut fact = purchase(customer, "1", 0, 100);
        fact.when.instant = instant;
        fact
    };
    for (one, other, count) in [
        (at(1), None, 1),
        (None, at(1), 1),
        (at(1), at(1), 1),
        (at(1), at(2), 2),
    ] {
        let facts = recorded(vec![with("m", one), with("c", other)], vec![]);
        assert_eq!(joined(facts).transactions.len(), count, "{one:?} {other:?}");
    }
}

#[test]
fn of_a_contract_in_both_the_states_of_a_day_are_those_of_the_first() {
    let of = |price| Facts {
        contracts: vec![contract("k", price)],
        ..Facts::default()
    };
    let facts = HashMap::from([(id("m"), of(100)), (id("c"), of(200))]);
    assert_eq!(joined(facts).contracts, [contract("k", 100)]);
}

#[test]
fn customers_of_no_group_are_left_as_they_are() {
    let facts = recorded(
        vec![purchase("x", "1", 5, 1), purchase("m", "1", 5, 2)],
        vec![],
    );
    let namesakes = Namesakes::new(&groups(), &facts);
    assert_eq!(namesakes, Namesakes::default());
    let kept = groups().join(facts, &namesakes);
    assert_eq!(kept[&id("x")].transactions, [purchase("x", "1", 5, 1)]);
}
