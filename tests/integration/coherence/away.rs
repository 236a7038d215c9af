//! What is answered while the database is away, how, and how soon everything is answered again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use patron::pb;
use tonic::{Code, Status};

use crate::support::messages::{by_id, by_phone, patch, phone, purchase, reason};
use crate::support::service::{NOW, ServiceWithDatabase};
use crate::support::until;

/// Customers who are held, and have one write each since.
const WARM: usize = 1_000;

fn number(at: usize) -> String {
    format!("+4930{:07}", 2_000_000 + at)
}

async fn classify(
    service: &ServiceWithDatabase,
    subject: pb::Subject,
) -> Result<pb::ClassifyResponse, Status> {
    let request = pb::ClassifyRequest {
        subject: Some(subject),
        as_of: String::new(),
        ..Default::default()
    };
    let answer = service.scoring().classify(request).await?;
    Ok(answer.into_inner())
}

async fn until_away(service: &ServiceWithDatabase) {
    until("the database is known to be away", async || {
        service.app.metrics.breaker.open.get() == 1
    })
    .await;
}

#[track_caller]
fn assert_stale(provenance: Option<pb::Provenance>) {
    let provenance = provenance.unwrap();
    assert!(provenance.stale, "{provenance:?}");
    let confirmed = provenance.confirmed_time.unwrap();
    let now: jiff::Timestamp = NOW.parse().unwrap();
    assert_eq!(confirmed.seconds, now.as_second());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_held_customer_is_answered_in_an_outage_after_a_write_each_by_id_and_by_number() {
    let service = ServiceWithDatabase::start().await;
    let customers: Vec<_> = (0..WARM)
        .map(|at| pb::CustomerPatch {
            add_identifiers: vec![phone(&number(at))],
            ..patch(&format!("c{at}"))
        })
        .collect();
    for batch in customers.chunks(500) {
        service.write_customers(batch).await;
    }
    for at in 0..WARM {
        service.classify(by_phone(&number(at)), "").await;
    }
    // Facts of all, and another number of every fifth, in place of the one that is held.
    let facts: Vec<_> = (0..WARM)
        .map(|at| purchase(&format!("c{at}"), "1", "2026-01-01", 100))
        .collect();
    for batch in facts.chunks(500) {
        service.write(batch).await;
    }
    let moved: Vec<_> = (0..WARM)
        .step_by(5)
        .map(|at| pb::CustomerPatch {
            add_identifiers: vec![phone(&number(at + 1))],
            ..patch(&format!("c{at}"))
        })
        .collect();
    service.write_customers(&moved).await;
    service.database.take_away().await;
    until_away(&service).await;
    for at in 0..WARM {
        let by_id = classify(&service, by_id(&format!("c{at}"))).await.unwrap();
        let version = by_id.provenance.as_ref().unwrap().profile_version;
        assert_eq!(version, if at % 5 == 0 { 3 } else { 2 });
        let by_phone = classify(&service, by_phone(&number(at))).await.unwrap();
        let expected = if at % 5 == 1 {
            2
        } else {
            by_phone.candidate_count
        };
        assert_eq!(by_phone.candidate_count, expected, "c{at}");
        assert_stale(by_id.provenance);
        assert_stale(by_phone.provenance);
    }
    service.database.give_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_from_memory_says_so_in_every_rpc_and_no_longer_when_the_database_is_back() {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 100)])
        .await;
    let before = service.classify(by_id("ada"), "").await;
    let score = service.score(by_id("ada"), "").await;
    assert!(!before.provenance.as_ref().unwrap().stale);
    service.database.take_away().await;
    until_away(&service).await;
    let answer = service.classify(by_id("ada"), "").await;
    assert_eq!(answer.classification, before.classification);
    assert_eq!(
        answer.provenance.as_ref().unwrap().profile_version,
        before.provenance.as_ref().unwrap().profile_version
    );
    assert_stale(answer.provenance);
    assert_stale(
        service
            .classify(by_id("ada"), "2026-12-01")
            .await
            .provenance,
    );
    assert_stale(service.score(by_id("ada"), "").await.provenance);
    assert_stale(
        service
            .explain(by_id("ada"), None)
            .await
            .unwrap()
            .provenance,
    );
    let request = pb::BatchClassifyRequest {
        subjects: vec![by_id("ada"); 2],
        as_of: String::new(),
        read_mask: None,
    };
    let answers = service.scoring().batch_classify(request).await.unwrap();
    for answer in answers.into_inner().responses {
        assert_stale(answer.provenance);
    }
    service.database.give_back().await;
    until("the database is known to be back", async || {
        service.app.metrics.breaker.open.get() == 0
    })
    .await;
    assert_eq!(service.classify(by_id("ada"), "").await, before);
    assert_eq!(service.score(by_id("ada"), "").await, score);
    assert_eq!(service.app.metrics.breaker.openings.get(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_fail_at_once_in_an_outage_and_leave_the_warm_ones_alone() {
    const STRANGERS: usize = 40;
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 100)])
        .await;
    service.classify(by_id("ada"), "").await;
    service.database.take_away().await;
    until_away(&service).await;
    let loads = service.app.metrics.profile_cache.loads_started.get();
    let (refused, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let stranger = async |at: usize| {
        for call in 0_u64.. {
            if over.load(SeqCst) {
                return;
            }
            let status = classify(&service, by_id(&format!("s{at}-{call}"))).await;
            let status = status.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
            match reason(&status).as_str() {
                // On a machine that is busy with other tests: it waited too long for a thread.
                "OVERLOADED" => {}
                other => {
                    assert_eq!(other, "DATABASE_UNAVAILABLE");
                    refused.fetch_add(1, SeqCst);
                }
            }
        }
    };
    let warm = async {
        for _ in 0..300 {
            classify(&service, by_id("ada")).await.unwrap();
        }
        over.store(true, SeqCst);
    };
    tokio::join!(warm, join_all((0..STRANGERS).map(stranger)));
    assert!(refused.load(SeqCst) > 1_000, "{refused:?}");
    // Writes and reads of the database do not wait either.
    let begin = Instant::now();
    for _ in 0..10 {
        let request = pb::IngestTransactionsRequest {
            transactions: vec![purchase("ada", "2", "2026-01-01", 100)],
            ..Default::default()
        };
        let status = service.ingest().ingest_transactions(request).await;
        assert_eq!(status.unwrap_err().code(), Code::Unavailable);
        let status = service.find_customer(by_id("ada")).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{begin:?}");
    assert_eq!(service.app.metrics.profile_cache.loads_started.get(), loads);
    service.database.give_back().await;
    let back = Instant::now();
    until("strangers are answered", async || {
        classify(&service, by_id("nobody")).await.is_ok()
    })
    .await;
    let took = back.elapsed();
    assert!(took < Duration::from_secs(2), "fresh again after {took:?}");
    service
        .write(&[purchase("ada", "2", "2026-01-01", 100)])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_noticed_when_nobody_asks_for_strangers() {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 100)])
        .await;
    service.classify(by_id("ada"), "").await;
    service.database.take_away().await;
    until("the answer says that it may be out of date", async || {
        let answer = service.classify(by_id("ada"), "").await;
        answer.provenance.unwrap().stale
    })
    .await;
    service.database.give_back().await;
}
