//! Fields of an answer about one customer.

use patron::pb;
use patron::pb::explain_segment_request::Target;
use prost::Message as _;
use prost_types::FieldMask;
use tonic::Code;

use crate::server::raw;
use crate::support::messages::{by_id, by_phone, call, patch, phone, purchase, violated};
use crate::support::models::{BG, SPEND, store_model};
use crate::support::service::ServiceWithDatabase;

const EXAMPLE: &str = include_str!("../../../examples/definitions.yaml");
const SHARED: &str = "+493023125002";

fn mask(paths: &[&str]) -> FieldMask {
    let paths = paths.iter().map(|&path| path.to_owned()).collect();
    FieldMask { paths }
}

async fn service() -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    let mut patches = ["ada", "bob"].map(patch);
    for patch in &mut patches {
        patch.display_name = Some("Name".to_owned());
        patch.add_identifiers = vec![phone(SHARED)];
    }
    service.write_customers(&patches).await;
    let bought =
        [1, 2, 3].map(|day| purchase("ada", &day.to_string(), &format!("2026-01-0{day}"), 900));
    service.write(&bought).await;
    service
        .write_contacts(&[call("ada", "1", "2026-01-05")])
        .await;
    store_model(&service.pool, BG, Some(SPEND)).await;
    service.publish(EXAMPLE).await;
    service
}

#[tokio::test]
async fn a_mask_of_classify_returns_the_named_fields_and_what_names_the_customer() {
    let service = service().await;
    let classify = async |subject: pb::Subject, as_of: &str, paths: &[&str]| {
        let request = pb::ClassifyRequest {
            subject: Some(subject),
            as_of: as_of.to_owned(),
            read_mask: Some(mask(paths)),
        };
        let answer = service.scoring().classify(request).await;
        answer.unwrap().into_inner()
    };
    for as_of in ["", "2026-01-31"] {
        let all = classify(by_id("ada"), as_of, &[]).await;
        assert_eq!(classify(by_id("ada"), as_of, &["*"]).await, all);
        let whole = all.classification.unwrap();
        // The second time from memory.
        for _ in 0..2 {
            let one = classify(by_id("ada"), as_of, &["tier", "lifetime_value"]).await;
            let expected = pb::ClassifyResponse {
                r#match: pb::Match::One.into(),
                classification: Some(pb::Classification {
                    customer_id: "ada".to_owned(),
                    tier: whole.tier.clone(),
                    lifetime_value: whole.lifetime_value.clone(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            assert_eq!(one, expected);
        }
        let both = classify(by_phone(SHARED), as_of, &["kind", "candidates"]).await;
        assert_eq!(both.r#match(), pb::Match::Ambiguous);
        let candidates = both.candidates.iter();
        let found: Vec<&str> = candidates.map(|it| &*it.customer_id).collect();
        assert_eq!(found, ["ada", "bob"]);
        assert!(both.candidates[0].tier.is_none() && both.provenance.is_none());
    }
}

#[tokio::test]
async fn a_score_an_explanation_and_a_profile_have_masks_too() {
    let service = service().await;
    let scored = async |paths: &[&str]| {
        let request = pb::ScoreLifetimeValueRequest {
            subject: Some(by_id("ada")),
            read_mask: Some(mask(paths)),
            ..Default::default()
        };
        let answer = service.scoring().score_lifetime_value(request).await;
        answer.unwrap().into_inner().score.unwrap()
    };
    let (all, one) = (scored(&[]).await, scored(&["horizon_months"]).await);
    let expected = pb::LifetimeValueScore {
        customer_id: "ada".to_owned(),
        horizon_months: all.horizon_months,
        ..Default::default()
    };
    assert!(all.horizon_months > 0 && all.provenance.is_some());
    assert_eq!(one, expected);
    let explained = async |paths: &[&str]| {
        let request = pb::ExplainSegmentRequest {
            subject: Some(by_id("ada")),
            target: Some(Target::Scheme("attention".to_owned())),
            read_mask: Some(mask(paths)),
            ..Default::default()
        };
        let answer = service.scoring().explain_segment(request).await;
        answer.unwrap().into_inner()
    };
    let all = explained(&[]).await;
    let one = explained(&["segments"]).await;
    let expected = pb::ExplainSegmentResponse {
        provenance: None,
        explanation: all.explanation.map(|whole| pb::Explanation {
            customer_id: whole.customer_id,
            segments: whole.segments,
            ..Default::default()
        }),
        ..all
    };
    assert_eq!(one, expected);
    let found = async |paths: &[&str]| {
        let request = pb::GetCustomerRequest {
            subject: Some(by_id("ada")),
            read_mask: Some(mask(paths)),
            ..Default::default()
        };
        let answer = service.customers().get_customer(request).await;
        answer.unwrap().into_inner().customer.unwrap()
    };
    let (all, one) = (found(&[]).await, found(&["purchase_days", "kind"]).await);
    let expected = pb::Customer {
        customer_id: "ada".to_owned(),
        kind: all.kind,
        purchase_days: all.purchase_days.clone(),
        ..Default::default()
    };
    assert_eq!(all.contact_days.len(), 1);
    assert_eq!(one, expected);
}

#[tokio::test]
async fn a_name_that_is_no_field_is_refused_with_all_else_that_is_wrong() {
    let service = service().await;
    let wrong = "never".to_owned();
    let classify = pb::ClassifyRequest {
        as_of: wrong.clone(),
        read_mask: Some(mask(&["tier", "teir"])),
        ..Default::default()
    };
    let score = pb::ScoreLifetimeValueRequest {
        as_of: wrong.clone(),
        read_mask: Some(mask(&["probability"])),
        ..Default::default()
    };
    let explain = pb::ExplainSegmentRequest {
        as_of: wrong.clone(),
        read_mask: Some(mask(&["lifetime_value"])),
        ..Default::default()
    };
    let customer = pb::GetCustomerRequest {
        purchases_before: wrong,
        read_mask: Some(mask(&["tier"])),
        ..Default::default()
    };
    let refused = [
        service.scoring().classify(classify).await.unwrap_err(),
        service
            .scoring()
            .score_lifetime_value(score)
            .await
            .unwrap_err(),
        service
            .scoring()
            .explain_segment(explain)
            .await
            .unwrap_err(),
        service
            .customers()
            .get_customer(customer)
            .await
            .unwrap_err(),
    ];
    let days = ["as_of", "as_of", "as_of", "purchases_before"];
    for (status, day) in refused.iter().zip(days) {
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(violated(status), ["subject", day, "read_mask"]);
    }
}

#[tokio::test]
async fn a_masked_answer_has_fewer_bytes_and_one_without_a_mask_the_same() {
    let service = service().await;
    let bytes = async |read_mask: Option<FieldMask>| {
        let request = pb::ClassifyRequest {
            subject: Some(by_id("ada")),
            as_of: String::new(),
            read_mask,
        };
        let method = "patron.v1.ScoringService/Classify";
        let (headers, bytes) = raw::exchange(service.app.address, method, &request, &[]).await;
        assert_eq!(headers["grpc-status"], "0");
        bytes
    };
    let all = bytes(None).await;
    assert_eq!(bytes(Some(mask(&[]))).await, all);
    let tier = bytes(Some(mask(&["tier"]))).await;
    assert!(
        tier.len() < all.len() / 4,
        "{} of {}",
        tier.len(),
        all.len()
    );
    let decoded = pb::ClassifyResponse::decode(&*tier).unwrap();
    assert!(decoded.classification.unwrap().tier.is_some());
}
