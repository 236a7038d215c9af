//! Several currencies through gRPC: amounts stay as they were booked and are converted, whenever somebody asks, by the rate of their day.
//!
//! The customer of these tests pays in dollars what the customer of the history "repeat" of the table of answers pays in euros (x = 2,
//! `t_x` = 139 and T = 180 days on 2026-06-30, `m_x` = 150 EUR):
//!
//! | day | paid | rate of the day | in euros |
//! |---|---|---|---|
//! | 2026-01-01 | 100.00 USD | 0.90 of that day | 90.00 EUR |
//! | 2026-02-05 | 150.00 USD | 0.80 of 2026-02-01 | 120.00 EUR |
//! | 2026-05-20 | 240.00 USD | 0.75 of 2026-05-10 | 180.00 EUR |
//!
//! So `m_x` is (120 + 180) / 2 = 150 EUR, and the value is that of `definitions/valuing.rs`, where it is calculated: 254.51 EUR.

mod commands;
mod fits;
mod foreign_refunds;
mod refused;

use patron::pb;
use patron::pb::UnratedReason;
use patron::pb::explain_segment_request::Target;
use patron::pb::item_result::Outcome;

use crate::support::messages::{by_id, call, money, purchase};
use crate::support::models::{BG, SPEND, store_model};
use crate::support::service::{Service, ServiceWithDatabase, assert_outcomes};

const AS_OF: &str = "2026-06-30";
/// Our arithmetic against that of 30 digits: as the reference values of the models.
const TOLERANCE: f64 = 1e-9;
const JANUARY: (&str, &str) = ("2026-01-01", "0.90");
const FEBRUARY: (&str, &str) = ("2026-02-01", "0.80");
const MAY: (&str, &str) = ("2026-05-10", "0.75");

/// Values in euros; a segment for the converted spend, one for converted costs and one for a converted attribute.
const DOCUMENT: &str =
    "value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
attributes:
  limit: {family: behaviour, type: money, currency: EUR, description: Credit limit}
tiers: [{name: gold, at_least: 250 EUR}, {name: bronze}]
schemes:
  s:
    mode: overlapping
    description: d
    segments:
      - {name: spends, when: 'spend(days(365)) == money(\"390 EUR\")'}
      - {name: costs, when: 'cost_to_serve(days(365)) == money(\"2.40 EUR\")'}
      - {name: trusted, when: 'limit == money(\"800 EUR\")'}
treatments:
  tiers:
    gold: {sla: {response: 1 h}, queue: a}
    bronze: {sla: {response: 4 h}, queue: c}
    UNRATED: {sla: {response: 8 h}, queue: d}
";

pub(crate) fn rate(from: &str, to: &str, (day, rate): (&str, &str)) -> pb::ExchangeRate {
    pb::ExchangeRate {
        from_currency: from.to_owned(),
        to_currency: to.to_owned(),
        day: day.to_owned(),
        rate: rate.to_owned(),
    }
}

async fn send(service: &Service, rates: &[pb::ExchangeRate]) -> Vec<pb::ItemResult> {
    let request = pb::IngestRatesRequest {
        rates: rates.to_vec(),
        ..Default::default()
    };
    let answer = service.ingest().ingest_rates(request).await;
    answer.unwrap().into_inner().results
}

/// Sends rates from dollars to euros that must all be new.
async fn write(service: &Service, rates: &[(&str, &str)]) {
    let rates: Vec<_> = rates.iter().map(|&one| rate("USD", "EUR", one)).collect();
    assert_outcomes(&send(service, &rates).await, Outcome::Written);
}

async fn list(service: &Service, request: pb::ListRatesRequest) -> pb::ListRatesResponse {
    let answer = service.ingest().list_rates(request).await;
    answer.unwrap().into_inner()
}

fn dollars(id: &str, day: &str, amount_minor: i64) -> pb::Transaction {
    pb::Transaction {
        amount: Some(money(amount_minor, "USD")),
        ..purchase("ada", id, day, 0)
    }
}

