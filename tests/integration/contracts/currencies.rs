//! Amounts of contracts and contacts in other currencies: who has no value for want of a rate is counted wherever somebody can record one.

use patron::pb;
use patron::pb::UnratedReason;

use super::valuing::document;
use super::{activate_models, score};
use crate::rates::rate;
use crate::support::messages::{call, contract, money, purchase};
use crate::support::service::{Service, ServiceWithDatabase, TODAY};

/// Publishes the basis anew; how many customers have no value by it and in which currencies.
async fn publish(service: &Service, basis: &str, note: &str) -> (Option<i64>, Vec<String>) {
    let request = pb::PublishDefinitionsRequest {
        document: format!("{}# {note}\n", document(basis)),
        note: String::new(),
        expected_revision: None,
    };
    let answer = service.definitions().publish_definitions(request).await;
    let answer = answer.unwrap().into_inner();
    assert!(answer.revision.is_some());
    (
        answer.unconvertible_customers,
        answer.unconvertible_currencies,
    )
}

fn gauge(service: &ServiceWithDatabase) -> String {
    let text = service.app.metrics.render();
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix("patron_currencies_without_rate "));
    line.unwrap().to_owned()
}

async fn fitted(service: &Service) -> i64 {
    let request = pb::FitModelRequest {
        keep_inactive: true,
        ..Default::default()
    };
    let answer = service.models().fit_model(request).await.unwrap();
    answer.into_inner().model.unwrap().unconvertible_customers
}

/// The currencies from which a rate is missing, with the day of each.
async fn missing(service: &ServiceWithDatabase, id: &str) -> Vec<(String, String)> {
    let found = score(service, id, "").await;
    let rates = found.missing_rates.iter();
    assert!(rates.clone().all(|one| one.to_currency == "EUR"));
    let missing = rates.map(|one| (one.from_currency.clone(), one.day.clone()));
    let missing: Vec<_> = missing.collect();
    let no_rate = found.unrated_reason() == UnratedReason::NoRate;
    assert_eq!(no_rate, !missing.is_empty(), "{found:?}");
    missing
}

/// Somebody who called in francs, a contract that runs in dollars, one that has ended in pounds, and a buyer in euros.
async fn write(service: &Service) {
    let in_currency = |contract: pb::Contract, code: &str| pb::Contract {
        price: Some(money(10_000, code)),
        ..contract
    };
    for id in ["caller", "buyer"] {
        service
            .write(&[
                purchase(id, "1", "2026-01-01", 10_000),
                purchase(id, "2", "2026-05-20", 18_000),
            ])
            .await;
    }
    service
        .write_contacts(&[pb::Contact {
            cost: Some(money(500, "CHF")),
            ..call("caller", "1", "2026-03-15")
        }])
        .await;
    let subscriber = contract("subscriber", "k", "2025-03-01", 12, 0);
    let former = pb::Contract {
        ended_on: "2026-03-01".to_owned(),
        ..contract("former", "k", "2025-03-01", 12, 0)
    };
    service
        .write_contracts(&[in_currency(subscriber, "USD"), in_currency(former, "GBP")])
        .await;
}

#[tokio::test]
async fn who_lacks_a_rate_for_a_contract_or_a_contact_is_counted_as_who_lacks_one_for_a_purchase() {
    let service = ServiceWithDatabase::start().await;
    write(&service).await;
    activate_models(&service).await;
    let codes = |codes: &[&str]| -> Vec<String> { codes.iter().map(|&it| it.to_owned()).collect() };
    let pairs = |code: &str, day: &str| vec![(code.to_owned(), day.to_owned())];

    // The price of a contract that may be renewed counts by the day of the answer; costs of contacts do not count.
    assert_eq!(
        publish(&service, "revenue", "1").await,
        (Some(1), codes(&["USD"]))
    );
    assert_eq!(
        (gauge(&service), fitted(&service).await),
        ("2".to_owned(), 1)
    );
    assert_eq!(missing(&service, "caller").await, []);
    assert_eq!(missing(&service, "subscriber").await, pairs("USD", TODAY));

    // Where they count, they are told: by who publishes, by who fits, by the metric and by the answer.
    assert_eq!(
        publish(&service, "contribution", "2").await,
        (Some(2), codes(&["CHF", "USD"]))
    );
    assert_eq!(
        (gauge(&service), fitted(&service).await),
        ("3".to_owned(), 2)
    );
    assert_eq!(
        missing(&service, "caller").await,
        pairs("CHF", "2026-03-15")
    );
    for id in ["buyer", "former"] {
        assert_eq!(missing(&service, id).await, [], "{id}");
    }

    let rates = vec![
        rate("CHF", "EUR", ("2026-03-01", "1.05")),
        rate("USD", "EUR", (TODAY, "0.9")),
    ];
    let request = pb::IngestRatesRequest {
        rates,
        ..Default::default()
    };
    service.ingest().ingest_rates(request).await.unwrap();
    assert_eq!(
        publish(&service, "contribution", "3").await,
        (Some(0), codes(&[]))
    );
    // Pounds are in use, though nobody is worth anything in them.
    assert_eq!(
        (gauge(&service), fitted(&service).await),
        ("1".to_owned(), 0)
    );
    for (id, from) in [("caller", "CHF"), ("subscriber", "USD")] {
        assert_eq!(missing(&service, id).await, [], "{id}");
        assert_eq!(score(&service, id, "").await.converted_from, [from]);
    }
}
