//! The life of a token: created, seen, used up, expired, revoked.

use std::time::{Duration, Instant};

use patron::pb;
use patron::pb::token_service_client::TokenServiceClient;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::{bearer, call, create, known, reason, service, wanted};
use crate::support::database::TestDatabase;
use crate::support::messages::purchase;
use crate::support::service::{Service, ServiceWithDatabase};
use crate::support::until;

const CLASSIFY: &str = "patron.v1.ScoringService/Classify";

/// What a service answers to a request with a token; headers as for a call.
async fn status(service: &Service, token: &str) -> String {
    let answer = call(service.app.address, CLASSIFY, &[("authorization", token)]).await;
    answer["grpc-status"].to_str().unwrap().to_owned()
}

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert("authorization", token.parse().unwrap());
    request
}

#[tokio::test]
async fn an_operator_creates_lists_and_revokes_tokens() {
    let service = service().await;
    let operator = known(&service, wanted(&[pb::Role::Operator])).await;
    let mut client = TokenServiceClient::connect(service.app.endpoint())
        .await
        .unwrap();
    let request = pb::CreateTokenRequest {
        purposes: vec!["service".to_owned()],
        quota: Some(pb::CallQuota {
            calls_per_second: 50,
            burst: 0,
        }),
        ..wanted(&[pb::Role::Agent])
    };
    let created = client.create_token(with_token(request, &operator)).await;
    let created = created.unwrap().into_inner();
    let token = created.token.clone().unwrap();
    assert!(
        created
            .bearer
            .starts_with(&format!("patron_{}.", token.token_id))
    );
    assert_eq!(token.quota.unwrap().burst, 50);
    let operator_id = operator.split(['_', '.']).nth(1).unwrap();
    assert_eq!(token.creator_token_id, operator_id);
    until("the new token is known", async || {
        status(&service, &bearer(&created)).await == "3"
    })
    .await;
    let listed = client.list_tokens(with_token(pb::ListTokensRequest::default(), &operator));
    let listed = listed.await.unwrap().into_inner().tokens;
    let ids: Vec<_> = listed.iter().map(|it| &*it.token_id).collect();
    assert_eq!(ids, [&*token.token_id, operator_id]);
    let revoke = pb::RevokeTokenRequest {
        token_id: token.token_id.clone(),
    };
    for _ in 0..2 {
        let revoked = client
            .revoke_token(with_token(revoke.clone(), &operator))
            .await;
        assert!(
            revoked
                .unwrap()
                .into_inner()
                .token
                .unwrap()
                .revoke_time
                .is_some()
        );
    }
    until("the revoked token is refused", async || {
        status(&service, &bearer(&created)).await == "16"
    })
    .await;
    let none = pb::RevokeTokenRequest {
        token_id: "f".repeat(16),
    };
    let missing = client
        .revoke_token(with_token(none, &operator))
        .await
        .unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

/// The database has no secret, and neither has what is logged or listed.
#[tokio::test]
async fn only_a_digest_is_stored() {
    let database = TestDatabase::create().await;
    let created = create(&database.url, wanted(&[pb::Role::Agent])).await;
    let (_, secret) = created.bearer.split_once('.').unwrap();
    let row: String = sqlx::query_scalar("SELECT tokens::text FROM tokens")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert!(row.contains("of a test"), "{row}");
    assert!(!row.contains(secret), "{row}");
}

#[tokio::test]
async fn a_change_by_another_process_is_seen_within_a_second() {
    let service = service().await;
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let created = create(&service.database.url, wanted(&[pb::Role::Agent])).await;
        let token = bearer(&created);
        let start = Instant::now();
        until("the token is known", async || {
            status(&service, &token).await == "3"
        })
        .await;
        slowest = slowest.max(start.elapsed());
        let id = created.token.unwrap().token_id;
        sqlx::query("UPDATE tokens SET revoked_at = now() WHERE token_id = $1")
            .bind(&id)
            .execute(&service.pool)
            .await
            .unwrap();
        sqlx::query("UPDATE token_changes SET change_id = gen_random_uuid()")
            .execute(&service.pool)
            .await
            .unwrap();
        let start = Instant::now();
        until("the revocation is seen", async || {
            status(&service, &token).await == "16"
        })
        .await;
        slowest = slowest.max(start.elapsed());
    }
    // Looks come every quarter of a second. The rest is room for a busy machine.
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    eprintln!("the slowest change was seen after {slowest:?}");
}

