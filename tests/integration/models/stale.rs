//! Facts that end before the day: a fit on an old export, and scores that rest on it.

use patron::pb;
use patron::pb::OrderModelKind;
use patron::pb::transaction::When;

use super::{Shop, fit, request, shop};
use crate::support::messages::{by_id, purchase};
use crate::support::service::{Service, ServiceWithDatabase, TODAY};

/// The last day of an export that is used five months later.
const EXPORTED: &str = "2026-06-30";

fn day_of(fact: &pb::Transaction) -> String {
    match fact.when.as_ref().unwrap() {
        When::OccurredOn(day) => day.clone(),
        When::OccurredTime(time) => jiff::Timestamp::new(time.seconds, time.nanos)
            .unwrap()
            .strftime("%Y-%m-%d")
            .to_string(),
    }
}

/// A shop whose facts end with the export, and the day of its last purchase.
fn exported() -> (Shop, String) {
    let mut shop = shop(300);
    shop.transactions
        .retain(|fact| day_of(fact).as_str() <= EXPORTED);
    let days = shop.transactions.iter();
    let days = days.filter(|fact| fact.kind() == pb::transaction::Kind::Purchase);
    let last = days.map(day_of).max().unwrap();
    (shop, last)
}

async fn score(service: &Service, customer: &str, as_of: &str) -> pb::LifetimeValueScore {
    let request = pb::ScoreLifetimeValueRequest {
        subject: Some(by_id(customer)),
        as_of: as_of.to_owned(),
        ..Default::default()
    };
    let answer = service.scoring().score_lifetime_value(request).await;
    answer.unwrap().into_inner().score.unwrap()
}

fn parameters(model: &pb::Model) -> Vec<f64> {
    let report = model.orders.as_ref().unwrap();
    report.parameters.iter().map(|one| one.value).collect()
}

#[tokio::test]
async fn a_fit_on_an_old_export_ends_with_it_and_says_so() {
    let service = ServiceWithDatabase::start().await;
    let (shop, last) = exported();
    shop.ingest(&service).await;
    let of_export = fit(&service, request(OrderModelKind::MbgNbd, &last))
        .await
        .unwrap();
    assert_eq!(of_export.missing_facts_warning, "");
    assert_eq!(of_export.last_purchase_on, last);
    let by_default = fit(&service, request(OrderModelKind::MbgNbd, ""))
        .await
        .unwrap();
    assert_eq!(by_default.until, last);
    assert_eq!(parameters(&by_default), parameters(&of_export));
    assert!(by_default.plausible_silence_days >= 14, "{by_default:?}");
    let warning = &by_default.missing_facts_warning;
    let begins = format!("no purchase by any customer since {last}: ");
    let ends = format!("The fit uses facts up to {last}: import the missing ones and fit again");
    assert!(
        warning.starts_with(&begins) && warning.ends_with(&ends),
        "{warning}"
    );
    // Who names the day gets it, with the warning.
    let as_asked = fit(&service, request(OrderModelKind::MbgNbd, TODAY))
        .await
        .unwrap();
    assert_eq!(as_asked.until, TODAY);
    let ends = format!("import the missing facts, or fit up to {last}");
    assert!(
        as_asked.missing_facts_warning.ends_with(&ends),
        "{as_asked:?}"
    );
    assert!(parameters(&as_asked) != parameters(&of_export));
}

#[tokio::test]
async fn a_score_on_an_old_export_warns_until_a_purchase_arrives() {
    let service = ServiceWithDatabase::start().await;
    let (shop, last) = exported();
    shop.ingest(&service).await;
    let customer = shop.transactions[0].customer_id.clone();
    fit(&service, request(OrderModelKind::MbgNbd, ""))
        .await
        .unwrap();
    assert_eq!(score(&service, &customer, "").await.no_purchase_since, last);
    // On the last day nothing was missing, and days to come are no silence yet.
    assert_eq!(
        score(&service, &customer, &last).await.no_purchase_since,
        ""
    );
    assert_eq!(
        score(&service, &customer, "2027-06-30")
            .await
            .no_purchase_since,
        last
    );
    let new = purchase("somebody-else", "new", TODAY, 1_000);
    service.write(&[new]).await;
    assert_eq!(score(&service, &customer, "").await.no_purchase_since, "");
    assert_eq!(
        score(&service, &customer, "2027-06-30")
            .await
            .no_purchase_since,
        ""
    );
}

#[tokio::test]
async fn a_purchase_that_is_taken_back_was_not_the_last_one() {
    let service = ServiceWithDatabase::start().await;
    let (shop, last) = exported();
    shop.ingest(&service).await;
    let customer = shop.transactions[0].customer_id.clone();
    fit(&service, request(OrderModelKind::MbgNbd, ""))
        .await
        .unwrap();
    let wrong = pb::IngestTransactionsRequest {
        transactions: vec![purchase("somebody-else", "new", TODAY, 1_000)],
        import_id: "wrong".to_owned(),
        ..Default::default()
    };
    service.ingest().ingest_transactions(wrong).await.unwrap();
    assert_eq!(score(&service, &customer, "").await.no_purchase_since, "");
    let request = pb::UndoImportRequest {
        import_id: "wrong".to_owned(),
        validate_only: false,
    };
    service.corrections().undo_import(request).await.unwrap();
    assert_eq!(score(&service, &customer, "").await.no_purchase_since, last);
}

#[tokio::test]
async fn a_purchase_of_an_erased_customer_was_not_the_last_one() {
    let service = ServiceWithDatabase::start().await;
    let (shop, last) = exported();
    shop.ingest(&service).await;
    let customer = shop.transactions[0].customer_id.clone();
    fit(&service, request(OrderModelKind::MbgNbd, ""))
        .await
        .unwrap();
    let new = purchase("somebody-else", "new", TODAY, 1_000);
    service.write(&[new]).await;
    let erase = |validate_only| pb::EraseCustomerRequest {
        customer_id: "somebody-else".to_owned(),
        validate_only,
        ..Default::default()
    };
    let mut corrections = service.corrections();
    corrections.erase_customer(erase(true)).await.unwrap();
    assert_eq!(score(&service, &customer, "").await.no_purchase_since, "");
    corrections.erase_customer(erase(false)).await.unwrap();
    assert_eq!(score(&service, &customer, "").await.no_purchase_since, last);
}
