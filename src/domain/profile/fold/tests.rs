use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::domain::{calendar::EventTime, facts::AttributeValue, money::Money, text::CustomerId};

fn day(number: i32) -> Day {
    Day::from_number(number).unwrap()
}

fn key(id: &str) -> FactKey {
    FactKey {
        customer_id: CustomerId::new("c").unwrap(),
        source: "shop".into(),
        id: id.into(),
    }
}

/// A transaction written as `ID DAY KIND AMOUNT [of ORIGINAL] [cost COST] [in CURRENCY] [as CATEGORY]`.
fn transaction(text: &str) -> Transaction {
    let words: Vec<&str> = text.split(' ').collect();
    let option = |name: &str| {
        words
            .iter()
            .position(|word| *word == name)
            .map(|at| words[at + 1])
    };
    Transaction {
        key: key(words[0]),
        kind: match words[2] {
            "buys" => TransactionKind::Purchase,
            "refund" => TransactionKind::Refund,
            "reversal" => TransactionKind::Reversal,
            other => panic!("{other} is no kind"),
        },
        when: EventTime {
            day: day(words[1].parse().unwrap()),
            instant: None,
        },
        amount: Money {
            amount_minor: words[3].parse().unwrap(),
            currency: option("in").unwrap_or("EUR").parse().unwrap(),
        },
        cost_minor: option("cost").map(|cost| cost.parse().unwrap()),
        category: option("as").map(Label::from),
        channel: None,
        original_id: option("of").map(Label::from),
    }
}

fn folded(lines: &[&str]) -> History {
    let transactions = lines.iter().map(|line| transaction(line)).collect();
    fold(
        History::default(),
        &Facts {
            transactions,
            ..Facts::default()
        },
    )
    .unwrap()
}

/// The purchase days as `DAY:COUNTxAMOUNT(COSTED-COST)CURRENCY/CATEGORY`, then the number of unmatched refunds.
#[track_caller]
fn check(lines: &[&str], expected: &str) {
    let history = folded(lines);
    let days = history.purchases.iter().map(|entry| {
        let category = entry.category.as_deref().map(|name| format!("/{name}"));
        format!(
            "{}:{}x{}({}-{}){}{} ",
            entry.day.number(),
            entry.count,
            entry.amount_minor,
            entry.costed_amount_minor,
            entry.cost_minor,
            entry.currency,
            category.unwrap_or_default()
        )
    });
    assert_eq!(
        days.collect::<String>() + &history.unmatched_refund_count.to_string(),
        expected
    );
}

#[test]
fn purchases_of_one_day_are_one_occasion() {
    check(
        &["a 5 buys 100", "b 5 buys 200", "c 7 buys 0"],
        "5:2x300(0-0)EUR 7:1x0(0-0)EUR 0",
    );
}

#[test]
fn the_cost_is_kept_beside_the_part_of_the_amount_it_belongs_to() {
    check(
        &["a 5 buys 100 cost 60", "b 5 buys 200"],
        "5:2x300(100-60)EUR 0",
    );
}

#[test]
fn currencies_and_categories_of_a_day_are_kept_apart() {
    check(
        &["a 5 buys 100 in USD", "b 5 buys 200", "c 5 buys 50 as toys"],
        "5:1x200(0-0)EUR 5:1x50(0-0)EUR/toys 5:1x100(0-0)USD 0",
    );
}

#[test]
fn a_refund_lowers_the_day_of_the_purchase_it_names() {
    check(
        &["a 5 buys 100", "b 7 buys 200", "r 9 refund 30 of a"],
        "5:1x70(0-0)EUR 7:1x200(0-0)EUR 0",
    );
    check(
        &["a 5 buys 100 cost 60", "r 9 refund 30 of a cost 20"],
        "5:1x70(70-40)EUR 0",
    );
}

#[test]
fn a_refund_that_names_nothing_lowers_the_latest_day_on_or_before_it() {
    check(
        &["a 5 buys 100", "b 7 buys 200", "r 6 refund 30"],
        "5:1x70(0-0)EUR 7:1x200(0-0)EUR 0",
    );
    check(
        &["a 5 buys 100", "b 7 buys 200", "r 7 refund 30"],
        "5:1x100(0-0)EUR 7:1x170(0-0)EUR 0",
    );
    check(&["a 5 buys 100", "r 6 reversal 30"], "5:1x70(0-0)EUR 0");
}

#[test]
fn a_day_taken_back_in_full_is_none() {
    check(
        &["a 5 buys 100", "b 7 buys 200", "r 9 refund 200 of b"],
        "5:1x100(0-0)EUR 0",
    );
    check(
        &["a 5 buys 100", "b 7 buys 200", "r 9 refund 200"],
        "5:1x100(0-0)EUR 0",
    );
    check(
        &["a 5 buys 100", "b 7 buys 200", "r 9 reversal 0 of b"],
        "5:1x100(0-0)EUR 0",
    );
}

