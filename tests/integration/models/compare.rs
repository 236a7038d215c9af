//! `CompareModels` against `EvaluateModel` of each model, and the criteria reckoned by hand.

use patron::pb;
use patron::pb::{FitGrouping, Forecaster, OrderModelKind};
use tonic::Code;

use super::evaluation::evaluate;
use super::{fit, request, shop};
use crate::support::messages::{money, purchase, reason, violated};
use crate::support::service::{Service, ServiceWithDatabase, TODAY};

const SPLIT: &str = "2025-11-22";

async fn compare(
    service: &Service,
    request: pb::CompareModelsRequest,
) -> Result<pb::ModelComparison, tonic::Status> {
    let answer = service.models().compare_models(request).await?;
    Ok(answer.into_inner().comparison.unwrap())
}

fn split() -> pb::CompareModelsRequest {
    pb::CompareModelsRequest {
        split_on: SPLIT.to_owned(),
        until: TODAY.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_comparison_has_the_figures_of_each_evaluation_and_recommends_one() {
    let service = ServiceWithDatabase::start().await;
    shop(400).ingest(&service).await;
    let found = compare(&service, split()).await.unwrap();
    assert_eq!((&*found.split_on, &*found.until), (SPLIT, TODAY));
    assert_eq!(
        found.models.len(),
        9,
        "four models, pooled and by kind, and one with seasons"
    );
    assert!(found.models[0].recommended, "{found:?}");
    assert!(!found.recommendation_reason.is_empty());
    assert!(found.models[1..].iter().all(|model| !model.recommended));
    for model in found.models.iter().filter(|it| it.absent_reason.is_empty()) {
        let evaluation = pb::EvaluateModelRequest {
            kind: model.kind,
            grouping: model.grouping,
            seasonal: model.seasonal,
            split_on: SPLIT.to_owned(),
            until: TODAY.to_owned(),
            ..Default::default()
        };
        let evaluation = evaluate(&service, evaluation).await.unwrap();
        let all = &evaluation.groups[0];
        let orders = all.orders.as_ref().unwrap();
        let own = orders.accuracy.iter();
        let own = own.copied().find(|it| it.forecaster() == Forecaster::Model);
        assert_eq!(model.orders, own);
        assert_eq!(model.orders_total, orders.total);
        let brier = all.buyers.as_ref().unwrap().brier_score;
        assert_eq!(model.brier_score, Some(brier));
        assert_eq!(found.customers, all.customers);
    }
    // The likelihood of a pooled model is that of a fit until the split.
    let pooled = found.models.iter();
    let pooled = pooled.filter(|it| it.grouping() == FitGrouping::Unspecified);
    for model in pooled.filter(|it| it.absent_reason.is_empty()) {
        let report = fit(&service, request(model.kind(), SPLIT)).await.unwrap();
        let orders = report.orders.unwrap();
        assert_eq!(model.log_likelihood, Some(orders.log_likelihood));
        // The number of stages is a parameter too.
        let parameters = f64::from(4 + i32::from(orders.stages > 0));
        assert!((f64::from(model.parameter_count) - parameters).abs() < 1e-9);
        let customers = f64::from(u32::try_from(orders.customers).unwrap());
        let bic = parameters * customers.ln() - 2.0 * orders.log_likelihood;
        assert!((model.bic.unwrap() - bic).abs() < 1e-9);
        assert!(
            (model.aic.unwrap() - (2.0 * parameters - 2.0 * orders.log_likelihood)).abs() < 1e-9
        );
    }
}

#[tokio::test]
async fn the_orders_that_spend_is_fitted_to_are_compared_by_the_amounts_of_the_holdout() {
    let service = ServiceWithDatabase::start().await;
    shop(400).ingest(&service).await;
    let found = compare(&service, split()).await.unwrap();
    let choices = found.spend_choices.iter();
    let orders: Vec<pb::SpendOrders> = choices.map(pb::ComparedSpend::spend_orders).collect();
    let [all, repeat, means] = [
        pb::SpendOrders::All,
        pb::SpendOrders::Repeat,
        pb::SpendOrders::RepeatMeans,
    ];
    assert_eq!(orders, [all, repeat, means]);
    let recommended = found.spend_choices.iter().filter(|it| it.recommended);
    assert_eq!(recommended.count(), 1);
    assert!(!found.spend_recommendation_reason.is_empty());
    for choice in &found.spend_choices {
        // What came does not depend on the choice, and is the spend of an evaluation.
        let evaluation = pb::EvaluateModelRequest {
            spend_orders: choice.spend_orders,
            split_on: SPLIT.to_owned(),
            until: TODAY.to_owned(),
            ..Default::default()
        };
        let evaluation = evaluate(&service, evaluation).await.unwrap();
        let spend = &evaluation.groups[0].spend.as_ref().unwrap().accuracy[0];
        let given = choice.given_orders.unwrap();
        assert_eq!(given.customers, spend.customers);
        assert!((given.actual_total - spend.actual_total).abs() < 1e-6);
        // To know the number of orders leaves the smaller error.
        assert!(
            given.mean_absolute_error < spend.mean_absolute_error,
            "{choice:?}"
        );
        let buyers = evaluation.groups[0].buyers.as_ref().unwrap();
        let per_order = choice.per_order.unwrap();
        #[expect(clippy::cast_precision_loss, reason = "hundreds")]
        let (paid, customers) = (per_order.customers as f64, spend.customers as f64);
        assert!(paid > 0.0 && paid <= buyers.actual_share * customers + 1e-6);
        assert!(per_order.correlation.is_some());
    }
    let dollars = pb::Transaction {
        amount: Some(money(100, "USD")),
        ..purchase("somebody", "1", TODAY, 0)
    };
    service.write(&[dollars]).await;
    let found = compare(&service, split()).await.unwrap();
    assert_eq!(found.spend_recommendation_reason, "");
    let absent = |it: &pb::ComparedSpend| it.absent_reason.contains("USD") && !it.recommended;
    assert!(found.spend_choices.iter().all(absent), "{found:?}");
}

#[tokio::test]
async fn without_a_split_the_last_quarter_is_the_holdout() {
    let service = ServiceWithDatabase::start().await;
    shop(300).ingest(&service).await;
    let found = compare(&service, pb::CompareModelsRequest::default())
        .await
        .unwrap();
    let evaluation = pb::EvaluateModelRequest {
        kind: OrderModelKind::MbgNbd.into(),
        split_on: found.split_on.clone(),
        ..Default::default()
    };
    let evaluation = evaluate(&service, evaluation).await.unwrap();
    let day = |text: &str| text.parse::<jiff::civil::Date>().unwrap();
    let first = day(&evaluation.first_day);
    let whole = (day(&found.until) - first).get_days();
    assert_eq!(found.until, evaluation.until);
    assert_eq!(found.holdout_days, whole / 4);
}

#[tokio::test]
async fn what_cannot_be_compared_is_refused_with_its_reason() {
    let service = ServiceWithDatabase::start().await;
    let nothing = compare(&service, pb::CompareModelsRequest::default()).await;
    assert_eq!(reason(&nothing.unwrap_err()), "NOTHING_TO_EVALUATE");
    let wrong = pb::CompareModelsRequest {
        split_on: "yesterday".to_owned(),
        covariates: vec!["nobody_knows".to_owned()],
        ..Default::default()
    };
    let wrong = compare(&service, wrong).await.unwrap_err();
    assert_eq!(wrong.code(), Code::InvalidArgument);
    let fields = violated(&wrong);
    assert!(
        fields.iter().any(|it| it.contains("split_on")),
        "{fields:?}"
    );
    assert!(
        fields.iter().any(|it| it.contains("covariates")),
        "{fields:?}"
    );
}
