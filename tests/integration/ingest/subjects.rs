//! Facts whose customers are named as their source knows them.

use patron::pb;
use patron::pb::item_result::Outcome;
use patron::pb::transaction::When;

use super::count_rows;
use crate::support::messages::{
    SOURCE, by_email, by_external, by_id, by_phone, call, contract, email, external, money, patch,
    phone, purchase,
};
use crate::support::service::{Service, ServiceWithDatabase};

/// A purchase of the customer with this subject.
fn bought(subject: pb::Subject, id: &str, amount_minor: i64) -> pb::Transaction {
    pb::Transaction {
        customer: Some(subject),
        ..purchase("", id, "2026-01-05", amount_minor)
    }
}

async fn send(
    service: &Service,
    transactions: &[pb::Transaction],
    unknown: pb::UnknownCustomer,
) -> Vec<pb::ItemResult> {
    let request = pb::IngestTransactionsRequest {
        transactions: transactions.to_vec(),
        unknown_customer: unknown.into(),
        ..Default::default()
    };
    let response = service.ingest().ingest_transactions(request).await;
    response.unwrap().into_inner().results
}

fn reasons(result: &pb::ItemResult) -> Vec<(&str, &str)> {
    let violations = result.violations.iter();
    violations.map(|it| (&*it.field, &*it.reason)).collect()
}

#[tokio::test]
async fn a_fact_goes_to_the_customer_who_has_the_identifier_and_says_to_whom() {
    let service = ServiceWithDatabase::start().await;
    let ada = pb::CustomerPatch {
        add_identifiers: vec![
            email("ada@example.org"),
            phone("+4930123456"),
            external("crm", "4711"),
        ],
        ..patch("ada")
    };
    service.write_customers(&[ada]).await;
    let facts = [
        bought(by_email("Ada@Example.org"), "1", 100),
        bought(by_phone("+49 30 123456"), "2", 20),
        bought(by_external("crm", "4711"), "3", 3),
        bought(by_id("ada"), "4", 1_000),
        purchase("ada", "5", "2026-01-05", 20_000),
    ];
    for outcome in [Outcome::Written, Outcome::Duplicate] {
        let results = service.send(&facts).await;
        let stated: Vec<_> = results
            .iter()
            .map(|it| (it.outcome(), &*it.customer_id))
            .collect();
        let named = (outcome, "ada");
        assert_eq!(stated, [named, named, named, named, (outcome, "")]);
    }
    let called = pb::Contact {
        customer: Some(by_email("ada@example.org")),
        ..call("", "1", "2026-01-06")
    };
    let contract = pb::Contract {
        customer: Some(by_phone("+4930123456")),
        ..contract("", "1", "2026-01-07", 12, 100)
    };
    assert_eq!(service.send_contacts(&[called]).await[0].customer_id, "ada");
    assert_eq!(
        service.send_contracts(&[contract]).await[0].customer_id,
        "ada"
    );
    let known = service.customer("ada").await;
    assert_eq!(known.purchase_days[0].amount, Some(money(21_123, "EUR")));
    assert_eq!((known.contact_days.len(), known.contracts.len()), (1, 1));
}

#[tokio::test]
async fn a_subject_that_nobody_or_several_have_is_refused_and_says_what_to_do() {
    let service = ServiceWithDatabase::start().await;
    let shared = |id| pb::CustomerPatch {
        add_identifiers: vec![phone("+4930123456")],
        ..patch(id)
    };
    service
        .write_customers(&[shared("ada"), shared("bob")])
        .await;
    let before = count_rows(&service.pool).await;
    let both = pb::Transaction {
        customer_id: "ada".to_owned(),
        amount: None,
        ..bought(by_phone("12"), "5", 1)
    };
    let results = service
        .send(&[
            bought(by_email("ada@example.org"), "1", 1),
            bought(by_phone("+4930123456"), "2", 1),
            bought(by_id("carl"), "3", 1),
            bought(pb::Subject::default(), "4", 1),
            both,
        ])
        .await;
    assert!(results.iter().all(|it| it.outcome() == Outcome::Refused));
    assert!(results.iter().all(|it| it.customer_id.is_empty()));
    let unknown = "UNKNOWN_CUSTOMER";
    assert_eq!(
        reasons(&results[0]),
        [("transactions[0].customer", unknown)]
    );
    let ambiguous = ("transactions[1].customer", "AMBIGUOUS_CUSTOMER");
    assert_eq!(reasons(&results[1]), [ambiguous]);
    assert!(
        results[1].violations[0]
            .description
            .starts_with("2 customers")
    );
    assert_eq!(
        reasons(&results[2]),
        [("transactions[2].customer", unknown)]
    );
    assert_eq!(
        reasons(&results[3]),
        [("transactions[3].customer", "REQUIRED")]
    );
    assert_eq!(
        reasons(&results[4]),
        [
            ("transactions[4].customer", "NAMED_TWICE"),
            (
                "transactions[4].customer.phone_number",
                "INVALID_PHONE_NUMBER"
            ),
            ("transactions[4].amount", "REQUIRED"),
        ]
    );
    for violation in results.iter().flat_map(|it| &it.violations) {
        let text = &violation.description;
        assert!(text.len() < 160 && !text.contains("example.org"), "{text}");
    }
    assert_eq!(count_rows(&service.pool).await, before);
}

