//! Random facts of three customers with random merges in between: each group is what one customer with all its facts would be. Ids are unique per
//! customer: of two facts with one id that differ both count.

use std::collections::{BTreeMap, BTreeSet};

use patron::pb;
use patron::pb::attribute_value::Value;

use super::{assert_sound, call, contract, merge, publish, purchase, refund, unmerge};
use crate::support::messages::{attribute, by_id, patch};
use crate::support::service::ServiceWithDatabase;

const IDS: [&str; 3] = ["a", "b", "c"];
const RUNS: u64 = 4;
const STEPS: usize = 60;

/// Numbers that are the same at every run of the test.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        // Knuth's constants; the high bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn day(&mut self) -> String {
        // Few, so that facts with one id are often alike.
        format!("2026-{:02}-{:02}", 1 + self.below(3), 1 + self.below(2))
    }

    fn amount(&mut self) -> i64 {
        i64::try_from(100 + self.below(2) * 110).unwrap()
    }
}

/// What is recorded with one id.
#[derive(Default)]
struct Record {
    transactions: BTreeMap<String, pb::Transaction>,
    contacts: BTreeMap<String, pb::Contact>,
    /// The last value of a day.
    cities: BTreeMap<String, String>,
    /// The prices stated for a contract and day, the last one last.
    prices: BTreeMap<(String, String), Vec<i64>>,
}

#[derive(Default)]
struct World {
    records: BTreeMap<&'static str, Record>,
    parents: BTreeMap<&'static str, &'static str>,
}

impl World {
    fn root(&self, id: &'static str) -> &'static str {
        self.parents.get(id).map_or(id, |above| self.root(above))
    }

    /// All ids of a group: the root, then the others.
    fn group(&self, root: &'static str) -> Vec<&'static str> {
        let others = IDS
            .into_iter()
            .filter(|id| *id != root && self.root(id) == root);
        std::iter::once(root).chain(others).collect()
    }
}

fn city(name: &str, day: &str) -> pb::AttributeValue {
    pb::AttributeValue {
        observed_on: day.to_owned(),
        ..attribute("city", Some(Value::TextValue(name.to_owned())))
    }
}

fn observed(id: &str, key: &str, day: &str, price: i64) -> pb::Contract {
    pb::Contract {
        effective_on: day.to_owned(),
        ..contract(id, key, "2026-01-01", 12, price)
    }
}

/// Sends one fact of a customer.
async fn send(
    service: &ServiceWithDatabase,
    world: &mut World,
    random: &mut Random,
    id: &'static str,
) {
    let (key, day, amount) = (random.below(8).to_string(), random.day(), random.amount());
    let record = world.records.entry(id).or_default();
    match random.below(8) {
        0..=2 => {
            let fact = purchase(id, &key, &day, amount);
            service.send(std::slice::from_ref(&fact)).await;
            record.transactions.entry(key).or_insert(fact);
        }
        3 => {
            let original = [String::new(), random.below(8).to_string()];
            let original = &original[usize::try_from(random.below(2)).unwrap()];
            let key = format!("r{key}");
            let fact = refund(id, &key, original, &day, amount);
            service.send(std::slice::from_ref(&fact)).await;
            record.transactions.entry(key).or_insert(fact);
        }
        4 => {
            let fact = call(id, &key, &day);
            service.send_contacts(std::slice::from_ref(&fact)).await;
            record.contacts.entry(key).or_insert(fact);
        }
        5 => {
            let key = format!("r{key}");
            let fact = pb::Contact {
                retracts_contact_id: random.below(8).to_string(),
                channel: String::new(),
                duration_seconds: None,
                cost: None,
                ..call(id, &key, &day)
            };
            service.send_contacts(std::slice::from_ref(&fact)).await;
            record.contacts.entry(key).or_insert(fact);
        }
        6 => {
            let value = format!("city {}", random.below(4));
            let change = pb::CustomerPatch {
                attributes: vec![city(&value, &day)],
                ..patch(id)
            };
            service.send_customers(&[change]).await;
            record.cities.insert(day, value);
        }
        _ => {
            let key = random.below(2).to_string();
            let price = 100 + amount % 30;
            service
                .send_contracts(&[observed(id, &key, &day, price)])
                .await;
            let prices = record.prices.entry((key, day)).or_default();
            if !prices.contains(&price) {
                prices.push(price);
            }
        }
    }
}

/// Merges, unmerges, or mostly sends a fact.
async fn step(service: &ServiceWithDatabase, world: &mut World, random: &mut Random) {
    let at = |number: u64| IDS[usize::try_from(number).unwrap()];
    let (id, other) = (at(random.below(3)), at(random.below(3)));
    match random.below(10) {
        8 => {
            let is_free = !world.parents.contains_key(id) && !world.parents.contains_key(other);
            if id != other && merge(service, (id, other), false).await.is_ok() && is_free {
                world.parents.insert(other, id);
            }
        }
        9 => {
            if unmerge(service, id, false).await.is_ok() {
                assert!(world.parents.remove(id).is_some(), "{id}");
            }
        }
        _ => send(service, world, random, id).await,
    }
}

/// What the facts of one customer are called in their group, by their own ids.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn of(&self, id: &str) -> String {
        self.0.get(id).map_or(id, |name| name).to_owned()
    }

    /// Names the fact with this id; `others` are those of earlier customers with it, each with its name, and whether it is the same.
    fn add(&mut self, id: &str, customer: &str, others: &[(String, bool)]) {
        let same = others.iter().find(|(_, is_same)| *is_same);
        let name = match same {
            Some((name, _)) => name.clone(),
            None if others.is_empty() => id.to_owned(),
            None => format!("{id} {customer}"),
        };
        self.0.insert(id.to_owned(), name);
    }
}

