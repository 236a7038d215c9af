//! Requests that are sent again, and activations that are taken back.

use patron::pb;
use patron::pb::OrderModelKind;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{activate, basis_id, fit, get, list, request, shop};
use crate::support::messages::reason;
use crate::support::models::{BG, MBG, SPEND, store_model};
use crate::support::service::{Service, ServiceWithDatabase};

fn named(id: &str) -> pb::FitModelRequest {
    pb::FitModelRequest {
        request_id: id.to_owned(),
        ..request(OrderModelKind::MbgNbd, "")
    }
}

async fn roll_back(service: &Service) -> Result<pb::Model, Status> {
    roll_back_from(service, 0).await
}

async fn roll_back_from(service: &Service, from_version: i64) -> Result<pb::Model, Status> {
    let request = pb::RollbackModelRequest { from_version };
    let answer = service.models().rollback_model(request).await;
    answer.map(|answer| answer.into_inner().model.unwrap())
}

#[tokio::test]
async fn the_same_request_is_answered_with_its_version_even_after_a_restart() {
    let service = ServiceWithDatabase::start().await;
    shop(80).ingest(&service).await;
    let first = fit(&service, named("a")).await.unwrap();
    assert_eq!(fit(&service, named("a")).await.unwrap(), first);
    let other = fit(&service, named("b")).await.unwrap();
    assert_eq!(other.version, first.version + 1);

    let reused = pb::FitModelRequest {
        keep_inactive: true,
        ..named("a")
    };
    let status = fit(&service, reused).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists, "{status:?}");
    assert_eq!(reason(&status), "REQUEST_ID_REUSED");

    let service = service.restart().await;
    let again = fit(&service, named("a")).await.unwrap();
    assert_eq!(again, get(&service, first.version).await.unwrap());
    assert_eq!(list(&service, 0, "").await.unwrap().0, [2, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sent_twice_at_once_is_one_fit() {
    let service = ServiceWithDatabase::start().await;
    shop(80).ingest(&service).await;
    let held = service.lock_profiles().await;
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let mut client = service.models();
            tokio::spawn(async move { client.fit_model(named("once")).await })
        })
        .collect();
    service.until_blocked(1).await;
    held.rollback().await.unwrap();
    for call in calls {
        let model = call.await.unwrap().unwrap().into_inner().model.unwrap();
        assert_eq!(model.version, 1);
    }
    assert_eq!(list(&service, 0, "").await.unwrap().0, [1]);
}

#[tokio::test]
async fn activations_are_taken_back_one_after_another() {
    let service = ServiceWithDatabase::start().await;
    let status = roll_back(&service).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason(&status), "NO_EARLIER_MODEL");
    for model in [MBG, BG, MBG] {
        let version = store_model(&service.pool, model, Some(SPEND)).await;
        activate(&service, version).await.unwrap();
        // Once more changes nothing, so there is nothing to take back.
        activate(&service, version).await.unwrap();
    }
    let earlier = roll_back(&service).await.unwrap();
    assert_eq!((earlier.version, earlier.active), (2, true));
    assert_eq!(basis_id(&service).await, "r0-m2-none");
    assert!(get(&service, 2).await.unwrap().active);
    assert!(!get(&service, 3).await.unwrap().active);
    assert_eq!(roll_back(&service).await.unwrap().version, 1);
    let status = roll_back(&service).await.unwrap_err();
    assert_eq!(reason(&status), "NO_EARLIER_MODEL");
    assert_eq!(basis_id(&service).await, "r0-m1-none");
    // Sent again, a call that names the version takes nothing more back.
    let status = roll_back_from(&service, 2).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason(&status), "ACTIVE_VERSION_DIFFERS");
    assert!(status.message().contains("version 1 is"), "{status:?}");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["active_version"], "1");
    assert_eq!(
        get(&service, 0).await.unwrap().version,
        1,
        "0 is the active one"
    );
    // What is activated after a roll back can be taken back, to what the roll back had restored.
    activate(&service, 3).await.unwrap();
    assert_eq!(roll_back_from(&service, 3).await.unwrap().version, 1);
}

#[tokio::test]
async fn silence_that_has_not_happened_yet_is_not_fitted() {
    let service = ServiceWithDatabase::start().await;
    shop(80).ingest(&service).await;
    let ahead = request(OrderModelKind::MbgNbd, "2030-12-31");
    let status = fit(&service, ahead).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].field, "until");
    assert!(list(&service, 0, "").await.unwrap().0.is_empty());
}
