//! Requests that can never be answered: all that is wrong with them at once, in the details that every error has.

use patron::pb;
use patron::pb::subject;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::messages::{by_email, by_external, by_id, by_phone, patch, reason, violated};
use crate::support::service::ServiceWithDatabase;

#[track_caller]
fn assert_invalid(status: &Status, fields: &[&str]) {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(reason(status), "INVALID_REQUEST");
    assert_eq!(violated(status), fields);
    let request = status.get_details_bad_request().unwrap();
    for violation in request.field_violations {
        assert!(violation.description.len() > 10, "{violation:?}");
    }
    assert!(!status.message().contains('\u{1b}'), "{status:?}");
}

#[tokio::test]
async fn a_subject_that_cannot_be_read_is_refused_with_its_path() {
    let service = ServiceWithDatabase::start().await;
    let way = |way| pb::Subject { subject: Some(way) };
    for (subject, field) in [
        (None, "subject"),
        (Some(pb::Subject::default()), "subject"),
        (Some(by_id("")), "subject.customer_id"),
        (Some(by_id(&"x".repeat(129))), "subject.customer_id"),
        (Some(by_id("a\u{1b}[2Jb")), "subject.customer_id"),
        (Some(by_id("a\0")), "subject.customer_id"),
        (Some(by_phone("030 123456")), "subject.phone_number"),
        (Some(by_phone("+49 030 123456")), "subject.phone_number"),
        (Some(by_email("ada")), "subject.email"),
        (Some(by_external("", "1")), "subject.external_id"),
        (Some(by_external("crm", "")), "subject.external_id"),
        (
            Some(way(subject::Subject::ExternalId(pb::ExternalId::default()))),
            "subject.external_id",
        ),
    ] {
        let request = pb::ClassifyRequest {
            subject: subject.clone(),
            as_of: String::new(),
        };
        let status = service.scoring().classify(request).await.unwrap_err();
        assert_invalid(&status, &[field]);
        let request = pb::GetCustomerRequest {
            subject,
            ..Default::default()
        };
        let status = service.customers().get_customer(request).await;
        assert_invalid(&status.unwrap_err(), &[field]);
    }
}

#[tokio::test]
async fn a_day_that_is_none_and_a_horizon_out_of_range_are_refused() {
    let service = ServiceWithDatabase::start().await;
    for as_of in [
        "today",
        "2025-02-29",
        "1969-12-31",
        "2200-01-01",
        "9999-12-31",
        "2026-1-1",
        "2026-01-01T00:00:00Z",
    ] {
        let request = pb::ClassifyRequest {
            subject: Some(by_id("ada")),
            as_of: as_of.to_owned(),
        };
        let status = service.scoring().classify(request).await.unwrap_err();
        assert_invalid(&status, &["as_of"]);
    }
    for horizon_months in [-1, 121, i32::MIN, i32::MAX] {
        let request = pb::ScoreLifetimeValueRequest {
            subject: Some(by_id("ada")),
            as_of: String::new(),
            horizon_months,
            ..Default::default()
        };
        let status = service.scoring().score_lifetime_value(request).await;
        assert_invalid(&status.unwrap_err(), &["horizon_months"]);
    }
}

#[tokio::test]
async fn all_that_is_wrong_with_a_batch_is_said_at_once() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[patch("ada")]).await;
    let request = pb::BatchScoreLifetimeValueRequest {
        subjects: vec![
            by_phone("1"),
            by_id("ada"),
            by_email("2"),
            pb::Subject::default(),
            by_external("a/b", "1"),
        ],
        as_of: "never".to_owned(),
        horizon_months: 1_000,
        ..Default::default()
    };
    let status = service.scoring().batch_score_lifetime_value(request).await;
    assert_invalid(
        &status.unwrap_err(),
        &[
            "subjects[0].phone_number",
            "subjects[2].email",
            "subjects[3]",
            "subjects[4].external_id",
            "as_of",
            "horizon_months",
        ],
    );
}

#[tokio::test]
async fn a_batch_must_have_one_to_a_thousand_subjects() {
    let service = ServiceWithDatabase::start().await;
    for count in [0, 1_001] {
        let request = pb::BatchClassifyRequest {
            subjects: vec![by_id("ada"); count],
            as_of: String::new(),
        };
        let status = service.scoring().batch_classify(request).await;
        assert_invalid(&status.unwrap_err(), &["subjects"]);
        let request = pb::BatchScoreLifetimeValueRequest {
            subjects: vec![by_id("ada"); count],
            ..Default::default()
        };
        let status = service.scoring().batch_score_lifetime_value(request).await;
        assert_invalid(&status.unwrap_err(), &["subjects"]);
    }
    let request = pb::BatchClassifyRequest {
        subjects: vec![by_id("ada"); 1_000],
        as_of: String::new(),
    };
    let answer = service.scoring().batch_classify(request).await.unwrap();
    assert_eq!(answer.into_inner().responses.len(), 1_000);
}

#[tokio::test]
async fn a_thousand_bad_subjects_are_refused_within_what_a_client_takes() {
    let service = ServiceWithDatabase::start().await;
    let request = pb::BatchClassifyRequest {
        subjects: vec![by_phone("no number"); 1_000],
        as_of: String::new(),
    };
    let status = service.scoring().batch_classify(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let fields = violated(&status);
    assert_eq!(fields[0], "subjects[0].phone_number");
    let request = status.get_details_bad_request().unwrap();
    let last = &request.field_violations[fields.len() - 1].description;
    assert_eq!(*last, format!("and {} more", 1_000 - (fields.len() - 1)));
}
