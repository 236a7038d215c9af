//! Answers outside the covariates that a version was fitted on are marked, with the name and the range.

use std::collections::BTreeSet;

use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::explain_segment_request::Target;

use super::evaluation::{evaluate, of_kind};
use super::planted::DEFINITIONS;
use super::{fit, get, request, shop};
use crate::support::messages::{attribute, by_id, patch, purchase};
use crate::support::service::{ServiceWithDatabase, TODAY};

/// A customer with a channel, as observed on a day.
fn on_channel(id: &str, channel: i64, observed_on: &str) -> pb::CustomerPatch {
    pb::CustomerPatch {
        attributes: vec![pb::AttributeValue {
            observed_on: observed_on.to_owned(),
            ..attribute("channel", Some(Value::IntValue(channel)))
        }],
        ..patch(id)
    }
}

#[tokio::test]
async fn an_answer_beyond_the_fitted_covariates_names_them_with_their_range() {
    let service = ServiceWithDatabase::start().await;
    let shop = shop(200);
    shop.ingest(&service).await;
    service.publish(DEFINITIONS).await;
    let customers = shop.transactions.iter().map(|it| it.customer_id.clone());
    let customers: BTreeSet<String> = customers.collect();
    // Channels 2 to 4.
    let patches = customers
        .iter()
        .zip((2..=4).cycle())
        .map(|(id, channel)| on_channel(id, channel, "2020-01-01"));
    let patches: Vec<pb::CustomerPatch> = patches.collect();
    for batch in patches.chunks(500) {
        service.write_customers(batch).await;
    }
    let request = pb::FitModelRequest {
        covariates: vec!["channel".to_owned()],
        ..request(pb::OrderModelKind::MbgNbd, TODAY)
    };
    let model = fit(&service, request).await.unwrap();
    assert!(model.active, "{model:?}");
    let fitted = model.covariates.as_ref().unwrap();
    assert_eq!(
        (&fitted.minima[..], &fitted.maxima[..]),
        (&[2.0][..], &[4.0][..])
    );
    let asked = of_kind(pb::OrderModelKind::MbgNbd, "2025-11-22", TODAY);
    let evaluated = evaluate(&service, asked).await.unwrap();
    assert_eq!(model.first_purchase_on, evaluated.first_day);
    assert_eq!(get(&service, model.version).await.unwrap(), model);

    service
        .write(&[purchase("odd", "1", "2026-06-01", 5_000)])
        .await;
    service
        .write_customers(&[on_channel("odd", 9, "2026-06-01")])
        .await;
    let expected = [pb::ExtrapolatedCovariate {
        name: "channel".to_owned(),
        value: 9.0,
        fitted_min: 2.0,
        fitted_max: 4.0,
    }];
    let score = service.score(by_id("odd"), "").await.score.unwrap();
    assert_eq!(score.extrapolated_covariates, expected);
    let classified = service
        .classify(by_id("odd"), "")
        .await
        .classification
        .unwrap();
    assert_eq!(classified.extrapolated_covariates, expected);
    let everything = service.explain(by_id("odd"), None::<Target>).await.unwrap();
    let explanation = everything.explanation.unwrap();
    assert_eq!(explanation.extrapolated_covariates, expected);
    // Within the range nothing is extrapolated; on the day before it was.
    service
        .write_customers(&[on_channel("odd", 4, "2026-06-02")])
        .await;
    let inside = service.score(by_id("odd"), "").await.score.unwrap();
    assert_eq!(inside.extrapolated_covariates, []);
    let before = service
        .score(by_id("odd"), "2026-06-01")
        .await
        .score
        .unwrap();
    assert_eq!(before.extrapolated_covariates, expected);
    let classified = service
        .classify(by_id("odd"), "")
        .await
        .classification
        .unwrap();
    assert_eq!(classified.extrapolated_covariates, []);
}