/// The facts of a group. Of two with one id that are alike the first counts; of two that differ each does: the other one has another id then,
/// and for its customer that is what the id names.
fn together(records: &[(&str, &Record)]) -> Record {
    let mut all = Record::default();
    let mut earlier: Vec<(&Record, Names, Names)> = vec![];
    for (customer, record) in records {
        let (mut orders, mut calls) = (Names::default(), Names::default());
        // What is named comes before what names it: digits before letters.
        for (key, fact) in &record.transactions {
            let others = earlier.iter().filter_map(|(it, names, _)| {
                let other = it.transactions.get(key)?;
                let what = |it: &pb::Transaction, names: &Names| {
                    let original = names.of(&it.original_transaction_id);
                    (it.kind, it.when.clone(), it.amount.clone(), original)
                };
                Some((names.of(key), what(other, names) == what(fact, &orders)))
            });
            let others: Vec<(String, bool)> = others.collect();
            orders.add(key, customer, &others);
            let fact = pb::Transaction {
                transaction_id: orders.of(key),
                original_transaction_id: orders.of(&fact.original_transaction_id),
                ..fact.clone()
            };
            all.transactions.entry(orders.of(key)).or_insert(fact);
        }
        for (key, fact) in &record.contacts {
            let others = earlier.iter().filter_map(|(it, _, names)| {
                let other = it.contacts.get(key)?;
                let what = |it: &pb::Contact, names: &Names| {
                    (it.when.clone(), names.of(&it.retracts_contact_id))
                };
                Some((names.of(key), what(other, names) == what(fact, &calls)))
            });
            let others: Vec<(String, bool)> = others.collect();
            calls.add(key, customer, &others);
            let fact = pb::Contact {
                contact_id: calls.of(key),
                retracts_contact_id: calls.of(&fact.retracts_contact_id),
                ..fact.clone()
            };
            all.contacts.entry(calls.of(key)).or_insert(fact);
        }
        for (day, value) in &record.cities {
            all.cities.entry(day.clone()).or_insert(value.clone());
        }
        for (key, stated) in &record.prices {
            all.prices.entry(key.clone()).or_insert(stated.clone());
        }
        earlier.push((record, orders, calls));
    }
    all
}

/// Records all facts of a group anew, of one customer.
async fn record_anew(service: &ServiceWithDatabase, all: Record, id: &str) {
    service.write_customers(&[patch(id)]).await;
    let transactions = all.transactions.into_values();
    let transactions = transactions.map(|fact| pb::Transaction {
        customer_id: id.to_owned(),
        ..fact
    });
    let transactions: Vec<_> = transactions.collect();
    if !transactions.is_empty() {
        service.write(&transactions).await;
    }
    let contacts = all.contacts.into_values().map(|fact| pb::Contact {
        customer_id: id.to_owned(),
        ..fact
    });
    let contacts: Vec<_> = contacts.collect();
    if !contacts.is_empty() {
        service.write_contacts(&contacts).await;
    }
    for (day, value) in &all.cities {
        let change = pb::CustomerPatch {
            attributes: vec![city(value, day)],
            ..patch(id)
        };
        service.write_customers(&[change]).await;
    }
    let prices = all.prices.into_iter();
    let observations =
        prices.map(|((key, day), stated)| observed(id, &key, &day, *stated.last().unwrap()));
    let observations: Vec<_> = observations.collect();
    if !observations.is_empty() {
        service.write_contracts(&observations).await;
    }
}

async fn known(service: &ServiceWithDatabase, id: &str) -> pb::Customer {
    pb::Customer {
        customer_id: String::new(),
        profile_version: 0,
        data_time: None,
        merged_customer_ids: vec![],
        ..service.customer(id).await
    }
}

#[tokio::test]
async fn a_group_is_what_one_customer_with_all_its_facts_is() {
    for run in 0..RUNS {
        let service = ServiceWithDatabase::start().await;
        publish(&service).await;
        let (mut world, mut random) = (World::default(), Random(run));
        service.write_customers(&IDS.map(patch)).await;
        let mut anew = 0;
        for at in 1..=STEPS {
            step(&service, &mut world, &mut random).await;
            if !at.is_multiple_of(STEPS / 3) {
                continue;
            }
            assert_sound(&service).await;
            let roots: BTreeSet<_> = IDS.into_iter().map(|id| world.root(id)).collect();
            for root in roots {
                let records = world.group(root);
                let records = records
                    .iter()
                    .filter_map(|id| Some((*id, world.records.get(id)?)));
                anew += 1;
                let id = format!("anew-{anew}");
                let all = together(&records.collect::<Vec<_>>());
                record_anew(&service, all, &id).await;
                let expected = known(&service, &id).await;
                for id in world.group(root) {
                    let found = known(&service, id).await;
                    assert_eq!(found, expected, "run {run}, step {at}, {id}");
                }
                for day in ["2026-01-20", "2026-02-05"] {
                    let said = async |id: &str| {
                        let mut answer = service.classify(by_id(id), day).await;
                        answer.provenance = None;
                        let mut one = answer.classification.unwrap();
                        one.customer_id = String::new();
                        one.provenance = None;
                        one
                    };
                    assert_eq!(said(root).await, said(&id).await, "run {run}, step {at}");
                }
            }
        }
    }
}
