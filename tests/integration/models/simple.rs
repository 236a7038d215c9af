//! Shops that are simpler than the models: nothing of what they lack takes an answer away.

use patron::pb;
use patron::pb::{OrderModelKind, ParameterEstimation, UnratedReason};

use super::evaluation::evaluate;
use super::{fit, request};
use crate::support::messages::{by_id, purchase};
use crate::support::service::{ServiceWithDatabase, TODAY};

/// Customers who bought every month since they came, and have not left; `cents` of each order.
fn monthly(customers: i32, cents: impl Fn(i32, i32) -> i64) -> Vec<pb::Transaction> {
    let today: jiff::civil::Date = TODAY.parse().unwrap();
    let mut bought = vec![];
    for customer in 0..customers {
        let orders = 4 + customer % 9;
        for order in 0..=orders {
            // Not to the day, or days would be all that is known of them.
            let ago = order * 30 + (customer * 7 + order * 11) % 13;
            let day = today.saturating_sub(jiff::Span::new().days(ago));
            let (id, number) = (format!("c{customer}"), order.to_string());
            let paid = cents(customer, order);
            bought.push(purchase(&id, &number, &day.to_string(), paid));
        }
    }
    bought
}

async fn service_with(bought: &[pb::Transaction]) -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    for batch in bought.chunks(1_000) {
        service.write(batch).await;
    }
    service
}

/// The score of one of them, with intervals.
async fn score(service: &ServiceWithDatabase) -> pb::LifetimeValueScore {
    let request = pb::ScoreLifetimeValueRequest {
        subject: Some(by_id("c5")),
        interval_level: Some(0.9),
        ..Default::default()
    };
    let answer = service.scoring().score_lifetime_value(request).await;
    answer.unwrap().into_inner().score.unwrap()
}

#[tokio::test]
async fn a_shop_whose_customers_never_leave_has_answers_with_intervals() {
    // 20 to 60 EUR, and each customer's orders vary too.
    let amount = |customer: i32, order: i32| {
        i64::from(2_000 + customer % 40 * 100 + (customer * 31 + order * 17) % 23 * 40)
    };
    let service = service_with(&monthly(120, amount)).await;
    for kind in [
        OrderModelKind::MbgNbd,
        OrderModelKind::BgNbd,
        OrderModelKind::ParetoNbd,
    ] {
        let model = fit(&service, request(kind, "")).await.unwrap();
        assert!(model.active, "{model:?}");
        let why = model.orders.unwrap().weak_prior_reason;
        assert!(why.contains("log-normal priors"), "{kind:?}: {why}");
        let found = score(&service).await;
        assert_eq!(found.unrated_reason(), UnratedReason::Unspecified);
        assert_eq!(
            found.parameter_estimation(),
            ParameterEstimation::WeakPriors
        );
        // Once a month, and nobody leaves.
        let orders = found.expected_orders.unwrap();
        assert!((9.0..14.0).contains(&orders), "{kind:?}: {orders}");
        let interval = found.orders_interval.unwrap();
        assert!(interval.low < orders && orders < interval.high);
        assert_eq!(found.interval_absent_reason, "");
    }
}

#[tokio::test]
async fn the_backtest_of_a_shop_whose_customers_never_leave_names_the_priors_and_has_intervals() {
    let service = service_with(&monthly(120, |customer, _| i64::from(2_000 + customer))).await;
    let request = pb::EvaluateModelRequest {
        split_on: "2026-08-22".to_owned(),
        until: TODAY.to_owned(),
        ..Default::default()
    };
    let found = evaluate(&service, request).await.unwrap();
    let set = &found.parameters[0];
    assert!(
        set.converged && !set.weak_prior_reason.is_empty(),
        "{set:?}"
    );
    let orders = found.groups[0].orders.as_ref().unwrap();
    let total = orders.total.as_ref().unwrap();
    assert!(total.low < total.expected && total.expected < total.high);
}

#[tokio::test]
async fn a_shop_with_one_price_or_two_alike_values_orders_at_it() {
    for (other, expected) in [(990, 9.90), (991, 9.905)] {
        let one_or_other = |_, order: i32| if order % 2 == 0 { 990 } else { other };
        let service = service_with(&monthly(60, one_or_other)).await;
        let model = fit(&service, pb::FitModelRequest::default()).await.unwrap();
        assert!(model.active, "{model:?}");
        let found = score(&service).await;
        let spend = found.expected_spend_per_order.unwrap();
        assert!((spend - expected).abs() < 0.01, "{spend}");
        assert!(found.lifetime_value.is_some(), "{found:?}");
        assert_eq!(found.interval_absent_reason, "");
        // Only the number of orders is uncertain.
        let (orders, paid) = (
            found.orders_interval.unwrap(),
            found.spend_interval.unwrap(),
        );
        for (orders, paid) in [(orders.low, paid.low), (orders.high, paid.high)] {
            assert!(
                (paid - orders * expected).abs() <= 0.02 * paid,
                "{paid} {orders}"
            );
        }
    }
}
