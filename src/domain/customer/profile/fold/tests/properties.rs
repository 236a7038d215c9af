//! The order and the repetition of facts do not matter.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use proptest::prelude::*;

use super::*;

fn any_transaction() -> impl Strategy<Value = Transaction> {
    let kind = prop_oneof![
        6 => Just(TransactionKind::Purchase),
        2 => Just(TransactionKind::Refund),
        1 => Just(TransactionKind::Reversal),
        1 => Just(TransactionKind::RefundTotal),
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
                original_source: None,
                stated_customer: None,
            },
        )
}

fn any_contact() -> impl Strategy<Value = Contact> {
    let retracts = prop_oneof![5 => Just(None), 1 => (0..8u8).prop_map(Some)];
    (
        0..8u8,
        0..6i32,
        any::<bool>(),
        prop::option::of(0..50i64),
        retracts,
    )
        .prop_map(|(id, on, phone, cost, retracts)| Contact {
            key: key(&format!("k{id}")),
            when: EventTime {
                day: day(on),
                instant: None,
            },
            content: match retracts {
                Some(id) => ContactContent::Retracts(format!("k{id}").into()),
                None => ContactContent::Happened(Interaction {
                    channel: if phone { "phone" } else { "chat" }.into(),
                    topic: None,
                    duration_seconds: Some(i32::from(id)),
                    cost: cost.map(|amount_minor| Money {
                        amount_minor,
                        currency: "EUR".parse().unwrap(),
                    }),
                    outcome: None,
                }),
            },
        })
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

fn any_contract() -> impl Strategy<Value = ContractFact> {
    let ended = prop::option::of(0..9i32);
    (0..2u8, 0..2u8, 0..6i32, 1..9i64, 0..9i64, ended).prop_map(
        |(id, source, on, profile_version, price, ended)| ContractFact {
            source: if source == 0 { "erp" } else { "crm" }.into(),
            contract_id: format!("k{id}").into(),
            terms: ContractTerms {
                started_on: day(0),
                period_months: 1,
                price: Money {
                    amount_minor: price,
                    currency: "EUR".parse().unwrap(),
                },
                cost_minor: None,
                category: None,
                ended_on: ended.map(day),
            },
            effective_on: day(on),
            profile_version,
        },
    )
}

fn contract_key(fact: &ContractFact) -> (Label, Label, Day, i64) {
    let (source, id) = (fact.source.clone(), fact.contract_id.clone());
    (source, id, fact.effective_on, fact.profile_version)
}

/// Facts with one content for each key, as the store keeps them.
fn any_facts() -> impl Strategy<Value = Facts> {
    let transactions = prop::collection::vec(any_transaction(), 0..14);
    let contacts = prop::collection::vec(any_contact(), 0..6);
    let attributes = prop::collection::vec(any_attribute(), 0..6);
    let agreed = prop::collection::vec(any_contract(), 0..8);
    (transactions, contacts, attributes, agreed).prop_map(
        |(transactions, contacts, attributes, agreed)| Facts {
            transactions: one_each(transactions, |fact| fact.key.clone()),
            contacts: one_each(contacts, |fact| fact.key.clone()),
            attributes: one_each(attributes, |fact| (fact.name.clone(), fact.profile_version)),
            contracts: one_each(agreed, contract_key),
        },
    )
}

fn one_each<T, K: Hash + Eq>(facts: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen = HashSet::new();
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
    Contract(ContractFact),
}

fn parts(facts: &Facts) -> Vec<Fact> {
    let transactions = facts.transactions.iter().cloned().map(Fact::Transaction);
    let contacts = facts.contacts.iter().cloned().map(Fact::Contact);
    let attributes = facts.attributes.iter().cloned().map(Fact::Attribute);
    let agreed = facts.contracts.iter().cloned().map(Fact::Contract);
    let events = transactions.chain(contacts).chain(attributes);
    events.chain(agreed).collect()
}

fn gather<'a>(parts: impl IntoIterator<Item = &'a Fact>) -> Facts {
    let mut facts = Facts::default();
    for part in parts {
        match part.clone() {
            Fact::Transaction(fact) => facts.transactions.push(fact),
            Fact::Contact(fact) => facts.contacts.push(fact),
            Fact::Attribute(fact) => facts.attributes.push(fact),
            Fact::Contract(fact) => facts.contracts.push(fact),
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

/// How far the facts had to be gone back to.
#[derive(Debug, Default)]
struct Effort {
    related: usize,
    all: usize,
}

/// What the store does: a fact whose key is known is dropped, the others are folded, with those that are related to them or with all
/// known facts when that is asked for.
fn ingest(arrivals: &[(Fact, bool)], effort: &mut Effort) -> History {
    let mut known: HashMap<String, Fact> = HashMap::new();
    let mut history = History::default();
    let mut batch: Vec<Fact> = vec![];
    for (at, (fact, ends_batch)) in arrivals.iter().enumerate() {
        let key = match fact {
            Fact::Transaction(fact) => format!("t{:?}", fact.key),
            Fact::Contact(fact) => format!("c{:?}", fact.key),
            Fact::Attribute(fact) => format!("a{:?}{}", fact.name, fact.profile_version),
            Fact::Contract(fact) => format!("k{:?}", contract_key(fact)),
        };
        if known.insert(key, fact.clone()).is_none() {
            batch.push(fact.clone());
        }
        if *ends_batch || at + 1 == arrivals.len() {
            let (new, all) = (gather(&batch), gather(known.values()));
            history = match fold(history, &new) {
                Ok(history) => history,
                Err(NeedsRelated { history }) => {
                    effort.related += 1;
                    fold_related(*history, &new, &related(&new, &all)).unwrap_or_else(|_| {
                        effort.all += 1;
                        fold(History::default(), &all).unwrap()
                    })
                }
            };
            batch.clear();
        }
    }
    history
}

/// The facts that can be reached from `new` by names, in either direction.
fn related(new: &Facts, all: &Facts) -> Facts {
    let named = all.transactions.iter();
    let named = named.map(|fact| (fact.key.clone(), fact.original_key()));
    let transactions = reached(new.transactions.iter().map(|it| it.key.clone()), named);
    let named = all.contacts.iter();
    let named = named.map(|fact| (fact.key.clone(), fact.retracted_key()));
    let contacts = reached(new.contacts.iter().map(|it| it.key.clone()), named);
    let mut found = all.clone();
    found
        .transactions
        .retain(|it| transactions.contains(&it.key));
    found.contacts.retain(|it| contacts.contains(&it.key));
    found
}

fn reached(
    from: impl Iterator<Item = FactKey>,
    names: impl Iterator<Item = (FactKey, Option<FactKey>)>,
) -> HashSet<FactKey> {
    let names: Vec<(FactKey, FactKey)> = names.filter_map(|(key, of)| Some((key, of?))).collect();
    let mut found: HashSet<FactKey> = from.collect();
    loop {
        let before = found.len();
        for (one, other) in &names {
            if found.contains(one) || found.contains(other) {
                found.extend([one.clone(), other.clone()]);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_order_and_any_repetition_of_the_same_facts_gives_the_same_profile(
        (facts, arrivals) in facts_and_arrivals()
    ) {
        let at_once = fold(History::default(), &facts).unwrap();
        prop_assert_eq!(ingest(&arrivals, &mut Effort::default()), at_once.clone());
        let repeated = gather(arrivals.iter().map(|(fact, _)| fact));
        prop_assert_eq!(fold(History::default(), &repeated).unwrap(), at_once);
    }

    #[test]
    fn refunds_that_name_a_purchase_and_retractions_never_ask_for_all_facts(
        (mut facts, mut arrivals) in facts_and_arrivals()
    ) {
        let named = |fact: &Transaction| fact.kind == TransactionKind::Purchase || fact.original_id.is_some();
        facts.transactions.retain(named);
        arrivals.retain(|(fact, _)| !matches!(fact, Fact::Transaction(fact) if !named(fact)));
        let mut effort = Effort::default();
        let history = ingest(&arrivals, &mut effort);
        prop_assert_eq!(history, fold(History::default(), &facts).unwrap());
        prop_assert_eq!(effort.all, 0);
    }

    #[test]
    fn of_each_contract_the_latest_day_holds_and_of_one_day_the_last_recorded(facts in any_facts()) {
        let history = fold(History::default(), &facts).unwrap();
        let keys: Vec<_> = history.contracts.iter().map(|fact| (&fact.source, &fact.contract_id)).collect();
        prop_assert!(keys.is_sorted_by(|one, other| one < other));
        for fact in &facts.contracts {
            let mut held = history.contracts.iter().filter(|held| (&held.source, &held.contract_id) == (&fact.source, &fact.contract_id));
            let held = held.next().unwrap();
            prop_assert!((held.effective_on, held.profile_version) >= (fact.effective_on, fact.profile_version));
            prop_assert!(facts.contracts.contains(held));
            prop_assert!(history.last_event_day >= Some(fact.effective_on));
        }
    }

    #[test]
    fn no_day_is_negative_empty_or_out_of_order(facts in any_facts()) {
        let history = fold(History::default(), &facts).unwrap();
        for entry in &history.purchases {
            prop_assert!(entry.count > 0);
            prop_assert!(entry.amount_minor >= 0);
            prop_assert!((0..=entry.amount_minor).contains(&entry.costed_amount_minor));
            prop_assert!(entry.cost_minor >= 0);
            if let Some(foreign) = &entry.foreign_refunds {
                prop_assert!(foreign.amount_minor > 0 && !foreign.refunds.is_empty());
                prop_assert_eq!(entry.amount_minor, foreign.amount_minor * i64::from(entry.count));
            }
        }
        let keys: Vec<_> = history.purchases.iter().map(|entry| (entry.day, entry.currency, entry.category.clone(), entry.foreign_refunds.clone())).collect();
        prop_assert!(keys.is_sorted_by(|one, other| one < other));
    }
}
