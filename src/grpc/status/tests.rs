use super::details::{RETRY_PUSHBACK, cut};
use super::*;
use crate::api::error::Resource;

mod sentences;

/// Bytes of the two headers that carry a status, as they are sent.
fn wire_bytes(status: &Status) -> usize {
    let mut headers = http::HeaderMap::new();
    status.add_header(&mut headers).unwrap();
    ["grpc-message", "grpc-status-details-bin"]
        .into_iter()
        .filter_map(|name| headers.get(name))
        .map(http::HeaderValue::len)
        .sum()
}

/// An error with everything that an error can have.
fn full(text: &str) -> ApiError {
    ApiError {
        violations: vec![Violation::new(text, text); 1000],
        resource: Some(Resource {
            kind: "patron.v1.Customer",
            name: text.to_owned(),
        }),
        metadata: vec![("a", text.to_owned()), ("b", text.to_owned())],
        retry_after: Some(Duration::MAX),
        ..ApiError::new(Code::Unavailable, "DATABASE_UNAVAILABLE", text)
    }
}

#[test]
fn every_status_names_a_reason_and_the_domain() {
    let cause = std::io::Error::other("disk on fire");
    for (status, code, reason) in [
        (
            invalid_argument("INVALID_REQUEST", vec![Violation::new("as_of", "no day")]),
            tonic::Code::InvalidArgument,
            "INVALID_REQUEST",
        ),
        (
            deadline_exceeded(),
            tonic::Code::DeadlineExceeded,
            "DEADLINE_EXCEEDED",
        ),
        (
            unavailable("OVERLOADED", "later", Duration::from_millis(5)),
            tonic::Code::Unavailable,
            "OVERLOADED",
        ),
        (
            ApiError::internal("INTERNAL", &cause).into(),
            tonic::Code::Internal,
            "INTERNAL",
        ),
    ] {
        let info = status.get_details_error_info().unwrap();
        assert_eq!((status.code(), &*info.reason), (code, reason));
        assert_eq!(info.domain, DOMAIN, "{status:?}");
        assert!(!status.message().is_empty(), "{status:?}");
        assert!(!status.message().contains("fire"), "the cause is not sent");
    }
}

#[test]
fn every_code_is_the_canonical_one_of_its_name() {
    for code in [
        Code::InvalidArgument,
        Code::NotFound,
        Code::AlreadyExists,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::Unavailable,
        Code::Internal,
        Code::Unauthenticated,
        Code::PermissionDenied,
        Code::ResourceExhausted,
    ] {
        let status = Status::from(ApiError::new(code, "TEST", "text"));
        assert_eq!(format!("{:?}", status.code()), format!("{code:?}"));
    }
}

#[test]
fn details_reach_the_caller() {
    let status = Status::from(full("text"));
    let resource = status.get_details_resource_info().unwrap();
    assert_eq!(resource.resource_type, "patron.v1.Customer");
    assert_eq!(resource.resource_name, "text");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["a"], "text");
}

#[test]
fn all_violations_are_listed_while_they_fit() {
    let violations: Vec<_> = (0..10)
        .map(|index| {
            Violation::new(
                format!("subjects[{index}].phone_number"),
                "must be in E.164",
            )
        })
        .collect();
    let status = invalid_argument("INVALID_REQUEST", violations);
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(
        status.message(),
        "subjects[0].phone_number: must be in E.164 (and 9 more)"
    );
    let listed = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(listed.len(), 10);
    assert_eq!(listed[9].field, "subjects[9].phone_number");
    assert_eq!(listed[9].description, "must be in E.164");
}

#[test]
fn a_thousand_violations_are_cut_and_the_rest_is_counted() {
    let violations: Vec<_> = (0..1000)
        .map(|index| Violation::new(format!("subjects[{index}].id"), "must not be empty"))
        .collect();
    let status = invalid_argument("INVALID_REQUEST", violations);
    let listed = status.get_details_bad_request().unwrap().field_violations;
    let shown = listed.len() - 1;
    assert!(shown > 20, "{shown} are shown");
    assert_eq!(
        listed[shown].description,
        format!("and {} more", 1000 - shown)
    );
    assert!(wire_bytes(&status) < MAX_WIRE_BYTES);
}

#[test]
fn the_worst_texts_stay_below_the_wire_limit() {
    let long = "ü€𝄞\u{0}".repeat(5000);
    let error = full(&long);
    let resource_first = ApiError {
        violations: Vec::new(),
        ..error.clone()
    };
    let metadata_alone = ApiError {
        resource: None,
        ..resource_first.clone()
    };
    for error in [error, resource_first, metadata_alone] {
        let status = Status::from(error);
        let bytes = wire_bytes(&status);
        assert!(bytes < MAX_WIRE_BYTES, "{bytes} bytes: {:?}", status.code());
    }
}

#[test]
fn an_unavailable_server_says_when_to_come_back_in_both_ways() {
    let status = unavailable("OVERLOADED", "later", Duration::from_micros(1500));
    let retry = status.get_details_retry_info().unwrap();
    assert_eq!(retry.retry_delay, Some(Duration::from_micros(1500)));
    assert_eq!(
        status.metadata().get(RETRY_PUSHBACK).unwrap(),
        "2",
        "rounded up"
    );
}

#[test]
fn a_cut_text_stays_text() {
    assert_eq!(cut("short", 5), "short");
    assert_eq!(cut("longer", 5), "lo…");
    assert_eq!(cut("äöü", 5), "ä…");
    assert_eq!(cut("longer", 2), "");
    assert_eq!(cut("", 0), "");
}

#[test]
fn a_pushback_that_does_not_fit_means_no_retry() {
    let pushback = |left| {
        let status = unavailable("OVERLOADED", "later", Duration::from_millis(100));
        let mut answer = status.into_http::<()>();
        fit_pushback(answer.headers_mut(), || Duration::from_millis(left));
        answer.headers()["grpc-retry-pushback-ms"].clone()
    };
    assert_eq!(pushback(101), "100");
    assert_eq!(pushback(100), "-1");
    assert_eq!(pushback(0), "-1");
}
