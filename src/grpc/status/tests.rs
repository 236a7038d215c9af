use super::details::{RETRY_PUSHBACK, cut};
use super::*;

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

#[test]
fn every_status_names_a_reason_and_the_domain() {
    let cause = std::io::Error::other("disk on fire");
    for status in [
        invalid_argument("INVALID_REQUEST", &[Violation::new("as_of", "not a day")]),
        not_found("MODEL_NOT_FOUND", "patron.v1.Model", "7", "no model 7"),
        failed_precondition("NO_DATA", "no purchases", &[]),
        already_exists("EXISTS", "patron.v1.Model", "7", "there"),
        aborted("FIT_RUNNING", "a fit runs"),
        deadline_exceeded(),
        unavailable("DATABASE_AWAY", "later", Duration::from_millis(5)),
        unimplemented("not yet"),
        internal("STORE_FAILED", &cause),
    ] {
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.domain, DOMAIN, "{status:?}");
        assert!(
            !info.reason.is_empty()
                && info
                    .reason
                    .bytes()
                    .all(|it| it.is_ascii_uppercase() || it == b'_'),
            "{status:?}"
        );
        assert!(!status.message().is_empty(), "{status:?}");
        assert!(!status.message().contains("fire"), "the cause is not sent");
    }
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
    let status = invalid_argument("INVALID_REQUEST", &violations);
    assert_eq!(status.code(), Code::InvalidArgument);
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
    let status = invalid_argument("INVALID_REQUEST", &violations);
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
    let violations = vec![Violation::new(long.clone(), long.clone()); 1000];
    for status in [
        invalid_argument("INVALID_REQUEST", &violations),
        not_found("CUSTOMER_NOT_FOUND", "patron.v1.Customer", &long, &long),
        failed_precondition("AMBIGUOUS_SUBJECT", &long, &[("a", &long), ("b", &long)]),
        unavailable("DATABASE_AWAY", &long, Duration::MAX),
    ] {
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
