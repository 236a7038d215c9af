//! What serving a customer costs by a model version, and what a fit learns of contacts: through gRPC.

use patron::domain::clv::contact_rates::{ContactCost, ContactRate};
use patron::domain::clv::model::ModelKind;
use patron::domain::customer::CustomerKind;
use patron::domain::fitted::contact_model::UsualContacts;
use patron::pb;
use patron::pb::OrderModelKind;

use super::{activate, fit, get, request, shop};
use crate::support::messages::{by_id, call, money, patch, purchase};
use crate::support::models::{store_model, store_model_with_contacts};
use crate::support::service::ServiceWithDatabase;

/// Contribution over a month without discount, all revenue margin.
const CONTRIBUTION: &str = "value: {currency: EUR, horizon_months: 1, monthly_discount: 0 %, basis: contribution, margin: 100 %}
channels: {phone: {cost: 45 EUR}}
attributes: {city: {family: geographic, type: text, description: City}}
tiers: [{name: gold, at_least: 10 EUR}, {name: bronze}]
schemes: {s: {mode: overlapping, description: d, segments: [{name: a, when: 'clv < money(\"0 EUR\")'}]}}
treatments:
  tiers:
    gold: {sla: {response: 1 h}, queue: a}
    bronze: {sla: {response: 4 h}, queue: c}
    UNRATED: {sla: {response: 8 h}, queue: d}
";

/// The day after so many days of 2020.
fn day(number: i32) -> String {
    let first: jiff::civil::Date = "2020-01-01".parse().unwrap();
    let span = jiff::Span::new().days(number);
    first.checked_add(span).unwrap().to_string()
}

#[tokio::test]
async fn two_and_a_half_calls_a_month_cost_more_than_a_product_of_15_brings() {
    let service = ServiceWithDatabase::start().await;
    // 48 months of 30.4375 days: a product a month, and 120 calls.
    let products: Vec<_> = (0..=48)
        .map(|month| purchase("ada", &month.to_string(), &day(month * 1_461 / 48), 1_500))
        .collect();
    service.write(&products).await;
    let calls: Vec<_> = (0..120)
        .map(|number| pb::Contact {
            cost: Some(money(4_500, "EUR")),
            ..call("ada", &number.to_string(), &day(number * 12))
        })
        .collect();
    service.write_contacts(&calls).await;
    service.publish(CONTRIBUTION).await;
    // An order a month, nobody leaves, 15 EUR an order: 6 * 5 / (3 - 1).
    let orders = (ModelKind::BgNbd, [48.0, 1_461.0 / 7.0, 1e-9, 1e9]);
    let spend = Some([6.0, 3.0, 5.0]);
    let as_of = day(1_461);
    let alone = store_model(&service.pool, orders, spend).await;
    activate(&service, alone).await.unwrap();
    let score = service.score(by_id("ada"), &as_of).await.score.unwrap();
    assert_eq!(score.lifetime_value, Some(money(-9_750, "EUR")));
    assert!((score.expected_cost_to_serve.unwrap() - 112.50).abs() < 1e-6);

    // Persons usually call half a time in 20 weeks at 40 EUR, which counts for 6 calls: (0.5 + 120) / (20 + 1461/7) calls a week of
    // (6 * 40 + 120 * 45) / 126 EUR are 102.54 EUR a month.
    let usual = UsualContacts {
        kind: CustomerKind::Person,
        channel: "phone".into(),
        rate: ContactRate::new(0.5, 20.0).unwrap(),
        cost: Some((
            ContactCost {
                mean: 40.0,
                weight_contacts: 6.0,
            },
            "EUR".parse().unwrap(),
        )),
        recorded_cost_share: 1.0,
        customers: 100,
    };
    let version = store_model_with_contacts(&service.pool, orders, spend, vec![usual]).await;
    let shown = get(&service, version).await.unwrap().contact_rates;
    assert_eq!((shown.len(), &*shown[0].channel), (1, "phone"));
    assert!((shown[0].mean_per_month - 0.5 / 20.0 * 30.4375 / 7.0).abs() < 1e-12);
    activate(&service, version).await.unwrap();
    let score = service.score(by_id("ada"), &as_of).await.score.unwrap();
    assert_eq!(score.lifetime_value, Some(money(-8_754, "EUR")));
    assert!((score.expected_cost_to_serve.unwrap() - 102.544_707_920_644_84).abs() < 1e-6);
}

#[tokio::test]
async fn a_fit_learns_how_often_each_kind_calls_and_what_that_costs() {
    let service = ServiceWithDatabase::start().await;
    shop(300).ingest(&service).await;
    // 26 weeks until the day of the fit: persons call never or once, companies never or 13 times.
    let (mut patches, mut calls, mut bought) = (vec![], vec![], vec![]);
    for at in 0..40 {
        let company = at % 2 == 0;
        let id = format!("caller-{at}");
        if company {
            patches.push(pb::CustomerPatch {
                kind: pb::CustomerKind::Company.into(),
                ..patch(&id)
            });
        }
        bought.push(purchase(&id, "1", "2026-05-24", 1_000));
        if at % 4 < 2 {
            for number in 0..if company { 13 } else { 1 } {
                calls.push(pb::Contact {
                    channel: "hotline".to_owned(),
                    cost: Some(money(4_500, "EUR")),
                    ..call(&id, &number.to_string(), "2026-06-01")
                });
            }
        }
    }
    service.write_customers(&patches).await;
    service.write(&bought).await;
    service.write_contacts(&calls).await;
    let model = fit(&service, request(OrderModelKind::MbgNbd, ""))
        .await
        .unwrap();
    let of = |kind: pb::CustomerKind| {
        let mut rates = model.contact_rates.iter();
        let found = rates.find(|it| it.kind() == kind && it.channel == "hotline");
        found.unwrap().clone()
    };
    let (persons, companies) = (of(pb::CustomerKind::Person), of(pb::CustomerKind::Company));
    assert!(
        companies.mean_per_month > 20.0 * persons.mean_per_month,
        "{companies:?} {persons:?}"
    );
    assert!(
        companies.shape < 1.0,
        "half of them never call: {companies:?}"
    );
    for rate in [&persons, &companies] {
        assert!(rate.customers > 20, "{rate:?}");
        assert!(
            (rate.cost_per_contact.unwrap() - 45.0).abs() < 1e-9,
            "{rate:?}"
        );
        assert_eq!(rate.cost_currency, "EUR");
    }
    // Kept with the version, and the same when fitted again.
    assert_eq!(get(&service, model.version).await.unwrap(), model);
    let again = fit(&service, request(OrderModelKind::MbgNbd, ""))
        .await
        .unwrap();
    assert_eq!(again.contact_rates, model.contact_rates);
}