async fn start() -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    service.publish(DOCUMENT).await;
    service
        .write(&[
            dollars("1", "2026-01-01", 10_000),
            dollars("2", "2026-02-05", 15_000),
            dollars("3", "2026-05-20", 24_000),
        ])
        .await;
    activate_model(&service).await;
    service
}

async fn activate_model(service: &ServiceWithDatabase) {
    let version = store_model(&service.pool, BG, Some(SPEND)).await;
    let request = pb::ActivateModelRequest {
        version,
        ..Default::default()
    };
    service.models().activate_model(request).await.unwrap();
}

async fn score(service: &Service, as_of: &str) -> pb::LifetimeValueScore {
    service.score(by_id("ada"), as_of).await.score.unwrap()
}

fn mean(score: &pb::LifetimeValueScore) -> f64 {
    score.inputs.as_ref().unwrap().monetary_value.unwrap()
}

fn basis_id(score: &pb::LifetimeValueScore) -> &str {
    &score.provenance.as_ref().unwrap().basis_id
}

#[track_caller]
fn assert_near(actual: f64, expected: f64) {
    let error = (actual / expected - 1.0).abs();
    assert!(error < TOLERANCE, "{actual} is not {expected}");
}

#[tokio::test]
async fn who_pays_in_another_currency_has_no_value_before_and_the_calculated_one_after_the_rates() {
    let service = start().await;
    let before = score(&service, AS_OF).await;
    assert_eq!(before.unrated_reason(), UnratedReason::NoRate);
    assert_eq!(basis_id(&before), "r1-m1-EUR");
    let missing = pb::MissingRate {
        from_currency: "USD".to_owned(),
        to_currency: "EUR".to_owned(),
        day: "2026-01-01".to_owned(),
    };
    assert_eq!(before.missing_rates, std::slice::from_ref(&missing));
    let answer = service.classify(by_id("ada"), AS_OF).await;
    assert_eq!(answer.classification.unwrap().missing_rates, [missing]);

    write(&service, &[MAY, FEBRUARY, JANUARY]).await;
    let after = score(&service, AS_OF).await;
    assert_eq!(basis_id(&after), "r1-m1-EUR-x3");
    assert_eq!((&*after.missing_rates, after.unrated_reason), (&[][..], 0));
    assert_eq!(after.converted_from, ["USD"]);
    assert_eq!(after.oldest_rate_day, "2026-01-01");
    assert_near(mean(&after), 150.0);
    assert_near(
        after.expected_spend_per_order.unwrap(),
        129.363_517_060_367_45,
    );
    assert_eq!(after.lifetime_value, Some(money(25_451, "EUR")));
    assert_eq!(after.tier.unwrap().name, "gold");
    // The rates are there after a restart too.
    let service = service.restart().await;
    let restarted = score(&service, AS_OF).await;
    assert_eq!(restarted.lifetime_value, Some(money(25_451, "EUR")));
    assert_eq!(basis_id(&restarted), "r1-m1-EUR-x3");
}

#[tokio::test]
async fn a_rate_that_ended_years_ago_converts_nothing() {
    let service = ServiceWithDatabase::start().await;
    service.publish(DOCUMENT).await;
    let roubles = pb::Transaction {
        amount: Some(money(1_000_000, "RUB")),
        ..purchase("ada", "1", "2026-05-20", 0)
    };
    service.write(&[roubles]).await;
    activate_model(&service).await;
    // The last one in the table of the European Central Bank.
    let last = rate("EUR", "RUB", ("2022-03-01", "117.201"));
    assert_outcomes(&send(&service, &[last]).await, Outcome::Written);
    let stale = score(&service, AS_OF).await;
    assert_eq!(stale.unrated_reason(), UnratedReason::NoRate);
    assert_eq!(stale.missing_rates[0].day, "2026-05-20");
    assert_eq!(
        (&*stale.oldest_rate_day, &*stale.converted_from),
        ("", &[][..])
    );
    // Who publishes counts them, though there is a rate of an earlier day.
    let document = format!("{DOCUMENT}rates: {{max_age_days: 1000}}\n");
    let request = pb::PublishDefinitionsRequest {
        document: document.clone(),
        ..Default::default()
    };
    let published = service.definitions().publish_definitions(request).await;
    let published = published.unwrap().into_inner();
    assert_eq!(published.unconvertible_customers, Some(1), "{published:?}");
    // With a larger age the old rate is used, and the answer names its day.
    let patient = document.replace("1000", "2000");
    service.publish(&patient).await;
    let valued = score(&service, AS_OF).await;
    assert_eq!(
        (&*valued.oldest_rate_day, valued.unrated_reason),
        ("2022-03-01", 0)
    );
    assert!(valued.lifetime_value.is_some());
}

