//! Customers that are not in memory: one load however many ask or give up, and never an older answer than one that was given.

mod batches;
mod cancelled;
mod given_up;
mod outage;
mod warm_start;

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use patron::pb;
use tonic::Code;

use crate::server::raw;
use crate::support::messages::{by_id, by_phone, patch, phone, purchase};
use crate::support::service::ServiceWithDatabase;
use crate::support::until;

/// gRPC's number of `DEADLINE_EXCEEDED`.
const DEADLINE_EXCEEDED: &str = "4";

/// A call with a deadline that only the server keeps; returns its status.
async fn classify_within(service: &ServiceWithDatabase, customer: &str, timeout: &str) -> String {
    let request = pb::ClassifyRequest {
        subject: Some(by_id(customer)),
        as_of: String::new(),
        ..Default::default()
    };
    let method = "patron.v1.ScoringService/Classify";
    let timeout = [("grpc-timeout", timeout)];
    let answer = raw::call(service.app.address, method, &request, &timeout).await;
    answer["grpc-status"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_whose_deadlines_are_shorter_than_the_load_share_one_and_the_next_call_is_a_hit() {
    const CALLERS: usize = 200;
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 100)])
        .await;
    let cache = &service.app.metrics.profile_cache;
    assert_eq!(cache.loads_started.get(), 0, "a write loads nothing");
    let held = service.lock_profiles().await;
    let calls = (0..CALLERS).map(|_| classify_within(&service, "ada", "100m"));
    let statuses = join_all(calls).await;
    assert_eq!(statuses, vec![DEADLINE_EXCEEDED; CALLERS]);
    assert_eq!(cache.misses.get(), CALLERS as u64);
    assert_eq!(cache.loads_started.get(), 1);
    assert_eq!(cache.loads_completed.get(), 0);
    service.until_blocked(1).await;
    held.rollback().await.unwrap();
    until("the load ends, though nobody waits for it", async || {
        cache.loads_completed.get() == 1
    })
    .await;
    let answer = service.classify(by_id("ada"), "").await;
    assert_eq!(answer.classification.unwrap().customer_id, "ada");
    assert_eq!(cache.hits.get(), 1);
    assert_eq!(cache.loads_started.get(), 1);
    assert_eq!(cache.loads_failed.get(), 0);
}

/// A day of purchases that is none, after a history that is.
const UNREADABLE: &str =
    "UPDATE profiles SET packed = packed || '\\x1201ff' WHERE customer_id = 'ada'";

#[tokio::test]
async fn a_history_that_cannot_be_read_is_an_internal_error_until_the_row_is_put_right() {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 100)])
        .await;
    let select = "SELECT packed FROM profiles WHERE customer_id = 'ada'";
    let packed: Vec<u8> = sqlx::query_scalar(select)
        .fetch_one(&service.pool)
        .await
        .unwrap();
    sqlx::query(UNREADABLE)
        .execute(&service.pool)
        .await
        .unwrap();
    let request = || pb::ClassifyRequest {
        subject: Some(by_id("ada")),
        ..Default::default()
    };
    for _ in 0..2 {
        let status = service.scoring().classify(request()).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
    }
    sqlx::query("UPDATE profiles SET packed = $1 WHERE customer_id = 'ada'")
        .bind(packed)
        .execute(&service.pool)
        .await
        .unwrap();
    let answer = service.scoring().classify(request()).await.unwrap();
    let classification = answer.into_inner().classification.unwrap();
    assert_eq!(classification.customer_id, "ada");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_after_a_write_and_no_reader_ever_sees_an_older_version() {
    const WRITES: i64 = 120;
    const READERS: usize = 4;
    let service = ServiceWithDatabase::start().await;
    let found = pb::CustomerPatch {
        add_identifiers: vec![phone("+493023125001")],
        ..patch("ada")
    };
    service.write_customers(&[found]).await;
    let done = AtomicBool::new(false);
    let version = async |subject: pb::Subject| {
        let answer = service.classify(subject, "").await;
        answer.provenance.unwrap().profile_version
    };
    let writer = async {
        for write in 1..=WRITES {
            let id = write.to_string();
            service
                .write(&[purchase("ada", &id, "2026-01-01", 1)])
                .await;
            assert_eq!(
                version(by_id("ada")).await,
                write + 1,
                "what was just written"
            );
        }
        done.store(true, Ordering::Relaxed);
    };
    let reader = async |subject: pb::Subject| {
        let (mut seen, mut reads) = (1, 0);
        while !done.load(Ordering::Relaxed) {
            let now = version(subject.clone()).await;
            assert!(now >= seen, "version {now} after {seen}");
            (seen, reads) = (now, reads + 1);
        }
        reads
    };
    let subjects = [by_id("ada"), by_phone("+493023125001")];
    let readers = (0..READERS).map(|at| reader(subjects[at % 2].clone()));
    let ((), reads) = tokio::join!(writer, join_all(readers));
    assert!(reads.iter().all(|&reads| reads > WRITES / 4), "{reads:?}");
    let metrics = &service.app.metrics.profile_cache;
    assert!(
        metrics.loads_started.get() > 0,
        "the writes did empty the cache"
    );
}
