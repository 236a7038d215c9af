//! Rates that must never be written, and lists that are not given.

use patron::pb;
use patron::pb::item_result::Outcome;
use tonic::Code;

use super::{list, rate, send};
use crate::support::messages::violated;
use crate::support::service::ServiceWithDatabase;

/// The rate that a row makes wrong.
fn sound() -> pb::ExchangeRate {
    rate("USD", "EUR", ("2026-01-01", "0.9"))
}

/// What is wrong with a rate from dollars to euros of 2026-01-01, at which field and for which reason.
fn table() -> Vec<(pb::ExchangeRate, &'static str, &'static str)> {
    let mut table = Vec::new();
    for (text, reason) in [
        ("", "REQUIRED"),
        ("1,1", "INVALID_RATE"),
        ("NaN", "INVALID_RATE"),
        ("inf", "INVALID_RATE"),
        ("1e3", "INVALID_RATE"),
        ("0.000", "NOT_POSITIVE"),
        ("-1", "NOT_POSITIVE"),
        ("0.1234567890123456", "TOO_LONG"),
        ("1000000000000000", "TOO_LONG"),
    ] {
        table.push((rate("USD", "EUR", ("2026-01-01", text)), "rate", reason));
    }
    // The clock of the tests shows 2026-11-22.
    for (day, reason) in [
        ("", "INVALID_DAY"),
        ("2026-02-30", "INVALID_DAY"),
        ("1969-12-31", "DAY_OUT_OF_RANGE"),
        ("2026-11-25", "DAY_OUT_OF_RANGE"),
    ] {
        table.push((rate("USD", "EUR", (day, "1")), "day", reason));
    }
    for (from, to, field, reason) in [
        ("XXX", "EUR", "from_currency", "UNKNOWN_CURRENCY"),
        ("USD", "euro", "to_currency", "UNKNOWN_CURRENCY"),
        ("USD", "USD", "to_currency", "SAME_CURRENCY"),
    ] {
        table.push((rate(from, to, ("2026-01-01", "1")), field, reason));
    }
    table
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_rate_is_told_with_its_path_and_the_others_are_written() {
    let service = ServiceWithDatabase::start().await;
    let table = table();
    let mut rates: Vec<_> = table.iter().map(|(rate, _, _)| rate.clone()).collect();
    rates.push(sound());
    rates.push(rate("x", "x", ("yesterday", "0")));
    rates.push(rate("EUR", "USD", ("2026-11-24", "1.1")));
    let results = send(&service, &rates).await;
    for (at, (_, field, reason)) in table.iter().enumerate() {
        let result = &results[at];
        assert_eq!(result.outcome(), Outcome::Refused, "{:?}", rates[at]);
        let [violation] = &result.violations[..] else {
            panic!("{result:?}");
        };
        let path = format!("rates[{at}].{field}");
        assert_eq!((&violation.field, &*violation.reason), (&path, *reason));
    }
    let [written, all_wrong, tomorrow] = &results[table.len()..] else {
        panic!("{} results", results.len());
    };
    assert_eq!(written.outcome(), Outcome::Written);
    assert_eq!(tomorrow.outcome(), Outcome::Written);
    let fields: Vec<_> = all_wrong.violations.iter().map(|it| &*it.field).collect();
    assert_eq!(
        fields,
        ["from_currency", "to_currency", "day", "rate"]
            .map(|field| format!("rates[{}].{field}", table.len() + 1))
    );
    let found = list(&service, pb::ListRatesRequest::default()).await;
    assert_eq!(found.rates.len(), 2);
}

#[tokio::test]
async fn batches_and_pages_have_bounds() {
    let service = ServiceWithDatabase::start().await;
    for count in [0, 1_001] {
        let request = pb::IngestRatesRequest {
            rates: vec![sound(); count],
            ..Default::default()
        };
        let status = service.ingest().ingest_rates(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(violated(&status), ["rates"]);
    }
    let request = pb::ListRatesRequest {
        from_currency: "EURO".to_owned(),
        to_currency: "XXX".to_owned(),
        since: "soon".to_owned(),
        ..Default::default()
    };
    let status = service.ingest().list_rates(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(violated(&status), ["from_currency", "to_currency", "since"]);
    let request = pb::ListRatesRequest {
        page_token: "x".to_owned(),
        ..Default::default()
    };
    let status = service.ingest().list_rates(request).await.unwrap_err();
    assert_eq!(violated(&status), ["page_token"]);
}