#[tokio::test]
async fn a_late_rate_changes_the_days_it_touches_and_no_others() {
    let service = start().await;
    write(&service, &[JANUARY, FEBRUARY]).await;
    let (march, june) = (
        score(&service, "2026-03-31").await,
        score(&service, AS_OF).await,
    );
    // Of 2026-02-05: 120 EUR. Of 2026-05-20, still by the rate of February: 240 * 0.80 = 192 EUR; the mean is 156 EUR.
    assert_near(mean(&march), 120.0);
    assert_near(mean(&june), 156.0);

    write(&service, &[MAY]).await;
    let later = score(&service, AS_OF).await;
    assert_near(mean(&later), 150.0);
    assert_eq!(later.lifetime_value, Some(money(25_451, "EUR")));
    let unmoved = score(&service, "2026-03-31").await;
    assert_eq!(unmoved.inputs, march.inputs);
    assert_eq!(unmoved.lifetime_value, march.lifetime_value);
    assert!(march.lifetime_value.is_some());

    // A correction of February moves the purchase of February, and that alone: (150 * 0.84 + 180) / 2 = 153 EUR.
    write(&service, &[("2026-02-01", "0.84")]).await;
    assert_near(mean(&score(&service, "2026-03-31").await), 126.0);
    assert_near(mean(&score(&service, AS_OF).await), 153.0);
}

#[tokio::test]
async fn a_rate_again_is_a_duplicate_and_another_one_a_correction_that_holds() {
    let service = start().await;
    write(&service, &[JANUARY, FEBRUARY]).await;
    // The same number, however it is written.
    let again = [
        rate("USD", "EUR", ("2026-01-01", "0.9")),
        rate("USD", "EUR", ("2026-02-01", "00.800")),
    ];
    assert_outcomes(&send(&service, &again).await, Outcome::Duplicate);
    assert_eq!(basis_id(&score(&service, AS_OF).await), "r1-m1-EUR-x2");
    // Two corrections in one call and one that comes back to the first: the last holds.
    write(
        &service,
        &[
            ("2026-02-01", "0.81"),
            ("2026-02-01", "0.82"),
            ("2026-02-01", "0.8"),
        ],
    )
    .await;
    let found = list(&service, pb::ListRatesRequest::default()).await;
    let rates: Vec<_> = found
        .rates
        .iter()
        .map(|it| (it.number, &*it.rate.as_ref().unwrap().rate, it.current))
        .collect();
    assert_eq!(
        rates,
        [
            (5, "0.8", true),
            (4, "0.82", false),
            (3, "0.81", false),
            (2, "0.8", false),
            (1, "0.9", true)
        ]
    );
    assert_near(mean(&score(&service, "2026-03-31").await), 120.0);
}

