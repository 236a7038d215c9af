//! Refunds that name a purchase in another currency: each is subtracted by the rate of its own day, when somebody asks.
//!
//! Ada buys for 100.00 EUR on 2026-01-05 and for 200.00 EUR on 2026-02-10. Of the second purchase she gets 110.00 USD back on 2026-03-01,
//! when a dollar is 0.50 EUR: 55.00 EUR, so 145.00 EUR are left. The rate of the purchase's day, 0.90, must not count.

use patron::pb;
use patron::pb::UnratedReason;
use patron::pb::explain_segment_request::Target;
use patron::pb::get_cost_to_serve_request::Whose;
use patron::pb::item_result::Outcome;

use super::{activate_model, assert_near, mean, rate, score, send};
use crate::support::messages::{by_id, money, purchase, refund};
use crate::support::service::{Service, ServiceWithDatabase, assert_outcomes};

const AS_OF: &str = "2026-06-30";
const DOCUMENT: &str =
    "value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
tiers: [{name: gold, at_least: 250 EUR}, {name: bronze}]
schemes:
  s:
    mode: overlapping
    description: d
    segments:
      - {name: spends, when: 'spend(days(365)) == money(\"245 EUR\")'}
treatments:
  tiers:
    gold: {sla: {response: 1 h}, queue: a}
    bronze: {sla: {response: 4 h}, queue: c}
    UNRATED: {sla: {response: 8 h}, queue: d}
";

fn purchases() -> Vec<pb::Transaction> {
    vec![
        purchase("ada", "1", "2026-01-05", 10_000),
        purchase("ada", "2", "2026-02-10", 20_000),
    ]
}

fn dollars_back(id: &str, day: &str, amount_minor: i64) -> pb::Transaction {
    pb::Transaction {
        amount: Some(money(amount_minor, "USD")),
        ..refund("ada", id, "2", day, 0)
    }
}

async fn start() -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    service.publish(DOCUMENT).await;
    service.write(&purchases()).await;
    activate_model(&service).await;
    service
}

async fn send_rates(service: &Service) {
    let rates = [("2026-02-01", "0.90"), ("2026-03-01", "0.50")];
    let rates = rates.map(|one| rate("USD", "EUR", one));
    assert_outcomes(&send(service, &rates).await, Outcome::Written);
}

async fn income(service: &Service) -> pb::Income {
    let request = pb::GetCostToServeRequest {
        whose: Some(Whose::Subject(by_id("ada"))),
        months: 12,
        as_of: AS_OF.to_owned(),
    };
    let answer = service.desk().get_cost_to_serve(request).await;
    answer.unwrap().into_inner().income.unwrap()
}

#[tokio::test]
async fn a_refund_in_another_currency_lowers_its_purchase_by_the_rate_of_its_own_day() {
    let service = start().await;
    service
        .write(&[dollars_back("r", "2026-03-01", 11_000)])
        .await;
    // Without a rate there is no value, whatever currency the purchases are in.
    let before = score(&service, AS_OF).await;
    assert_eq!(before.unrated_reason(), UnratedReason::NoRate);
    let missing = pb::MissingRate {
        from_currency: "USD".to_owned(),
        to_currency: "EUR".to_owned(),
        day: "2026-03-01".to_owned(),
    };
    assert_eq!(before.missing_rates, [missing]);
    assert_eq!(income(&service).await.missing[0].currency, "USD");
    // On the day before the refund there is nothing to convert.
    assert_near(mean(&score(&service, "2026-02-28").await), 200.0);

    send_rates(&service).await;
    let after = score(&service, AS_OF).await;
    assert_near(mean(&after), 145.0);
    assert!(after.lifetime_value.is_some());
    assert_eq!(after.converted_from, ["USD"]);
    let oldest = pb::UsedRate {
        day: "2026-03-01".to_owned(),
        from_currency: "USD".to_owned(),
        to_currency: "EUR".to_owned(),
    };
    assert_eq!(after.oldest_rate, Some(oldest.clone()));
    let classified = service.classify(by_id("ada"), AS_OF).await;
    let classified = classified.classification.unwrap();
    assert_eq!(classified.oldest_rate, Some(oldest.clone()));
    assert_eq!(classified.segments[0].segment, "s/spends");
    assert_near(mean(&score(&service, "2026-02-28").await), 200.0);
    // 100.00 and 145.00 EUR.
    let purchases = income(&service).await.purchases;
    assert_eq!(purchases, Some(money(24_500, "EUR")));

    let explained = service
        .explain(by_id("ada"), Some(Target::Scheme("s".to_owned())))
        .await
        .unwrap();
    let clause = explained.explanation.unwrap().segments[0].clause.clone();
    let clause = clause.unwrap();
    assert_eq!(clause.converted_from, ["USD"]);
    assert_eq!(clause.oldest_rate, Some(oldest.clone()));
    let tier = service.explain(by_id("ada"), None).await.unwrap();
    let tier = tier.explanation.unwrap().tier.unwrap();
    assert_eq!(tier.oldest_rate, Some(oldest));
}

