//! The orders that spend is fitted to: chosen, reported, kept with the version and taken of each customer.

use patron::pb;
use patron::pb::{OrderModelKind, SpendOrders};
use tonic::Code;

use super::evaluation::{evaluate, of_kind, of_version};
use super::{fit, get, request, shop};
use crate::support::messages::{by_id, purchase, violated};
use crate::support::service::{Service, ServiceWithDatabase, TODAY};

const CHOICES: [SpendOrders; 3] = [
    SpendOrders::All,
    SpendOrders::Repeat,
    SpendOrders::RepeatMeans,
];

async fn fit_to(service: &Service, orders: SpendOrders) -> pb::Model {
    let asked = pb::FitModelRequest {
        spend_orders: orders.into(),
        ..request(OrderModelKind::MbgNbd, "")
    };
    fit(service, asked).await.unwrap()
}

/// The fit without its duration.
fn spend(model: &pb::Model) -> pb::FitReport {
    pb::FitReport {
        fit_duration: None,
        ..model.spend.clone().unwrap()
    }
}

#[tokio::test]
async fn a_fit_reports_its_orders_and_scores_take_the_same() {
    let service = ServiceWithDatabase::start().await;
    shop(300).ingest(&service).await;
    service
        .write(&[
            purchase("ada", "1", "2026-09-01", 500_000),
            purchase("bob", "1", "2026-09-01", 3_000),
            purchase("cyd", "1", "2026-08-01", 1_000),
            purchase("cyd", "2", "2026-09-01", 100_000),
            purchase("dan", "1", "2026-08-01", 100_000),
            purchase("dan", "2", "2026-09-01", 1_000),
            purchase("eve", "1", "2026-09-01", 0),
        ])
        .await;
    let mut customers = vec![];
    for orders in CHOICES {
        let model = fit_to(&service, orders).await;
        assert!(model.active, "{model:?}");
        assert_eq!(model.spend_orders(), orders);
        let stored = get(&service, model.version).await.unwrap();
        assert_eq!(stored.spend_orders(), orders);
        customers.push(spend(&model).customers);
        let score = async |id| service.score(by_id(id), "").await.score.unwrap();
        let per_order = async |id| score(id).await.expected_spend_per_order.unwrap();
        let (ada, bob) = (per_order("ada").await, per_order("bob").await);
        let (cyd, dan) = (per_order("cyd").await, per_order("dan").await);
        let (of_ada, of_eve) = (score("ada").await, score("eve").await);
        if orders == SpendOrders::All {
            assert!(ada > 20.0 * bob, "{ada} {bob}");
            assert!((cyd - dan).abs() < 1e-9, "{cyd} {dan}");
            let own = of_ada.spend_inputs.unwrap();
            assert_eq!((own.orders, own.paid_share), (1, 1.0));
            assert!((own.mean_amount - 5_000.0).abs() < 1e-9);
            let free = of_eve.spend_inputs.unwrap();
            assert_eq!((free.orders, free.paid_share), (0, 0.0));
            assert_eq!(of_eve.expected_spend_per_order, Some(0.0));
        } else {
            assert_eq!(of_ada.spend_inputs, None);
            assert!((ada - bob).abs() < 1e-9, "{ada} {bob}");
            assert!(cyd > 5.0 * dan, "{cyd} {dan}");
        }
        // What the literature calls the monetary value is the same under each.
        let inputs = score("cyd").await.inputs.unwrap();
        assert_eq!(inputs.monetary_value, Some(1_000.0));
    }
    // Everybody who paid, against everybody who paid again.
    assert!(customers[0] > customers[1], "{customers:?}");
    assert_eq!(customers[1], customers[2]);
    // The default is the first.
    let default = fit_to(&service, SpendOrders::Unspecified).await;
    assert_eq!(default.spend_orders(), SpendOrders::All);
    assert_eq!(spend(&default).customers, customers[0]);
}