#[tokio::test]
async fn a_token_expires_by_the_clock_alone() {
    let service = service().await;
    let request = pb::CreateTokenRequest {
        expire_time: Some(prost_types::Timestamp {
            seconds: "2026-11-23T00:00:00Z"
                .parse::<jiff::Timestamp>()
                .unwrap()
                .as_second(),
            nanos: 0,
        }),
        ..wanted(&[pb::Role::Agent])
    };
    let token = known(&service, request).await;
    service.set_clock("2026-11-22T23:59:59Z");
    assert_eq!(status(&service, &token).await, "3");
    service.set_clock("2026-11-23T00:00:00Z");
    let refused = call(service.app.address, CLASSIFY, &[("authorization", &token)]).await;
    assert_eq!(refused["grpc-status"], "16");
    assert_eq!(reason(&refused), "TOKEN_EXPIRED");
}

#[tokio::test]
async fn while_the_database_is_away_known_tokens_stay_in_force() {
    let service = service().await;
    let token = known(&service, wanted(&[pb::Role::Agent])).await;
    let failing = service.app.metrics.callers.reading_failed.clone();
    assert_eq!(failing.get(), 0);
    service.database.take_away().await;
    until("the database is missed", async || failing.get() == 1).await;
    assert_eq!(status(&service, &token).await, "3");
    let wrong = format!("{}A", &token[..token.len() - 1]);
    let wrong = if wrong == token {
        format!("{}B", &token[..token.len() - 1])
    } else {
        wrong
    };
    assert_eq!(status(&service, &wrong).await, "16");
    service.database.give_back().await;
    until("the database is back", async || failing.get() == 0).await;
    assert_eq!(status(&service, &token).await, "3");
}

#[tokio::test]
async fn a_quota_is_answered_with_the_time_to_wait() {
    let service = service().await;
    let request = pb::CreateTokenRequest {
        quota: Some(pb::CallQuota {
            calls_per_second: 1,
            burst: 3,
        }),
        ..wanted(&[pb::Role::Agent])
    };
    let token = known(&service, request).await;
    let other = known(&service, wanted(&[pb::Role::Agent])).await;
    let mut refused = None;
    for _ in 0..50 {
        let answer = call(service.app.address, CLASSIFY, &[("authorization", &token)]).await;
        if answer["grpc-status"] == "8" {
            refused = Some(answer);
            break;
        }
    }
    let refused = Status::from_header_map(&refused.expect("a refusal")).unwrap();
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(info.reason, "QUOTA_EXCEEDED");
    let wait = refused
        .get_details_retry_info()
        .unwrap()
        .retry_delay
        .unwrap();
    assert!(
        !wait.is_zero() && wait <= Duration::from_secs(1),
        "{wait:?}"
    );
    assert_eq!(status(&service, &other).await, "3", "the quota of another");
}

#[tokio::test]
async fn a_purpose_is_bound_to_the_token() {
    let service = service().await;
    let request = pb::CreateTokenRequest {
        purposes: vec!["service".to_owned()],
        ..wanted(&[pb::Role::Agent])
    };
    let token = known(&service, request).await;
    let call_for = async |purpose: &str| {
        let headers = [("authorization", &*token), ("patron-purpose", purpose)];
        call(service.app.address, CLASSIFY, &headers).await
    };
    assert_eq!(call_for("service").await["grpc-status"], "3");
    let refused = call_for("marketing").await;
    assert_eq!(refused["grpc-status"], "7");
    assert_eq!(reason(&refused), "PURPOSE_NOT_ALLOWED");
    let text = service.app.metrics.render();
    let counted = text
        .lines()
        .find(|line| line.contains("purpose=\"service\""));
    assert!(
        counted.is_some_and(|line| line.ends_with(" 1")),
        "{counted:?}"
    );
}

/// A purchase in a stream.
fn batch(id: &str) -> pb::StreamFactsRequest {
    let request = pb::IngestTransactionsRequest {
        transactions: vec![purchase("anna", id, "2026-01-02", 100)],
        ..Default::default()
    };
    pb::StreamFactsRequest {
        batch: Some(pb::stream_facts_request::Batch::Transactions(request)),
    }
}

#[tokio::test]
async fn an_open_stream_ends_with_its_token() {
    let service: ServiceWithDatabase = service().await;
    let request = pb::CreateTokenRequest {
        expire_time: Some(prost_types::Timestamp {
            seconds: "2026-11-23T00:00:00Z"
                .parse::<jiff::Timestamp>()
                .unwrap()
                .as_second(),
            nanos: 0,
        }),
        ..wanted(&[pb::Role::Importer])
    };
    let token = known(&service, request).await;
    let (sender, messages) = tokio::sync::mpsc::channel(4);
    sender.send(batch("t-1")).await.unwrap();
    let stream = with_token(ReceiverStream::new(messages), &token);
    let mut acknowledged = service
        .ingest()
        .stream_facts(stream)
        .await
        .unwrap()
        .into_inner();
    let first = acknowledged.message().await.unwrap().unwrap();
    assert_eq!(first.acknowledged_count, 1);
    service.set_clock("2026-11-23T00:00:01Z");
    sender.send(batch("t-2")).await.unwrap();
    let refused = acknowledged.message().await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM transactions")
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert_eq!(stored, 1);
}