#[test]
fn a_free_purchase_outlives_the_refund_of_a_paid_one_of_its_day() {
    check(
        &["a 5 buys 100", "f 5 buys 0", "r 9 refund 100"],
        "5:1x0(0-0)EUR 0",
    );
    check(
        &["a 5 buys 100", "f 5 buys 0", "r 9 refund 100 of a"],
        "5:1x0(0-0)EUR 0",
    );
    check(&["f 5 buys 0", "r 9 reversal 0 of f"], "0");
}

#[test]
fn what_finds_no_purchase_is_counted_and_changes_nothing() {
    check(&["r 9 refund 10"], "1");
    check(&["a 10 buys 100", "r 9 refund 10"], "10:1x100(0-0)EUR 1");
    check(
        &["a 5 buys 100", "r 9 refund 10 of nobody"],
        "5:1x100(0-0)EUR 1",
    );
    check(
        &["a 5 buys 100", "r 9 reversal 0 of nobody"],
        "5:1x100(0-0)EUR 1",
    );
    check(
        &["a 5 buys 100", "r 9 refund 10 in USD"],
        "5:1x100(0-0)EUR 1",
    );
    check(
        &["a 5 buys 100", "r 9 refund 10 in USD of a"],
        "5:1x100(0-0)EUR 1",
    );
}

#[test]
fn more_than_was_paid_is_never_taken_back() {
    check(
        &["a 5 buys 100", "b 5 buys 50", "r 9 refund 120 of a"],
        "5:1x50(0-0)EUR 1",
    );
    check(
        &["a 5 buys 100", "r 9 refund 60 of a", "s 9 refund 60 of a"],
        "1",
    );
    check(&["a 5 buys 100", "r 9 refund 120"], "1");
}

#[test]
fn a_reversed_refund_never_happened() {
    check(
        &["a 5 buys 100", "r 9 refund 30 of a", "s 9 reversal 0 of r"],
        "5:1x100(0-0)EUR 0",
    );
}

#[test]
fn a_summary_counts_repeat_days_and_leaves_the_first_day_out() {
    let history = folded(&[
        "a 5 buys 100",
        "b 5 buys 1 as toys",
        "c 9 buys 2",
        "d 9 buys 3 in USD",
        "e 12 buys 4",
    ]);
    let summary = history.purchase_summary().unwrap();
    assert_eq!(
        (summary.first_day, summary.last_day, summary.frequency),
        (day(5), day(12), 2)
    );
    assert_eq!(
        summary
            .repeats
            .iter()
            .map(|entry| entry.amount_minor)
            .sum::<i64>(),
        9
    );
    assert_eq!(History::default().purchase_summary(), None);
}

fn any_transaction() -> impl Strategy<Value = Transaction> {
    let kind = prop_oneof![
        6 => Just(TransactionKind::Purchase),
        2 => Just(TransactionKind::Refund),
        1 => Just(TransactionKind::Reversal),
    ];
    let original = prop::option::of(0..12u8);
    let cost = prop::option::of(0..50i64);
    (
        0..12u8,
        0..6i32,
        kind,
        0..4i64,
        any::<bool>(),
        original,
        cost,
        any::<bool>(),
    )
        .prop_map(
            |(id, on, kind, tens, dollars, original, cost_minor, toys)| Transaction {
                key: key(&format!("t{id}")),
                kind,
                when: EventTime {
                    day: day(on),
                    instant: None,
                },
                amount: Money {
                    amount_minor: tens * 10,
                    currency: if dollars { "USD" } else { "EUR" }.parse().unwrap(),
                },
                cost_minor,
                category: toys.then(|| "toys".into()),
                channel: None,
                original_id: original.map(|id| format!("t{id}").into()),
            },
        )
}

fn any_contact() -> impl Strategy<Value = Contact> {
    (0..8u8, 0..6i32, any::<bool>(), prop::option::of(0..50i64)).prop_map(
        |(id, on, phone, cost)| Contact {
            key: key(&format!("k{id}")),
            when: EventTime {
                day: day(on),
                instant: None,
            },
            channel: if phone { "phone" } else { "chat" }.into(),
            topic: None,
            duration_seconds: Some(i32::from(id)),
            cost: cost.map(|amount_minor| Money {
                amount_minor,
                currency: "EUR".parse().unwrap(),
            }),
            outcome: None,
        },
    )
}

fn any_attribute() -> impl Strategy<Value = AttributeFact> {
    (0..3u8, 0..4i32, 1..9i64, prop::option::of(0..9i64)).prop_map(
        |(name, on, profile_version, value)| AttributeFact {
            name: format!("a{name}").into(),
            value: value.map(AttributeValue::Int),
            observed_on: day(on),
            source: "crm".into(),
            profile_version,
        },
    )
}

