//! What the desk refuses, for every method about a group or a window.

use patron::pb;
use patron::pb::get_cost_to_serve_request::Whose;
use tonic::Code;

use super::{of_segment, of_tier, service};
use crate::support::messages::{by_id, reason, violated};
use crate::support::service::ServiceWithDatabase;

#[tokio::test]
async fn groups_that_do_not_exist_are_named() {
    let service = service().await;
    for (group, expected) in [
        (of_segment("firms/large"), "SEGMENT_NOT_FOUND"),
        (of_tier("platinum"), "TIER_NOT_FOUND"),
    ] {
        let mut desk = service.desk();
        let figures = pb::GetServiceFiguresRequest {
            group: Some(group.clone()),
            ..Default::default()
        };
        let cost = pb::GetCostToServeRequest {
            whose: Some(Whose::Group(group.clone())),
            ..Default::default()
        };
        let deflection = pb::ListDeflectionCandidatesRequest {
            group: Some(group.clone()),
            ..Default::default()
        };
        let surges = pb::ListTopicSurgesRequest {
            group: Some(group),
            ..Default::default()
        };
        for refused in [
            desk.get_service_figures(figures)
                .await
                .map(drop)
                .unwrap_err(),
            desk.get_cost_to_serve(cost).await.map(drop).unwrap_err(),
            desk.list_deflection_candidates(deflection)
                .await
                .map(drop)
                .unwrap_err(),
            desk.list_topic_surges(surges).await.map(drop).unwrap_err(),
        ] {
            assert_eq!(refused.code(), Code::NotFound);
            assert_eq!(reason(&refused), expected);
        }
    }
}

#[tokio::test]
async fn bounds_are_stated_for_every_field_at_once() {
    let service = service().await;
    let mut desk = service.desk();
    let figures = pb::GetServiceFiguresRequest {
        group: Some(of_segment("")),
        days: 3_661,
        as_of: "yesterday".to_owned(),
        dimension: 9,
        queue: "q".repeat(65),
        channel: " phone".to_owned(),
    };
    let refused = desk.get_service_figures(figures).await.unwrap_err();
    assert_eq!(
        violated(&refused),
        [
            "group.segment",
            "days",
            "as_of",
            "dimension",
            "queue",
            "channel"
        ]
    );
    let cost = pb::GetCostToServeRequest {
        whose: None,
        months: 121,
        as_of: String::new(),
    };
    let refused = desk.get_cost_to_serve(cost).await.unwrap_err();
    assert_eq!(violated(&refused), ["whose", "months"]);
    let deflection = pb::ListDeflectionCandidatesRequest {
        share: 1.5,
        topic_shares: [("a".to_owned(), f64::NAN), (String::new(), 0.5)].into(),
        limit: 201,
        ..Default::default()
    };
    let refused = desk
        .list_deflection_candidates(deflection)
        .await
        .unwrap_err();
    assert_eq!(
        violated(&refused),
        ["topic_shares[0]", "topic_shares[1]", "share", "limit"]
    );
    let surges = pb::ListTopicSurgesRequest {
        recent_days: 367,
        earlier_days: -1,
        false_discovery_rate: 0.6,
        ..Default::default()
    };
    let refused = desk.list_topic_surges(surges).await.unwrap_err();
    assert_eq!(
        violated(&refused),
        ["recent_days", "earlier_days", "false_discovery_rate"]
    );
}

#[tokio::test]
async fn a_day_ahead_is_refused() {
    let service = service().await;
    let cost = pb::GetCostToServeRequest {
        whose: Some(Whose::Subject(by_id("ada"))),
        months: 1,
        as_of: "2026-11-23".to_owned(),
    };
    let refused = service.desk().get_cost_to_serve(cost).await.unwrap_err();
    assert_eq!(
        (refused.code(), violated(&refused)),
        (Code::InvalidArgument, vec!["as_of".to_owned()])
    );
}

/// A walk whose caller goes away ends and frees its connection.
#[tokio::test]
async fn a_walk_stops_when_its_caller_goes() {
    let service = ServiceWithDatabase::start().await;
    let lock = service.lock_profiles().await;
    let mut desk = service.desk();
    {
        let walk = desk.get_service_figures(pb::GetServiceFiguresRequest::default());
        let blocked = service.until_blocked(1);
        tokio::select! {
            _ = walk => panic!("the profiles are locked"),
            () = blocked => {}
        }
    }
    lock.rollback().await.unwrap();
    // All walks have their turn again.
    for _ in 0..4 {
        let request = pb::GetServiceFiguresRequest::default();
        let answer = desk.get_service_figures(request).await.unwrap();
        assert_eq!(answer.into_inner().total.unwrap().contact_count, 0);
    }
}