#[tokio::test]
async fn a_new_subject_becomes_one_customer_whose_id_shows_nothing_of_it() {
    let service = ServiceWithDatabase::start().await;
    let create = pb::UnknownCustomer::Create;
    let company = pb::Transaction {
        customer_kind: pb::CustomerKind::Company.into(),
        ..bought(by_email("ada@example.org"), "1", 100)
    };
    let facts = [
        company,
        bought(by_email("ADA@example.org"), "2", 10),
        bought(by_id("carl"), "3", 1),
        // Refused for another mistake: nobody is created for it.
        pb::Transaction {
            when: Some(When::OccurredOn("soon".to_owned())),
            ..bought(by_email("dora@example.org"), "4", 1)
        },
    ];
    let results = send(&service, &facts, create).await;
    let outcomes: Vec<_> = results.iter().map(pb::ItemResult::outcome).collect();
    let written = Outcome::Written;
    assert_eq!(outcomes, [written, written, written, Outcome::Refused]);
    let id = results[0].customer_id.clone();
    assert_eq!(results[1].customer_id, id);
    assert_eq!(results[2].customer_id, "carl");
    let digits = id.strip_prefix("email-").unwrap();
    assert!(digits.len() == 32 && digits.chars().all(|c| c.is_ascii_hexdigit()));
    let known = service.customer(&id).await;
    assert_eq!(known.kind(), pb::CustomerKind::Company);
    assert_eq!(known.profile_version, 1);
    assert_eq!(known.identifiers[0].display, "a***@example.org");
    assert_eq!(known.purchase_days[0].amount, Some(money(110, "EUR")));
    // The identifier finds the customer from now on, whatever is asked for.
    let results = service.send(&facts[..1]).await;
    assert_eq!(results[0].outcome(), Outcome::Duplicate);
    assert_eq!(results[0].customer_id, id);
    let [customers, ..] = count_rows(&service.pool).await;
    assert_eq!(customers, 2);
}

#[tokio::test]
async fn who_lost_the_identifier_does_not_get_the_facts_of_whom_it_names_next() {
    let service = ServiceWithDatabase::start().await;
    let create = pb::UnknownCustomer::Create;
    let number = by_phone("+4930123456");
    let first = send(&service, &[bought(number.clone(), "1", 1)], create).await;
    let first = first[0].customer_id.clone();
    let ended = pb::CustomerPatch {
        end_identifiers: vec![phone("+4930123456")],
        ..patch(&first)
    };
    service.write_customers(&[ended]).await;
    let second = send(&service, &[bought(number, "2", 10)], create).await;
    assert_eq!(second[0].customer_id, format!("{first}-2"));
    let known = service.customer(&first).await;
    assert_eq!(known.purchase_days[0].amount, Some(money(1, "EUR")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_16_clients_with_a_new_subject_all_write_to_one_customer() {
    const CLIENTS: usize = 16;
    let service = ServiceWithDatabase::start().await;
    let calls = (0..CLIENTS).map(|client| {
        let service = &service;
        async move {
            let fact = pb::Transaction {
                source: format!("{SOURCE}-{client}"),
                ..bought(by_email("ada@example.org"), "1", 1)
            };
            loop {
                let request = pb::IngestTransactionsRequest {
                    transactions: vec![fact.clone()],
                    unknown_customer: pb::UnknownCustomer::Create.into(),
                    ..Default::default()
                };
                match service.ingest().ingest_transactions(request).await {
                    Ok(response) => break response.into_inner().results[0].clone(),
                    Err(status) => assert_eq!(status.code(), tonic::Code::Unavailable),
                }
            }
        }
    });
    let results = futures_util::future::join_all(calls).await;
    let id = &results[0].customer_id;
    assert!(results.iter().all(|it| it.outcome() == Outcome::Written));
    assert!(results.iter().all(|it| it.customer_id == *id));
    let known = service.customer(id).await;
    let amount = i64::try_from(CLIENTS).unwrap();
    assert_eq!(known.purchase_days[0].amount, Some(money(amount, "EUR")));
    assert_eq!(known.identifiers.len(), 1);
}