#[tokio::test]
async fn the_profile_shows_the_refund_with_its_purchase() {
    let service = start().await;
    // The refund arrives before another purchase of the same day, and again.
    let back = dollars_back("r", "2026-03-01", 11_000);
    service.write(std::slice::from_ref(&back)).await;
    assert_outcomes(&service.send(&[back]).await, Outcome::Duplicate);
    service
        .write(&[purchase("ada", "3", "2026-02-10", 1_000)])
        .await;
    let customer = service.customer("ada").await;
    assert_eq!(customer.unmatched_refund_count, 0);
    let days: Vec<_> = customer
        .purchase_days
        .iter()
        .map(|day| {
            (
                &*day.day,
                day.count,
                day.amount.clone().unwrap().amount_minor,
            )
        })
        .collect();
    let expected = [
        ("2026-01-05", 1, 10_000),
        ("2026-02-10", 1, 1_000),
        ("2026-02-10", 1, 20_000),
    ];
    assert_eq!(days, expected);
    let refund = pb::ForeignRefund {
        day: "2026-03-01".to_owned(),
        amount: Some(money(11_000, "USD")),
        cost_minor: None,
    };
    assert_eq!(customer.purchase_days[2].foreign_refunds, [refund]);
    assert_eq!(customer.purchase_days[1].foreign_refunds, []);
}

#[tokio::test]
async fn more_than_was_paid_leaves_nothing_and_the_order_stays_one() {
    let service = start().await;
    send_rates(&service).await;
    // 55.00 and 150.00 EUR of 200.00 EUR.
    service
        .write(&[
            dollars_back("r1", "2026-03-01", 11_000),
            dollars_back("r2", "2026-03-02", 30_000),
        ])
        .await;
    let score = score(&service, AS_OF).await;
    assert_near(mean(&score) + 1.0, 1.0);
    assert_eq!(score.inputs.as_ref().unwrap().frequency, 1);
    assert_eq!(income(&service).await.purchases, Some(money(10_000, "EUR")));
    // A reversal takes the order back, and with it what the refunds could be taken from.
    let reversal = pb::Transaction {
        kind: pb::transaction::Kind::Reversal.into(),
        ..refund("ada", "v", "2", "2026-03-03", 0)
    };
    service.write(&[reversal]).await;
    let customer = service.customer("ada").await;
    assert_eq!(customer.purchase_days.len(), 1);
    assert_eq!(customer.unmatched_refund_count, 2);
    assert_eq!(customer.unmatched_refunds, [money(41_000, "USD")]);
}

#[tokio::test]
async fn a_fit_and_an_evaluation_take_what_is_left() {
    let service = start().await;
    send_rates(&service).await;
    service
        .write(&[dollars_back("r", "2026-03-01", 11_000)])
        .await;
    let fitted = service
        .models()
        .fit_model(pb::FitModelRequest {
            until: AS_OF.to_owned(),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner()
        .model
        .unwrap();
    assert_eq!(fitted.unconvertible_customers, 0);
    let spend = fitted.spend.unwrap();
    assert_eq!(spend.customers, 1);
    // Published again, nobody lacks a rate; without rates the one customer does.
    let service = start().await;
    service
        .write(&[dollars_back("r", "2026-03-01", 11_000)])
        .await;
    let request = pb::PublishDefinitionsRequest {
        document: DOCUMENT.replace("description: d", "description: e"),
        ..Default::default()
    };
    let published = service.definitions().publish_definitions(request).await;
    let published = published.unwrap().into_inner();
    assert_eq!(published.unconvertible_customers, Some(1), "{published:?}");
}