#[tokio::test]
async fn rates_are_listed_by_pair_and_day_page_by_page() {
    let service = ServiceWithDatabase::start().await;
    let rates = [
        rate("USD", "EUR", JANUARY),
        rate("GBP", "EUR", JANUARY),
        rate("USD", "CHF", FEBRUARY),
        rate("USD", "EUR", FEBRUARY),
    ];
    assert_outcomes(&send(&service, &rates).await, Outcome::Written);
    let numbers = async |from: &str, to: &str, since: &str, token: &str| {
        let request = pb::ListRatesRequest {
            from_currency: from.to_owned(),
            to_currency: to.to_owned(),
            since: since.to_owned(),
            page_size: 2,
            page_token: token.to_owned(),
        };
        let found = list(&service, request).await;
        let numbers: Vec<i64> = found.rates.iter().map(|it| it.number).collect();
        (numbers, found.next_page_token)
    };
    assert_eq!(numbers("", "", "", "").await, (vec![4, 3], "3".to_owned()));
    assert_eq!(numbers("", "", "", "3").await, (vec![2, 1], String::new()));
    assert_eq!(numbers("USD", "EUR", "", "").await.0, [4, 1]);
    assert_eq!(numbers("", "EUR", "2026-01-02", "").await.0, [4]);
    assert_eq!(numbers("", "CHF", "", "").await.0, [3]);
}

#[tokio::test]
async fn measures_and_attributes_are_converted_and_explanations_say_so() {
    let service = start().await;
    write(&service, &[JANUARY, FEBRUARY, MAY]).await;
    // 3.00 USD on a day of March, when a dollar was 0.80 EUR; a limit of 1,000 USD seen in that time too.
    let called = pb::Contact {
        cost: Some(money(300, "USD")),
        ..call("ada", "1", "2026-03-15")
    };
    service.write_contacts(&[called]).await;
    let limit = pb::AttributeValue {
        name: "limit".to_owned(),
        value: Some(pb::attribute_value::Value::MoneyValue(money(
            100_000, "USD",
        ))),
        observed_on: "2026-03-16".to_owned(),
        source: "erp".to_owned(),
    };
    let patch = pb::CustomerPatch {
        customer_id: "ada".to_owned(),
        attributes: vec![limit],
        ..Default::default()
    };
    service.write_customers(&[patch]).await;
    let target = Target::Scheme("s".to_owned());
    let answer = service.explain(by_id("ada"), Some(target)).await.unwrap();
    let segments = answer.explanation.unwrap().segments;
    let found: Vec<_> = segments
        .iter()
        .map(|it| {
            let clause = it.clause.as_ref().unwrap();
            (
                it.is_member,
                clause.observed_text.as_ref().unwrap().en.clone(),
                clause.converted_from.join(","),
                clause.oldest_rate.clone().unwrap().day,
            )
        })
        .collect();
    let usd = || "USD".to_owned();
    assert_eq!(
        found,
        [
            (true, "390.00 EUR".to_owned(), usd(), JANUARY.0.to_owned()),
            (true, "2.40 EUR".to_owned(), usd(), FEBRUARY.0.to_owned()),
            (true, "800.00 EUR".to_owned(), usd(), FEBRUARY.0.to_owned())
        ]
    );
}

#[tokio::test]
async fn currencies_without_a_rate_are_counted_where_operators_look() {
    let service = ServiceWithDatabase::start().await;
    let gauge = || {
        let text = service.app.metrics.render();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("patron_currencies_without_rate "));
        line.unwrap().to_owned()
    };
    assert_eq!(gauge(), "0");
    service
        .write(&[purchase("bob", "1", "2026-01-01", 100)])
        .await;
    assert_eq!(gauge(), "0");
    service.write(&[dollars("1", "2026-01-01", 100)]).await;
    assert_eq!(gauge(), "2", "nothing says which of the two to report in");
    activate_model(&service).await;
    let missing = score(&service, AS_OF).await.missing_rates.remove(0);
    assert_eq!(
        (&*missing.from_currency, &*missing.to_currency),
        ("USD", "")
    );
    service.publish(DOCUMENT).await;
    assert_eq!(gauge(), "1");
    write(&service, &[JANUARY]).await;
    assert_eq!(gauge(), "0");
}