#[tokio::test]
async fn an_evaluation_compares_the_choices() {
    let service = ServiceWithDatabase::start().await;
    shop(300).ingest(&service).await;
    let split = "2026-03-31";
    for orders in CHOICES {
        let asked = pb::EvaluateModelRequest {
            spend_orders: orders.into(),
            ..of_kind(OrderModelKind::MbgNbd, split, TODAY)
        };
        let found = evaluate(&service, asked).await.unwrap();
        assert_eq!(found.spend_orders(), orders);
        let until = pb::FitModelRequest {
            spend_orders: orders.into(),
            keep_inactive: true,
            ..request(OrderModelKind::MbgNbd, split)
        };
        let model = fit(&service, until).await.unwrap();
        // The version of that day has the same parameters, and forecasts by its own orders.
        let stored = evaluate(&service, of_version(model.version, split)).await;
        let stored = stored.unwrap();
        assert_eq!(stored.spend_orders(), orders);
        let errors = |found: &pb::ModelEvaluation| {
            let spend = found.groups[0].spend.as_ref().unwrap();
            spend.accuracy[0].mean_absolute_error
        };
        let (one, other) = (errors(&found), errors(&stored));
        assert!((one - other).abs() < 1e-4 * other, "{one} {other}");
    }
    let unknown = pb::FitModelRequest {
        spend_orders: 9,
        ..request(OrderModelKind::MbgNbd, "")
    };
    let status = fit(&service, unknown).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(violated(&status), ["spend_orders"]);
    let with_version = pb::EvaluateModelRequest {
        spend_orders: SpendOrders::All.into(),
        ..of_version(1, split)
    };
    let status = evaluate(&service, with_version).await.unwrap_err();
    assert_eq!(violated(&status), ["spend_orders"]);
}

/// The part of the migration that fills the columns of profiles that are stored already.
fn backfill() -> &'static str {
    let migration = include_str!("../../../migrations/0025_paid_days.up.sql");
    let (_, fill) = migration.split_once("one by one.\n").unwrap();
    fill.split_once("END").unwrap().0
}

/// A customer with the three columns.
type PaidRow = (String, Option<i32>, Option<i64>, Option<i64>);

#[tokio::test]
async fn profiles_of_an_earlier_program_are_fitted_alike_before_and_after_their_columns_are_filled()
{
    let service = ServiceWithDatabase::start().await;
    shop(300).ingest(&service).await;
    service
        .write(&[purchase("eve", "1", "2026-09-01", 0)])
        .await;
    let columns = async || {
        let rows: Vec<PaidRow> = sqlx::query_as(
            "SELECT customer_id, paid_day_count, paid_amount_minor, paid_log_sum_nano
             FROM profiles
             ORDER BY customer_id",
        )
        .fetch_all(&service.pool)
        .await
        .unwrap();
        rows
    };
    let refunded: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT customer_id FROM transactions WHERE kind <> 1")
            .fetch_all(&service.pool)
            .await
            .unwrap();
    assert!(!refunded.is_empty());
    let written = columns().await;
    let mut before = vec![];
    for orders in CHOICES {
        before.push(spend(&fit_to(&service, orders).await));
    }
    let empty = "UPDATE profiles
                 SET paid_day_count = NULL, paid_amount_minor = NULL, paid_log_sum_nano = NULL";
    sqlx::query(empty).execute(&service.pool).await.unwrap();
    for (orders, before) in CHOICES.into_iter().zip(&before) {
        assert_eq!(&spend(&fit_to(&service, orders).await), before);
    }
    sqlx::query(backfill())
        .execute(&service.pool)
        .await
        .unwrap();
    for (filled, written) in columns().await.into_iter().zip(written) {
        if refunded.contains(&written.0) {
            assert_eq!(filled, (written.0, None, None, None));
        } else {
            assert_eq!(filled, written);
        }
    }
    for (orders, before) in CHOICES.into_iter().zip(&before) {
        assert_eq!(&spend(&fit_to(&service, orders).await), before);
    }
}
