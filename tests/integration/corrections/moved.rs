//! Facts that go from one customer to another, and facts that two customers are said to have.

use patron::pb;
use patron::pb::item_result::Outcome;
use tonic::{Code, Status};

use super::undo;
use crate::support::messages::{self, by_id, patch, reason, violated};
use crate::support::service::{Service, ServiceWithDatabase};

const SOURCES: &str = "
value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
sources:
  shop: {same_id: SETTING}
  erp: {same_id: SETTING}
tiers: [{name: all}]
schemes: {}
treatments: {tiers: {all: {sla: {response: 1 h}, queue: a}, UNRATED: {sla: {response: 1 h}, queue: a}}}
";

pub(super) fn fact(kind: pb::FactKind, id: &str) -> pb::FactName {
    pb::FactName {
        kind: kind.into(),
        source: match kind {
            pb::FactKind::Contact => "acd".to_owned(),
            pb::FactKind::Contract => "erp".to_owned(),
            pb::FactKind::Unspecified | pb::FactKind::Transaction => "shop".to_owned(),
        },
        id: id.to_owned(),
    }
}

pub(super) fn order(id: &str) -> pb::FactName {
    fact(pb::FactKind::Transaction, id)
}

pub(super) async fn move_facts(
    service: &Service,
    (from, to): (&str, &str),
    facts: &[pb::FactName],
    validate_only: bool,
) -> Result<Vec<(String, bool, bool)>, Status> {
    let request = pb::MoveFactsRequest {
        customer_id: from.to_owned(),
        to_customer_id: to.to_owned(),
        facts: facts.to_vec(),
        validate_only,
    };
    let answer = service.corrections().move_facts(request).await?;
    let facts = answer.into_inner().facts.into_iter();
    Ok(facts
        .map(|moved| (moved.fact.unwrap().id, moved.related, moved.repeated))
        .collect())
}

/// A purchase whose id is not the customer's own.
pub(super) fn purchase(customer: &str, id: &str, day: &str, amount_minor: i64) -> pb::Transaction {
    pb::Transaction {
        customer_id: customer.to_owned(),
        ..messages::purchase("", id, day, amount_minor)
    }
}

pub(super) fn refund(
    customer: &str,
    (id, original): (&str, &str),
    day: &str,
    cents: i64,
) -> pb::Transaction {
    pb::Transaction {
        customer_id: customer.to_owned(),
        ..messages::refund("", id, original, day, cents)
    }
}

pub(super) fn call(customer: &str, id: &str, day: &str) -> pb::Contact {
    pb::Contact {
        customer_id: customer.to_owned(),
        ..messages::call("", id, day)
    }
}

fn contract(customer: &str, id: &str, started_on: &str) -> pb::Contract {
    pb::Contract {
        customer_id: customer.to_owned(),
        ..messages::contract("", id, started_on, 1, 900)
    }
}

pub(super) async fn send(
    service: &Service,
    transactions: &[pb::Transaction],
) -> Vec<pb::ItemResult> {
    send_as(service, transactions, "").await
}

pub(super) async fn send_as(
    service: &Service,
    transactions: &[pb::Transaction],
    import_id: &str,
) -> Vec<pb::ItemResult> {
    let request = pb::IngestTransactionsRequest {
        transactions: transactions.to_vec(),
        import_id: import_id.to_owned(),
        ..Default::default()
    };
    let answer = service.ingest().ingest_transactions(request).await;
    answer.unwrap().into_inner().results
}

pub(super) fn outcomes(results: &[pb::ItemResult]) -> Vec<Outcome> {
    results.iter().map(pb::ItemResult::outcome).collect()
}

/// Number of orders and their net sum.
pub(super) async fn orders(service: &Service, customer: &str) -> (u32, i64) {
    let customer = service.customer(customer).await;
    let days = customer.purchase_days.iter();
    let count = days.clone().map(|day| u32::try_from(day.count).unwrap());
    let amounts = days.map(|day| day.amount.as_ref().unwrap().amount_minor);
    (count.sum(), amounts.sum())
}

