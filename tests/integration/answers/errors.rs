//! Requests that can never be answered: all that is wrong with them at once, in the details that every error has.

use patron::pb;
use patron::pb::subject;
use prost_types::FieldMask;
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
            ..Default::default()
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
            ..Default::default()
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
        subjects: vec![by_id("ada")],
        as_of: "never".to_owned(),
        horizon_months: 1_000,
        read_mask: Some(FieldMask {
            paths: vec!["tier".to_owned(), "teir".to_owned()],
        }),
        ..Default::default()
    };
    let status = service.scoring().batch_score_lifetime_value(request).await;
    let fields = ["as_of", "horizon_months", "read_mask"];
    assert_invalid(&status.unwrap_err(), &fields);
}

/// An answer to a batch: the match, the path of what is wrong, and the customer.
type Row = (pb::Match, Option<String>, Option<String>);

const SUBJECTS_WITH_BAD_ONES: [(pb::Match, Option<&str>); 6] = [
    (pb::Match::Invalid, Some("subjects[0].phone_number")),
    (pb::Match::One, None),
    (pb::Match::Invalid, Some("subjects[2].email")),
    (pb::Match::Invalid, Some("subjects[3]")),
    (pb::Match::Invalid, Some("subjects[4].external_id")),
    (pb::Match::One, None),
];

#[track_caller]
fn assert_rows(rows: &[Row]) {
    let expected = SUBJECTS_WITH_BAD_ONES.map(|(found, field)| {
        let customer = field.is_none().then(|| "ada".to_owned());
        (found, field.map(str::to_owned), customer)
    });
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_subject_that_cannot_be_read_fails_alone_in_a_batch() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[patch("ada")]).await;
    let subjects = vec![
        by_phone("1"),
        by_id("ada"),
        by_email("2"),
        pb::Subject::default(),
        by_external("a/b", "1"),
        by_id("ada"),
    ];
    let field = |violations: &[pb::Violation]| {
        assert!(violations.iter().all(|it| it.description.len() > 10));
        violations.first().map(|it| it.field.clone())
    };
    let request = pb::BatchClassifyRequest {
        subjects: subjects.clone(),
        ..Default::default()
    };
    let answer = service.scoring().batch_classify(request).await.unwrap();
    let responses = answer.into_inner().responses;
    let row = |it: &pb::ClassifyResponse| {
        let customer = it.classification.as_ref().map(|it| it.customer_id.clone());
        (it.r#match(), field(&it.violations), customer)
    };
    let rows: Vec<Row> = responses.iter().map(row).collect();
    assert_rows(&rows);
    let request = pb::BatchScoreLifetimeValueRequest {
        subjects,
        ..Default::default()
    };
    let answer = service.scoring().batch_score_lifetime_value(request).await;
    let responses = answer.unwrap().into_inner().responses;
    let row = |it: &pb::ScoreLifetimeValueResponse| {
        let customer = it.score.as_ref().map(|it| it.customer_id.clone());
        (it.r#match(), field(&it.violations), customer)
    };
    let rows: Vec<Row> = responses.iter().map(row).collect();
    assert_rows(&rows);
}

#[tokio::test]
async fn a_mask_fits_more_answers_into_a_batch() {
    let service = ServiceWithDatabase::start_with(|settings| {
        settings.max_message_bytes = "64KiB".parse().unwrap();
    })
    .await;
    let patches: Vec<_> = (0..1_000)
        .map(|at| pb::CustomerPatch {
            display_name: Some("x".repeat(200)),
            ..patch(&format!("c{at}"))
        })
        .collect();
    for part in patches.chunks(100) {
        service.write_customers(part).await;
    }
    let answered = async |paths: &[&str]| {
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        let request = pb::BatchClassifyRequest {
            subjects: (0..1_000).map(|at| by_id(&format!("c{at}"))).collect(),
            read_mask: Some(FieldMask { paths }),
            ..Default::default()
        };
        let answer = service.scoring().batch_classify(request).await.unwrap();
        answer.into_inner()
    };
    let all = answered(&[]).await;
    assert!(all.unanswered_count > 700, "{}", all.unanswered_count);
    assert_eq!(all.limit_reached(), pb::BatchLimit::Bytes);
    let tiers = answered(&["tier"]).await;
    assert_eq!((tiers.unanswered_count, tiers.responses.len()), (0, 1_000));
    let one = tiers.responses[7].classification.as_ref().unwrap();
    let whole = all.responses[7].classification.as_ref().unwrap();
    let expected = pb::Classification {
        customer_id: "c7".to_owned(),
        tier: whole.tier.clone(),
        ..Default::default()
    };
    assert_eq!(*one, expected);
}

#[tokio::test]
async fn a_batch_must_have_one_to_a_thousand_subjects() {
    let service = ServiceWithDatabase::start().await;
    for count in [0, 1_001] {
        let request = pb::BatchClassifyRequest {
            subjects: vec![by_id("ada"); count],
            as_of: String::new(),
            read_mask: None,
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
        read_mask: None,
    };
    let answer = service.scoring().batch_classify(request).await.unwrap();
    assert_eq!(answer.into_inner().responses.len(), 1_000);
}

#[tokio::test]
async fn a_thousand_bad_subjects_are_answered_within_what_a_client_takes() {
    let service = ServiceWithDatabase::start().await;
    let request = pb::BatchClassifyRequest {
        subjects: vec![by_phone("no number"); 1_000],
        as_of: String::new(),
        read_mask: None,
    };
    let answer = service.scoring().batch_classify(request).await.unwrap();
    let responses = answer.into_inner().responses;
    assert_eq!(responses.len(), 1_000);
    let last = &responses[999];
    assert_eq!(last.r#match(), pb::Match::Invalid);
    assert_eq!(last.violations[0].field, "subjects[999].phone_number");
}