/// Facts with one content for each key, as the store keeps them.
fn any_facts() -> impl Strategy<Value = Facts> {
    let transactions = prop::collection::vec(any_transaction(), 0..14);
    let contacts = prop::collection::vec(any_contact(), 0..6);
    let attributes = prop::collection::vec(any_attribute(), 0..6);
    (transactions, contacts, attributes).prop_map(|(transactions, contacts, attributes)| Facts {
        transactions: one_each(transactions, |fact| fact.key.clone()),
        contacts: one_each(contacts, |fact| fact.key.clone()),
        attributes: one_each(attributes, |fact| (fact.name.clone(), fact.profile_version)),
    })
}

fn one_each<T, K: std::hash::Hash + Eq>(facts: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen = std::collections::HashSet::new();
    facts
        .into_iter()
        .filter(|fact| seen.insert(key(fact)))
        .collect()
}

/// A fact of any sort.
#[derive(Debug, Clone)]
enum Fact {
    Transaction(Transaction),
    Contact(Contact),
    Attribute(AttributeFact),
}

fn parts(facts: &Facts) -> Vec<Fact> {
    let transactions = facts.transactions.iter().cloned().map(Fact::Transaction);
    let contacts = facts.contacts.iter().cloned().map(Fact::Contact);
    let attributes = facts.attributes.iter().cloned().map(Fact::Attribute);
    transactions.chain(contacts).chain(attributes).collect()
}

fn gather<'a>(parts: impl IntoIterator<Item = &'a Fact>) -> Facts {
    let mut facts = Facts::default();
    for part in parts {
        match part.clone() {
            Fact::Transaction(fact) => facts.transactions.push(fact),
            Fact::Contact(fact) => facts.contacts.push(fact),
            Fact::Attribute(fact) => facts.attributes.push(fact),
        }
    }
    facts
}

/// Facts, and an order of arrival in which some come more than once.
fn facts_and_arrivals() -> impl Strategy<Value = (Facts, Vec<(Fact, bool)>)> {
    any_facts().prop_flat_map(|facts| {
        let parts = parts(&facts);
        let again = prop::collection::vec(any::<prop::sample::Index>(), 0..6);
        let parts_again = parts.clone();
        let arrivals = again.prop_flat_map(move |again| {
            let mut arrivals = parts_again.clone();
            if !parts_again.is_empty() {
                arrivals.extend(again.iter().map(|index| index.get(&parts_again).clone()));
            }
            let ends_batch = prop::collection::vec(any::<bool>(), arrivals.len());
            (Just(arrivals).prop_shuffle(), ends_batch)
        });
        let arrivals = arrivals.prop_map(|(facts, ends)| facts.into_iter().zip(ends).collect());
        (Just(facts), arrivals)
    })
}

/// What the store does: a fact whose key is known is dropped, the others are folded, or all known facts are when that is asked for.
fn ingest(arrivals: &[(Fact, bool)]) -> History {
    let mut known: HashMap<String, Fact> = HashMap::new();
    let mut history = History::default();
    let mut batch: Vec<Fact> = vec![];
    for (at, (fact, ends_batch)) in arrivals.iter().enumerate() {
        let key = match fact {
            Fact::Transaction(fact) => format!("t{:?}", fact.key),
            Fact::Contact(fact) => format!("c{:?}", fact.key),
            Fact::Attribute(fact) => format!("a{:?}{}", fact.name, fact.profile_version),
        };
        if known.insert(key, fact.clone()).is_none() {
            batch.push(fact.clone());
        }
        if *ends_batch || at + 1 == arrivals.len() {
            history = fold(history, &gather(&batch))
                .or_else(|NeedsHistory| fold(History::default(), &gather(known.values())))
                .unwrap();
            batch.clear();
        }
    }
    history
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_order_and_any_repetition_of_the_same_facts_gives_the_same_profile(
        (facts, arrivals) in facts_and_arrivals()
    ) {
        let at_once = fold(History::default(), &facts).unwrap();
        prop_assert_eq!(ingest(&arrivals), at_once.clone());
        let repeated = gather(arrivals.iter().map(|(fact, _)| fact));
        prop_assert_eq!(fold(History::default(), &repeated).unwrap(), at_once);
    }

    #[test]
    fn no_day_is_negative_empty_or_out_of_order(facts in any_facts()) {
        let history = fold(History::default(), &facts).unwrap();
        for entry in &history.purchases {
            prop_assert!(entry.count > 0);
            prop_assert!(entry.amount_minor >= 0);
            prop_assert!((0..=entry.amount_minor).contains(&entry.costed_amount_minor));
            prop_assert!(entry.cost_minor >= 0);
        }
        let keys: Vec<_> = history.purchases.iter().map(|entry| (entry.day, entry.currency, entry.category.clone())).collect();
        prop_assert!(keys.is_sorted_by(|one, other| one < other));
    }
}
