//! What cannot be evaluated, and what is said of it.

use std::collections::BTreeSet;

use patron::pb;
use patron::pb::OrderModelKind;
use tonic::Code;

use super::{evaluate, of_kind, of_version};
use crate::support::messages::{purchase, reason, violated};
use crate::support::models::{MBG, SPEND, store_model};
use crate::support::service::{ServiceWithDatabase, TODAY};

#[tokio::test]
async fn what_cannot_be_evaluated_is_refused_with_its_reason() {
    let service = ServiceWithDatabase::start().await;
    let refused =
        async |request: pb::EvaluateModelRequest| evaluate(&service, request).await.unwrap_err();
    let nothing = async |split: &str, until: &str, word: &str| {
        let status = refused(of_kind(OrderModelKind::MbgNbd, split, until)).await;
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
        assert_eq!(reason(&status), "NOTHING_TO_EVALUATE");
        assert!(status.message().contains(word), "{status:?}");
    };
    nothing("2026-01-31", "", "no purchase is recorded yet").await;
    service
        .write(&[
            purchase("ada", "1", "2026-02-01", 100),
            purchase("bob", "1", "2026-02-02", 100),
            purchase("bob", "2", "2026-03-02", 100),
        ])
        .await;
    nothing("2026-01-31", TODAY, "2026-01-31").await;
    // A customer who bought for the first time on the day of the split was not observed for a day.
    nothing("2026-02-01", TODAY, "ordered again").await;

    let all_wrong = pb::EvaluateModelRequest {
        kind: 9,
        split_on: String::new(),
        until: "tomorrow".to_owned(),
        version: -1,
        grouping: 7,
        covariates: vec!["member".to_owned()],
        spend_orders: 9,
        seasonal: true,
    };
    let status = refused(all_wrong).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    let fields: BTreeSet<String> = violated(&status).into_iter().collect();
    assert_eq!(
        fields,
        [
            "kind",
            "split_on",
            "until",
            "version",
            "grouping",
            "covariates",
            "spend_orders",
            "seasonal"
        ]
        .map(str::to_owned)
        .into()
    );
    for (split, until, field) in [
        ("2026-03-02", "2026-03-02", "split_on"),
        ("2026-03-03", "2026-03-02", "split_on"),
        ("2026-03-02", "", "split_on"),
        ("2026-03-01", "2026-11-23", "until"),
    ] {
        let status = refused(of_kind(OrderModelKind::MbgNbd, split, until)).await;
        assert_eq!(
            status.code(),
            Code::InvalidArgument,
            "{split} {until}: {status:?}"
        );
        assert_eq!(violated(&status), [field]);
    }
}

#[tokio::test]
async fn a_version_is_evaluated_as_it_is_on_days_that_it_does_not_know() {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[
            purchase("ada", "1", "2026-02-01", 100),
            purchase("bob", "1", "2026-02-02", 100),
            purchase("bob", "2", "2026-03-02", 100),
        ])
        .await;
    let refused =
        async |request: pb::EvaluateModelRequest| evaluate(&service, request).await.unwrap_err();
    let status = refused(of_version(1, "2026-03-01")).await;
    assert_eq!(
        (status.code(), &*reason(&status)),
        (Code::NotFound, "MODEL_NOT_FOUND")
    );
    // Fitted on facts until 2026-06-30.
    let version = store_model(&service.pool, MBG, Some(SPEND)).await;
    let status = refused(of_version(version, "2026-06-29")).await;
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason(&status), "VERSION_FITTED_LATER");
    let with_kind = pb::EvaluateModelRequest {
        kind: OrderModelKind::MbgNbd.into(),
        ..of_version(version, "2026-06-30")
    };
    assert_eq!(violated(&refused(with_kind).await), ["kind"]);
    let refined = pb::EvaluateModelRequest {
        grouping: pb::FitGrouping::ByKind.into(),
        ..of_version(version, "2026-06-30")
    };
    assert_eq!(violated(&refused(refined).await), ["grouping"]);
    // Parameters of which nobody knows how uncertain they are have no intervals.
    let found = evaluate(&service, of_version(version, "2026-06-30"))
        .await
        .unwrap();
    assert_eq!(
        (found.interval_customers, found.groups[0].customers),
        (0, 2)
    );
    assert_ne!(found.intervals_absent_reason, "");
}
