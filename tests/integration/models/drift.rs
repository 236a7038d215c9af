//! `CheckDrift`: what it says of an active version, and that it leaves everything as it was.

mod refined;

use patron::pb;
use patron::pb::{DriftVerdict, OrderModelKind};
use tonic::{Code, Status};

use super::{activate, fit, list, request, shop};
use crate::support::messages::{reason, violated};
use crate::support::models::{MBG, SPEND, store_model};
use crate::support::service::{Service, ServiceWithDatabase, TODAY};

pub(super) async fn check(
    service: &Service,
    until: &str,
    days: i32,
) -> Result<pb::DriftReport, Status> {
    let request = pb::CheckDriftRequest {
        until: until.to_owned(),
        days,
    };
    let answer = service.models().check_drift(request).await?;
    Ok(answer.into_inner().report.unwrap())
}

#[tokio::test]
async fn a_version_of_half_a_year_ago_is_compared_with_refits_and_nothing_is_stored() {
    let service = ServiceWithDatabase::start().await;
    shop(400).ingest(&service).await;
    let active = fit(&service, request(OrderModelKind::MbgNbd, "2026-05-31")).await;
    assert!(active.unwrap().active);
    let report = check(&service, "", 0).await.unwrap();
    println!("{report:?}");
    assert_eq!((report.version, &*report.version_until), (1, "2026-05-31"));
    assert_eq!(
        (report.kind(), report.holdout_days),
        (OrderModelKind::MbgNbd, 90)
    );
    assert_eq!((&*report.split_on, &*report.until), ("2026-08-24", TODAY));
    // The shop's customers live by one law from its first day to its last.
    assert_eq!(report.verdict(), DriftVerdict::NoDrift, "{}", report.reason);
    let [set] = &report.parameter_sets[..] else {
        panic!("{report:?}");
    };
    let gain = set.refit_log_likelihood_per_customer - set.active_log_likelihood_per_customer;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred customers")]
    let ratio = 2.0 * gain * set.customers as f64;
    assert!(
        ratio > 0.0 && (ratio - report.likelihood_ratio.unwrap()).abs() < 1e-6,
        "{ratio}"
    );
    assert_eq!(report.degrees_of_freedom, Some(4));
    assert!(set.parameters.iter().all(|shift| shift.z.is_some()));

    // The refits are those that FitModel makes, and the holdout that of EvaluateModel.
    let keep = |until: &str| pb::FitModelRequest {
        keep_inactive: true,
        ..request(OrderModelKind::MbgNbd, until)
    };
    let refit = fit(&service, keep("")).await.unwrap().orders.unwrap();
    let values: Vec<f64> = refit.parameters.iter().map(|it| it.value).collect();
    for (shift, value) in set.parameters.iter().zip(values) {
        assert!(
            (shift.refit / value - 1.0).abs() < 1e-6,
            "{shift:?} {value}"
        );
    }
    let evaluation = pb::EvaluateModelRequest {
        split_on: report.split_on.clone(),
        until: TODAY.to_owned(),
        version: 1,
        ..Default::default()
    };
    let of_version = super::evaluation::evaluate(&service, evaluation.clone()).await;
    let of_refit = super::evaluation::evaluate(
        &service,
        pb::EvaluateModelRequest {
            version: 0,
            ..evaluation
        },
    )
    .await;
    for (found, evaluated) in [
        (report.active_accuracy, of_version.unwrap()),
        (report.refit_accuracy, of_refit.unwrap()),
    ] {
        let orders = evaluated.groups[0].orders.as_ref().unwrap();
        let (found, evaluated) = (found.unwrap(), orders.accuracy[0]);
        assert!((found.expected_total / evaluated.expected_total - 1.0).abs() < 1e-6);
        assert!((found.actual_total - evaluated.actual_total).abs() < 1e-9);
        assert_eq!(found.customers, evaluated.customers);
    }
    assert_eq!(
        list(&service, 0, "").await.unwrap().0,
        [2, 1],
        "the fit of this test, and the first"
    );
    assert_eq!(check(&service, "", 0).await.unwrap(), report);
}

#[tokio::test]
async fn parameters_that_never_described_anybody_here_are_a_drift_and_unknown_ones_not_decidable() {
    let service = ServiceWithDatabase::start().await;
    let status = check(&service, "", 0).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason(&status), "NO_ACTIVE_MODEL");
    for (until, days, field) in [
        ("2026-11-23", 0, "until"),
        ("yesterday", 0, "until"),
        ("", -1, "days"),
        ("", 3_651, "days"),
    ] {
        let status = check(&service, until, days).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert_eq!(violated(&status), [field]);
    }
    // Nothing bought yet.
    let version = store_model(&service.pool, MBG, Some(SPEND)).await;
    activate(&service, version).await.unwrap();
    let empty = check(&service, "", 0).await.unwrap();
    assert_eq!(empty.verdict(), DriftVerdict::NotDecidable);
    assert!(empty.reason.contains("impossible"), "{}", empty.reason);
    assert_eq!(
        (empty.likelihood_ratio, empty.parameter_sets.len()),
        (None, 0)
    );
    // A version without a covariance.
    shop(200).ingest(&service).await;
    let unknown = check(&service, "", 0).await.unwrap();
    assert_eq!(unknown.verdict(), DriftVerdict::NotDecidable);
    let part = "no standard errors";
    assert!(unknown.reason.contains(part), "{}", unknown.reason);
    assert!(unknown.likelihood_ratio_p.is_none() && unknown.likelihood_ratio.unwrap() > 0.0);
    // A version that knows the holdout.
    let today = fit(&service, request(OrderModelKind::MbgNbd, ""))
        .await
        .unwrap();
    assert!(today.active);
    let knowing = check(&service, "", 0).await.unwrap();
    assert_eq!(knowing.verdict(), DriftVerdict::NotDecidable);
    assert!(knowing.reason.contains(TODAY), "{}", knowing.reason);
}
