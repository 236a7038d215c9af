//! A lane that has enough to do refuses on arrival, and forgets who has gone.

use patron::pb;
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::messages::{by_id, patch, reason};
use crate::support::service::ServiceWithDatabase;
use crate::support::until;

/// More than are let in: a second's worth of calls that are thought to take 20 ms each, and those that run.
const CALLS: usize = 250;

/// Batches that nobody can answer while the profiles are locked.
fn send_batches(service: &ServiceWithDatabase) -> JoinSet<Result<usize, Status>> {
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let mut client = service.scoring();
        let request = pb::BatchClassifyRequest {
            subjects: vec![by_id("ada")],
            as_of: String::new(),
            read_mask: None,
        };
        calls.spawn(async move {
            let answer = client.batch_classify(request).await?;
            Ok(answer.into_inner().responses.len())
        });
    }
    calls
}

#[tokio::test]
async fn calls_that_would_wait_too_long_are_refused_while_the_others_wait() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[patch("ada")]).await;
    let service = service.restart().await;
    let held = service.lock_profiles().await;
    let mut calls = send_batches(&service);
    let lane = &service.app.metrics.batch_lane;
    until("all calls have arrived", async || {
        let there = lane.running.get() + lane.waiting.get();
        u64::try_from(there).unwrap() + lane.refused.get() == 250
    })
    .await;
    let refused = lane.refused.get();
    assert!(refused > 0);
    assert!(lane.waiting.get() > 0);
    // Refused calls are answered while nothing else can be.
    for _ in 0..refused {
        let status = calls.join_next().await.unwrap().unwrap().unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(reason(&status), "OVERLOADED");
        let retry = status.get_details_retry_info().unwrap();
        assert!(retry.retry_delay.unwrap() >= std::time::Duration::from_millis(50));
    }
    // Lookups have nothing to do with it: this one waits for the lock and not for a place.
    assert_eq!(service.app.metrics.rpc.shed.get(), 0);
    held.rollback().await.unwrap();
    while let Some(answer) = calls.join_next().await {
        assert_eq!(answer.unwrap().unwrap(), 1);
    }
    until("all places are free", async || lane.running.get() == 0).await;
}

#[tokio::test]
async fn calls_whose_callers_go_leave_the_queue() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[patch("ada")]).await;
    let service = service.restart().await;
    let held = service.lock_profiles().await;
    let mut calls = send_batches(&service);
    let lane = &service.app.metrics.batch_lane;
    until("calls wait", async || lane.waiting.get() > 10).await;
    calls.shutdown().await;
    until("nobody waits", async || {
        lane.waiting.get() == 0 && lane.running.get() == 0
    })
    .await;
    assert!(lane.dropped.get() > 10);
    held.rollback().await.unwrap();
    assert_eq!(send_one(&service).await, 1);
}

async fn send_one(service: &ServiceWithDatabase) -> usize {
    let request = pb::BatchClassifyRequest {
        subjects: vec![by_id("ada")],
        as_of: String::new(),
        read_mask: None,
    };
    let answer = service.scoring().batch_classify(request).await.unwrap();
    answer.into_inner().responses.len()
}