/// The stored profiles are what the facts make.
pub(super) async fn assert_sound(service: &Service) {
    let request = pb::CheckProfilesRequest::default();
    let answer = service.customers().check_profiles(request).await.unwrap();
    assert_eq!(answer.into_inner().differences, []);
}

pub(super) async fn publish(service: &Service, setting: &str) {
    let document = SOURCES.replace("SETTING", setting);
    service.publish(&document).await;
}

#[tokio::test]
async fn a_fact_of_one_customer_is_refused_for_another_and_never_counts_twice() {
    let service = ServiceWithDatabase::start().await;
    send(&service, &[purchase("ada", "1", "2026-01-05", 100)]).await;
    let mut twice = [
        purchase("bob", "1", "2026-01-05", 100),
        purchase("bob", "2", "2026-01-05", 100),
        // In one call, the first customer named has it.
        purchase("eve", "2", "2026-01-05", 100),
    ];
    let results = send(&service, &twice).await;
    let expected = [Outcome::Refused, Outcome::Written, Outcome::Refused];
    assert_eq!(outcomes(&results), expected);
    let violation = &results[0].violations[0];
    assert_eq!(violation.reason, "OTHER_CUSTOMER");
    assert_eq!(violation.field, "transactions[0]");
    assert!(violation.description.contains("\"ada\""));
    assert_eq!(orders(&service, "ada").await, (1, 100));
    assert_eq!(orders(&service, "bob").await, (1, 100));
    assert!(service.find_customer(by_id("eve")).await.is_err());
    // Another source has ids of its own.
    twice[0].source = "till".to_owned();
    assert_eq!(
        outcomes(&send(&service, &twice[..1]).await),
        [Outcome::Written]
    );

    let calls = [
        call("ada", "1", "2026-01-05"),
        call("bob", "1", "2026-01-05"),
    ];
    let request = pb::IngestContactsRequest {
        contacts: calls.to_vec(),
        ..Default::default()
    };
    let answer = service.ingest().ingest_contacts(request).await.unwrap();
    let results = answer.into_inner().results;
    assert_eq!(outcomes(&results), [Outcome::Written, Outcome::Refused]);
    let terms = ["ada", "bob"].map(|who| contract(who, "1", "2026-01-05"));
    let request = pb::IngestContractsRequest {
        contracts: terms.to_vec(),
        ..Default::default()
    };
    let answer = service.ingest().ingest_contracts(request).await.unwrap();
    let results = answer.into_inner().results;
    assert_eq!(outcomes(&results), [Outcome::Written, Outcome::Refused]);
    assert_eq!(results[1].violations[0].reason, "OTHER_CUSTOMER");
}

#[tokio::test]
async fn a_source_may_say_that_its_ids_are_unique_per_customer() {
    let service = ServiceWithDatabase::start().await;
    publish(&service, "separate").await;
    let both = ["ada", "bob"].map(|who| purchase(who, "1", "2026-01-05", 100));
    let results = send(&service, &both).await;
    assert_eq!(outcomes(&results), [Outcome::Written; 2]);
    let refused = move_facts(&service, ("ada", "bob"), &[order("1")], false).await;
    assert_eq!(violated(&refused.unwrap_err()), ["facts[0]"]);
}

