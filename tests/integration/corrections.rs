//! Imports that are taken back: every answer is as before, what was corrected since stays, and the right file can follow.

mod afterwards;
mod erased;
mod kept;
mod merges;
mod moved;
mod moved_back;
mod names;
mod random;
mod repeats;
mod several;
mod steps;

use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::import::State;
use patron::pb::item_result::Outcome;
use tonic::{Code, Status};

use crate::rates::rate;
use crate::support::messages::{
    attribute, by_email, by_id, by_phone, call, contract, email, money, patch, phone, purchase,
    reason, refund,
};
use crate::support::service::{Service, ServiceWithDatabase, assert_outcomes};

const DOCUMENT: &str = "
value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
attributes:
  city: {family: behaviour, type: text, description: City}
tiers: [{name: gold, at_least: 250 EUR}, {name: bronze}]
schemes:
  s:
    mode: overlapping
    description: d
    segments:
      - {name: buys, when: 'spend(days(365)) >= money(\"100 EUR\")'}
      - {name: berlin, when: 'city == \"Berlin\"'}
      - {name: calls, when: 'contacts(days(365)) > 1'}
treatments:
  tiers:
    gold: {sla: {response: 1 h}, queue: a}
    bronze: {sla: {response: 4 h}, queue: c}
    UNRATED: {sla: {response: 8 h}, queue: d}
";

/// Everything that one import brings.
struct File {
    customers: Vec<pb::CustomerPatch>,
    transactions: Vec<pb::Transaction>,
    contacts: Vec<pb::Contact>,
    contracts: Vec<pb::Contract>,
    rates: Vec<pb::ExchangeRate>,
}

impl File {
    /// Sends all of it under an id; the outcomes.
    async fn send(&self, service: &Service, import_id: &str) -> Result<Vec<Outcome>, Status> {
        let import_id = || import_id.to_owned();
        let mut ingest = service.ingest();
        let customers = pb::IngestCustomersRequest {
            customers: self.customers.clone(),
            import_id: import_id(),
        };
        let transactions = pb::IngestTransactionsRequest {
            transactions: self.transactions.clone(),
            import_id: import_id(),
            ..Default::default()
        };
        let contacts = pb::IngestContactsRequest {
            contacts: self.contacts.clone(),
            import_id: import_id(),
            ..Default::default()
        };
        let terms = pb::IngestContractsRequest {
            contracts: self.contracts.clone(),
            import_id: import_id(),
            ..Default::default()
        };
        let rates = pb::IngestRatesRequest {
            rates: self.rates.clone(),
            import_id: import_id(),
        };
        let results = [
            ingest
                .ingest_customers(customers)
                .await?
                .into_inner()
                .results,
            ingest
                .ingest_transactions(transactions)
                .await?
                .into_inner()
                .results,
            ingest.ingest_contacts(contacts).await?.into_inner().results,
            ingest.ingest_contracts(terms).await?.into_inner().results,
            ingest.ingest_rates(rates).await?.into_inner().results,
        ];
        let results = results.iter().flatten();
        Ok(results.map(pb::ItemResult::outcome).collect())
    }
}

fn city(name: &str, day: &str) -> pb::AttributeValue {
    pb::AttributeValue {
        observed_on: day.to_owned(),
        ..attribute("city", Some(Value::TextValue(name.to_owned())))
    }
}

/// What is known before.
async fn write_known(service: &Service) {
    let ada = pb::CustomerPatch {
        display_name: Some("Ada".to_owned()),
        add_identifiers: vec![email("ada@example.org"), phone("+4930123456")],
        attributes: vec![city("Berlin", "2026-03-01")],
        ..patch("ada")
    };
    service.write_customers(&[ada, patch("bob")]).await;
    service
        .write(&[
            purchase("ada", "1", "2026-01-05", 10_000),
            purchase("ada", "2", "2026-04-05", 5_000),
            purchase("bob", "3", "2026-05-05", 2_000),
        ])
        .await;
    service
        .write_contacts(&[call("ada", "1", "2026-04-06")])
        .await;
    service
        .write_contracts(&[contract("bob", "1", "2026-02-01", 12, 9_900)])
        .await;
    let request = pb::IngestRatesRequest {
        rates: vec![rate("USD", "EUR", ("2026-01-01", "0.90"))],
        ..Default::default()
    };
    let answer = service.ingest().ingest_rates(request).await.unwrap();
    assert_outcomes(&answer.into_inner().results, Outcome::Written);
}

/// A file whose columns were mixed up: wrong amounts, currencies, names, numbers; and customers whom it alone names.
fn wrong_file() -> File {
    let ada = pb::CustomerPatch {
        kind: pb::CustomerKind::Company.into(),
        display_name: Some("Berlin".to_owned()),
        add_identifiers: vec![phone("+4930999999")],
        end_identifiers: vec![email("ada@example.org")],
        // For a day that has a value, for an earlier one and for a later one.
        attributes: vec![city("Ada", "2026-03-01")],
        ..patch("ada")
    };
    let again = pb::CustomerPatch {
        attributes: vec![city("Adas", "2026-02-01")],
        ..patch("ada")
    };
    let eve = pb::CustomerPatch {
        add_identifiers: vec![email("eve@example.org")],
        attributes: vec![city("Rome", "2026-03-01")],
        ..patch("eve")
    };
    let dollars = pb::Transaction {
        amount: Some(money(99_900, "USD")),
        ..purchase("ada", "100", "2026-06-01", 0)
    };
    let yen = pb::Contact {
        cost: Some(money(700, "JPY")),
        ..call("bob", "100", "2026-06-02")
    };
    File {
        customers: vec![ada, again, eve],
        transactions: vec![
            dollars,
            purchase("bob", "101", "2026-02-03", 777_700),
            refund("ada", "102", "1", "2026-06-03", 9_000),
            purchase("eve", "103", "2026-06-04", 1),
            purchase("fay", "104", "2026-06-05", 2),
        ],
        contacts: vec![yen, call("ada", "101", "2026-06-03")],
        contracts: vec![
            contract("bob", "1", "2026-02-01", 12, 1),
            contract("ada", "100", "2026-02-01", 1, 5),
        ],
        rates: vec![
            rate("USD", "EUR", ("2026-01-01", "0.09")),
            rate("JPY", "EUR", ("2026-01-01", "0.006")),
        ],
    }
}

