//! Random imports over few customers, some of them undone in a random order: every answer is that of a service that never saw these.
//!
//! Facts of an undone import that others correct stay, so the other service gets them too: which these are, a model of the rule decides.

use std::collections::{HashMap, HashSet};

use patron::generate::random::Random;
use patron::pb;
use patron::pb::attribute_value::Value;

use super::undo;
use crate::rates::rate;
use crate::support::messages::{
    attribute, by_id, by_phone, call, contract, money, patch, phone, purchase, reason, refund,
};
use crate::support::service::{Service, ServiceWithDatabase};

const CUSTOMERS: [&str; 3] = ["ada", "ben", "cem"];
const PHONES: [&str; 2] = ["+493023125001", "+493023125002"];
/// The first one is no import.
const IMPORTS: [&str; 5] = ["", "a", "b", "c", "d"];
const DAYS: [&str; 4] = ["2026-01-10", "2026-02-10", "2026-03-10", "2026-04-10"];

/// What a fact is recorded under, where another one may correct it.
type Key = (&'static str, String, String);

/// Something that is sent.
#[derive(Debug, Clone)]
enum Item {
    Transaction(pb::Transaction),
    Contact(pb::Contact),
    Contract(pb::Contract),
    Customer(pb::CustomerPatch),
    Rate(pb::ExchangeRate),
}

/// The purchase of a customer on one of the days.
fn purchase_at(customer: &str, at: usize) -> pb::Transaction {
    let currency = ["EUR", "EUR", "EUR", "USD"][at];
    let amount = i64::try_from(at).unwrap() * 1_000 + 5_000;
    pb::Transaction {
        amount: Some(money(amount, currency)),
        ..purchase(customer, &format!("p{at}"), DAYS[at], 0)
    }
}

/// A refund of a purchase, or of another refund's purchase: one key, one content.
fn refund_at(customer: &str, at: usize) -> pb::Transaction {
    let original = format!("p{}", at % 3);
    refund(customer, &format!("r{at}"), &original, "2026-05-10", 700)
}

/// A retraction of one of the calls.
fn retraction_at(customer: &str, at: usize) -> pb::Contact {
    pb::Contact {
        retracts_contact_id: format!("c{}", at % 2),
        channel: String::new(),
        duration_seconds: None,
        cost: None,
        ..call(customer, &format!("x{at}"), DAYS[at])
    }
}

/// The terms from one of the days of the customer's one contract.
fn terms_at(customer: &str, at: usize) -> pb::Contract {
    let price = i64::try_from(at).unwrap() * 100 + 900;
    pb::Contract {
        effective_on: DAYS[at].to_owned(),
        ..contract(customer, "k", DAYS[0], 12, price)
    }
}

/// A city, seen on one of the days.
fn random_city(random: &mut Random, customer: &str, at: usize) -> pb::CustomerPatch {
    let city = *random.pick(&["Berlin", "Rome"]);
    let city = pb::AttributeValue {
        observed_on: DAYS[at].to_owned(),
        ..attribute("city", Some(Value::TextValue(city.to_owned())))
    };
    pb::CustomerPatch {
        attributes: vec![city],
        ..patch(customer)
    }
}

/// A phone number that begins or ends on one of the days.
fn random_number(random: &mut Random, customer: &str, at: usize) -> pb::CustomerPatch {
    let numbers = vec![phone(random.pick::<&str>(&PHONES))];
    let begins = random.chance(0.7);
    pb::CustomerPatch {
        add_identifiers: if begins { numbers.clone() } else { vec![] },
        end_identifiers: if begins { vec![] } else { numbers },
        identifiers_observed_on: DAYS[at].to_owned(),
        identifiers_source: (*random.pick(&["", "crm", "shop"])).to_owned(),
        ..patch(customer)
    }
}

/// A kind, and a name or none.
fn random_name(random: &mut Random, customer: &str) -> pb::CustomerPatch {
    pb::CustomerPatch {
        kind: i32::try_from(random.below(4)).unwrap(),
        display_name: random
            .chance(0.5)
            .then(|| (*random.pick(&["Ada", "Ben", ""])).to_owned()),
        ..patch(customer)
    }
}

impl Item {
    fn random(random: &mut Random) -> Self {
        let customer = *random.pick(&CUSTOMERS);
        let at = random.below(4);
        match random.below(12) {
            0..3 => Self::Transaction(purchase_at(customer, at)),
            3 => Self::Transaction(refund_at(customer, at)),
            4 => Self::Contact(call(customer, &format!("c{at}"), DAYS[at])),
            5 => Self::Contact(retraction_at(customer, at)),
            6 => Self::Contract(terms_at(customer, at)),
            7 => Self::Customer(random_city(random, customer, at)),
            8 | 9 => Self::Customer(random_number(random, customer, at)),
            10 => Self::Customer(random_name(random, customer)),
            _ => {
                let value = *random.pick(&["0.8", "0.9"]);
                Self::Rate(rate("USD", "EUR", (DAYS[at % 2], value)))
            }
        }
    }

    async fn send(&self, service: &Service, import_id: &str) {
        let import_id = import_id.to_owned();
        let mut ingest = service.ingest();
        match self.clone() {
            Self::Transaction(one) => {
                let request = pb::IngestTransactionsRequest {
                    transactions: vec![one],
                    import_id,
                    ..Default::default()
                };
                ingest.ingest_transactions(request).await.unwrap();
            }
            Self::Contact(one) => {
                let request = pb::IngestContactsRequest {
                    contacts: vec![one],
                    import_id,
                    ..Default::default()
                };
                ingest.ingest_contacts(request).await.unwrap();
            }
            Self::Contract(one) => {
                let request = pb::IngestContractsRequest {
                    contracts: vec![one],
                    import_id,
                    ..Default::default()
                };
                ingest.ingest_contracts(request).await.unwrap();
            }
            Self::Customer(one) => {
                let customers = vec![one];
                let request = pb::IngestCustomersRequest {
                    customers,
                    import_id,
                };
                ingest.ingest_customers(request).await.unwrap();
            }
            Self::Rate(one) => {
                let rates = vec![one];
                let request = pb::IngestRatesRequest { rates, import_id };
                ingest.ingest_rates(request).await.unwrap();
            }
        }
    }

    /// The key of a fact that another one may correct.
    fn key(&self) -> Option<Key> {
        let key = |kind, customer: &str, id: &str| Some((kind, customer.to_owned(), id.to_owned()));
        match self {
            Self::Transaction(it) => key("transaction", &it.customer_id, &it.transaction_id),
            Self::Contact(it) => key("contact", &it.customer_id, &it.contact_id),
            Self::Contract(it) => key("contract", &it.customer_id, &it.effective_on),
            Self::Customer(_) | Self::Rate(_) => None,
        }
    }

    /// The key of the fact that this one corrects.
    fn corrected(&self) -> Option<Key> {
        let key = |kind, customer: &str, id: &str| {
            (!id.is_empty()).then(|| (kind, customer.to_owned(), id.to_owned()))
        };
        match self {
            Self::Transaction(it) => {
                key("transaction", &it.customer_id, &it.original_transaction_id)
            }
            Self::Contact(it) => key("contact", &it.customer_id, &it.retracts_contact_id),
            Self::Contract(_) | Self::Customer(_) | Self::Rate(_) => None,
        }
    }
}

/// The facts that stay when `undone` are: those that another import sent, and those that these correct.
fn staying(steps: &[(usize, Item)], undone: &HashSet<usize>) -> HashSet<Key> {
    let mut staying = HashSet::new();
    let mut first: HashMap<Key, usize> = HashMap::new();
    let mut corrected: HashMap<Key, Key> = HashMap::new();
    for (at, (import, item)) in steps.iter().enumerate() {
        let Some(key) = item.key() else { continue };
        first.entry(key.clone()).or_insert(at);
        corrected.extend(item.corrected().map(|other| (key.clone(), other)));
        if !undone.contains(import) {
            staying.insert(key);
        }
    }
    loop {
        let before = staying.len();
        for key in staying.clone() {
            staying.extend(
                corrected
                    .get(&key)
                    .filter(|it| first.contains_key(*it))
                    .cloned(),
            );
        }
        // What was recorded of a contract before another observation that stays.
        for (key, at) in &first {
            let is_followed = key.0 == "contract"
                && staying
                    .iter()
                    .any(|it| it.0 == key.0 && it.1 == key.1 && first[it] > *at);
            if is_followed {
                staying.insert(key.clone());
            }
        }
        if staying.len() == before {
            return staying;
        }
    }
}

/// Everything that is said of the customers and of rates, without versions and times.
async fn answers(service: &Service) -> Vec<String> {
    let mut said = vec![];
    let subjects = CUSTOMERS.iter().map(|id| by_id(id));
    for subject in subjects.chain(PHONES.iter().map(|number| by_phone(number))) {
        for day in ["", "2026-02-15"] {
            let mut answer = service.classify(subject.clone(), day).await;
            answer.provenance = None;
            for one in answer
                .classification
                .iter_mut()
                .chain(&mut answer.candidates)
            {
                one.provenance = None;
            }
            let mut score = service.score(subject.clone(), day).await;
            score.provenance = None;
            for one in score.score.iter_mut().chain(&mut score.candidates) {
                one.provenance = None;
            }
            said.push(format!("{subject:?} on {day}: {answer:?} {score:?}"));
        }
        said.push(match service.find_customer(subject).await {
            Ok(mut customer) => {
                customer.profile_version = 0;
                customer.data_time = None;
                format!("{customer:?}")
            }
            Err(status) => format!("{:?} {}", status.code(), reason(&status)),
        });
    }
    let request = pb::ListRatesRequest::default();
    let rates = service.ingest().list_rates(request).await.unwrap();
    let rates = rates.into_inner().rates.into_iter();
    let mut rates: Vec<String> = rates
        .filter(|it| it.current)
        .map(|it| format!("{:?}", it.rate))
        .collect();
    rates.sort();
    said.extend(rates);
    said
}

/// One case: steps, some imports undone, and the same without them.
async fn compare(seed: u64) {
    let mut random = Random::seeded(seed);
    let steps: Vec<(usize, Item)> = (0..40)
        .map(|_| (random.below(IMPORTS.len()), Item::random(&mut random)))
        .collect();
    let mut undone: Vec<usize> = (1..IMPORTS.len()).collect();
    random.shuffle(&mut undone);
    undone.truncate(1 + random.below(4));
    let service = ServiceWithDatabase::start().await;
    for (import, item) in &steps {
        item.send(&service, IMPORTS[*import]).await;
    }
    let undo_one = async |import: usize| {
        // An import that wrote and repeated nothing is none.
        if let Err(refused) = undo(&service, IMPORTS[import], false).await {
            assert_eq!(reason(&refused), "IMPORT_NOT_FOUND", "seed {seed}");
        }
    };
    match undone[..] {
        // Two of them at the same time.
        [one, other, ref rest @ ..] if random.chance(0.5) => {
            tokio::join!(undo_one(one), undo_one(other));
            for &import in rest {
                undo_one(import).await;
            }
        }
        ref all => {
            for &import in all {
                undo_one(import).await;
            }
        }
    }
    let other = ServiceWithDatabase::start().await;
    let gone: HashSet<usize> = undone.iter().copied().collect();
    let stays = staying(&steps, &gone);
    for (import, item) in &steps {
        if !gone.contains(import) || item.key().is_some_and(|key| stays.contains(&key)) {
            item.send(&other, "").await;
        }
    }
    let (found, expected) = (answers(&service).await, answers(&other).await);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(
            found, expected,
            "seed {seed}, undone {undone:?}: {steps:#?}"
        );
    }
    assert_eq!(found, expected, "seed {seed}");
    let checked = service
        .customers()
        .check_profiles(pb::CheckProfilesRequest::default())
        .await;
    let differences = checked.unwrap().into_inner().differences;
    assert_eq!(differences, vec![], "seed {seed}");
}

#[tokio::test]
async fn what_is_left_is_what_a_service_knows_that_never_saw_the_undone_imports() {
    for seed in 0..10 {
        compare(seed).await;
    }
}