#[tokio::test]
async fn a_source_may_say_that_a_fact_goes_with_whom_it_is_sent_for() {
    let service = ServiceWithDatabase::start().await;
    publish(&service, "move").await;
    let first = [
        purchase("guest", "1", "2026-01-05", 10_000),
        refund("guest", ("2", "1"), "2026-01-06", 1_000),
    ];
    send(&service, &first).await;
    let later = [
        purchase("ada", "1", "2026-01-05", 10_000),
        purchase("ada", "3", "2026-02-05", 50),
    ];
    assert_eq!(
        outcomes(&send(&service, &later).await),
        [Outcome::Written; 2]
    );
    assert_eq!(orders(&service, "guest").await, (0, 0));
    assert_eq!(orders(&service, "ada").await, (2, 9_050));
    // Either file, sent again, is known.
    assert_eq!(
        outcomes(&send(&service, &later).await),
        [Outcome::Duplicate; 2]
    );
    assert_eq!(
        outcomes(&send(&service, &first).await),
        [Outcome::Duplicate; 2]
    );
    // What says something else is another's mistake, and moves nothing.
    let other = purchase("bob", "1", "2026-01-05", 1);
    let results = send(&service, &[other]).await;
    assert_eq!(results[0].violations[0].reason, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(orders(&service, "ada").await, (2, 9_050));

    let terms = ["guest", "ada"].map(|who| contract(who, "1", "2026-01-05"));
    for one in terms {
        let request = pb::IngestContractsRequest {
            contracts: vec![one],
            ..Default::default()
        };
        service.ingest().ingest_contracts(request).await.unwrap();
    }
    assert_eq!(service.customer("guest").await.contracts.len(), 0);
    assert_eq!(service.customer("ada").await.contracts.len(), 1);
}

#[tokio::test]
async fn facts_move_with_their_refunds_and_the_file_sent_again_is_known() {
    let service = ServiceWithDatabase::start().await;
    let file = [
        purchase("guest", "1", "2026-01-05", 10_000),
        refund("guest", ("2", "1"), "2026-01-06", 1_000),
        purchase("guest", "3", "2026-03-05", 70),
    ];
    send(&service, &file).await;
    service.write_customers(&[patch("ada")]).await;
    let preview = move_facts(&service, ("guest", "ada"), &[order("1")], true).await;
    let expected = [
        ("1".to_owned(), false, false),
        ("2".to_owned(), true, false),
    ];
    assert_eq!(preview.unwrap(), expected);
    assert_eq!(orders(&service, "ada").await, (0, 0));
    let moved = move_facts(&service, ("guest", "ada"), &[order("1")], false).await;
    assert_eq!(moved.unwrap(), expected);
    assert_eq!(orders(&service, "ada").await, (1, 9_000));
    assert_eq!(orders(&service, "guest").await, (1, 70));
    assert_eq!(
        outcomes(&send(&service, &file).await),
        [Outcome::Duplicate; 3]
    );
    // With other content it is the mistake that it is for anybody.
    let other = send(&service, &[purchase("guest", "1", "2026-01-05", 1)]).await;
    assert_eq!(other[0].violations[0].reason, "IDEMPOTENCY_KEY_REUSED");
    // And back again.
    let back = move_facts(&service, ("ada", "guest"), &[order("2"), order("1")], false).await;
    back.unwrap();
    assert_eq!(orders(&service, "guest").await, (2, 9_070));
    assert_eq!(
        outcomes(&send(&service, &file).await),
        [Outcome::Duplicate; 3]
    );
    assert_sound(&service).await;
}

#[tokio::test]
async fn a_moved_fact_stays_part_of_its_import() {
    let service = ServiceWithDatabase::start().await;
    let file = [
        purchase("guest", "1", "2026-01-05", 100),
        purchase("guest", "2", "2026-01-06", 200),
    ];
    send_as(&service, &file, "wrong").await;
    send(&service, &[purchase("guest", "3", "2026-01-07", 400)]).await;
    service.write_customers(&[patch("ada")]).await;
    let facts = ["1", "3"].map(order);
    move_facts(&service, ("guest", "ada"), &facts, false)
        .await
        .unwrap();
    assert_eq!(orders(&service, "ada").await, (2, 500));
    undo(&service, "wrong", false).await.unwrap();
    assert_eq!(orders(&service, "ada").await, (1, 400));
    // Their keys are free again, for any customer.
    let right = send(&service, &[purchase("bob", "1", "2026-01-05", 100)]).await;
    assert_eq!(outcomes(&right), [Outcome::Written]);
    assert_sound(&service).await;
}

#[tokio::test]
async fn an_undone_import_moves_nothing() {
    let service = ServiceWithDatabase::start().await;
    publish(&service, "move").await;
    let order = |who| purchase(who, "1", "2026-01-05", 100);
    send(&service, &[order("guest")]).await;
    send_as(
        &service,
        &[purchase("guest", "2", "2026-01-06", 200)],
        "late",
    )
    .await;
    undo(&service, "late", false).await.unwrap();
    let request = pb::IngestTransactionsRequest {
        transactions: vec![order("ada")],
        import_id: "late".to_owned(),
        ..Default::default()
    };
    let refused = service.ingest().ingest_transactions(request).await;
    assert_eq!(reason(&refused.unwrap_err()), "IMPORT_UNDONE");
    assert_eq!(orders(&service, "guest").await, (1, 100));
    assert!(service.find_customer(by_id("ada")).await.is_err());
    // Another import moves it.
    send_as(&service, &[order("ada")], "later").await;
    assert_eq!(orders(&service, "ada").await, (1, 100));
}

#[tokio::test]
async fn contacts_move_with_their_outcomes_and_contracts_with_all_that_was_observed() {
    let service = ServiceWithDatabase::start().await;
    service
        .write_contacts(&[call("guest", "1", "2026-01-05")])
        .await;
    let mut terms = contract("guest", "1", "2026-01-05");
    service.write_contracts(&[terms.clone()]).await;
    terms.price.as_mut().unwrap().amount_minor = 1_000;
    terms.effective_on = "2026-02-05".to_owned();
    service.write_contracts(&[terms]).await;
    service.write_customers(&[patch("ada")]).await;
    let before = service.customer("guest").await;
    let facts = [
        fact(pb::FactKind::Contact, "1"),
        fact(pb::FactKind::Contract, "1"),
    ];
    move_facts(&service, ("guest", "ada"), &facts, false)
        .await
        .unwrap();
    let (guest, ada) = (
        service.customer("guest").await,
        service.customer("ada").await,
    );
    assert!(guest.contact_days.is_empty() && guest.contracts.is_empty());
    assert_eq!(ada.contact_days, before.contact_days);
    assert_eq!(ada.contracts, before.contracts);
    assert_sound(&service).await;
}

#[tokio::test]
async fn what_cannot_be_moved_is_said_all_at_once_and_nothing_moves() {
    let service = ServiceWithDatabase::start().await;
    send(&service, &[purchase("guest", "1", "2026-01-05", 100)]).await;
    let unknown = move_facts(&service, ("guest", "nobody"), &[order("1")], false).await;
    let unknown = unknown.unwrap_err();
    assert_eq!(
        (unknown.code(), &*reason(&unknown)),
        (Code::NotFound, "CUSTOMER_NOT_FOUND")
    );
    assert!(unknown.message().contains("nobody"));
    service.write_customers(&[patch("ada")]).await;
    let facts = [order("1"), order("7"), fact(pb::FactKind::Contact, "1")];
    let missing = move_facts(&service, ("guest", "ada"), &facts, false).await;
    assert_eq!(violated(&missing.unwrap_err()), ["facts[1]", "facts[2]"]);
    assert_eq!(orders(&service, "guest").await, (1, 100));
    let nothing = pb::FactName::default();
    let wrong = move_facts(&service, ("", "ada"), &[nothing], false).await;
    let expected = [
        "customer_id",
        "facts[0].kind",
        "facts[0].source",
        "facts[0].id",
    ];
    assert_eq!(violated(&wrong.unwrap_err()), expected);
    let same = move_facts(&service, ("ada", "ada"), &[], false).await;
    assert_eq!(violated(&same.unwrap_err()), ["to_customer_id", "facts"]);
}