/// Everything that is said of everybody, as of today and of days before and within the import, without versions.
async fn answers(service: &Service) -> Vec<String> {
    let subjects = [
        by_id("ada"),
        by_id("bob"),
        by_id("eve"),
        by_id("fay"),
        by_email("ada@example.org"),
        by_email("eve@example.org"),
        by_phone("+4930123456"),
        by_phone("+4930999999"),
    ];
    let mut said = vec![];
    for subject in subjects {
        for day in ["", "2026-02-15", "2026-06-03", "2026-10-31"] {
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
        let customer = service.find_customer(subject.clone()).await;
        said.push(match customer {
            Ok(mut customer) => {
                customer.profile_version = 0;
                customer.data_time = None;
                format!("{customer:?}")
            }
            Err(status) => format!("{:?} {}", status.code(), reason(&status)),
        });
    }
    said
}

async fn undo(
    service: &Service,
    import_id: &str,
    validate_only: bool,
) -> Result<pb::UndoImportResponse, Status> {
    let request = pb::UndoImportRequest {
        import_id: import_id.to_owned(),
        validate_only,
    };
    let answer = service.corrections().undo_import(request).await;
    answer.map(tonic::Response::into_inner)
}

/// Kind, written, taken back and kept.
fn counts(import: &pb::Import) -> Vec<(&str, i64, i64, i64)> {
    let counts = import.counts.iter();
    counts
        .map(|it| {
            (
                &*it.kind,
                it.written_count,
                it.withdrawn_count,
                it.kept_count,
            )
        })
        .collect()
}

#[tokio::test]
async fn an_import_of_the_wrong_columns_is_undone_and_every_answer_is_as_before() {
    let service = ServiceWithDatabase::start().await;
    write_known(&service).await;
    service.publish(DOCUMENT).await;
    let before = answers(&service).await;
    let file = wrong_file();
    let outcomes = file.send(&service, "wrong").await.unwrap();
    assert!(
        outcomes.iter().all(|it| *it == Outcome::Written),
        "{outcomes:?}"
    );
    let wrong = answers(&service).await;
    assert_ne!(before, wrong);

    let looked_at = undo(&service, "wrong", true).await.unwrap();
    assert_eq!(answers(&service).await, wrong);
    let import = looked_at.import.unwrap();
    assert_eq!(import.state(), State::Active);
    let expected = [
        ("transaction", 5, 5, 0),
        ("contact", 2, 2, 0),
        ("contract", 2, 2, 0),
        ("customer", 3, 1, 0),
        ("rate", 2, 2, 0),
        ("attribute", 0, 3, 0),
        ("identifier", 0, 3, 0),
    ];
    assert_eq!(counts(&import), expected);
    assert_eq!(looked_at.customer_count, 4);
    assert_eq!(looked_at.removed_customer_count, 2);

    let undone = undo(&service, "wrong", false).await.unwrap();
    let import = undone.import.unwrap();
    assert_eq!(import.state(), State::Undone);
    assert_eq!(counts(&import), expected);
    assert_eq!(undone.removed_customer_count, 2);
    assert_eq!(answers(&service).await, before);
    // Undone twice is undone once.
    let again = undo(&service, "wrong", false).await.unwrap();
    assert_eq!(again.import, Some(import));
    assert_eq!(answers(&service).await, before);
    let recorded: i64 = sqlx::query_scalar("SELECT count(*) FROM withdrawn_facts")
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert_eq!(recorded, 15);
}

#[tokio::test]
async fn an_undone_import_takes_no_facts_and_its_file_can_be_imported_again() {
    let service = ServiceWithDatabase::start().await;
    write_known(&service).await;
    let file = wrong_file();
    file.send(&service, "first").await.unwrap();
    let imported = answers(&service).await;
    undo(&service, "first", false).await.unwrap();
    let refused = file.send(&service, "first").await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "IMPORT_UNDONE");
    let outcomes = file.send(&service, "second").await.unwrap();
    assert!(
        outcomes.iter().all(|it| *it == Outcome::Written),
        "{outcomes:?}"
    );
    assert_eq!(answers(&service).await, imported);
    // With the same ids and the right amounts.
    undo(&service, "second", false).await.unwrap();
    let right = purchase("ada", "100", "2026-06-01", 999);
    assert_outcomes(&service.send(&[right]).await, Outcome::Written);
    let unknown = undo(&service, "third", false).await.unwrap_err();
    assert_eq!(
        (unknown.code(), &*reason(&unknown)),
        (Code::NotFound, "IMPORT_NOT_FOUND")
    );
    let unnamed = undo(&service, "", false).await.unwrap_err();
    assert_eq!(unnamed.code(), Code::InvalidArgument);
}
