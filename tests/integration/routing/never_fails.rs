//! Whatever happens to the server, a contact has an answer.

use std::time::{Duration, Instant};

use super::{ADA, FIRM, number, service};
use crate::support::messages::{by_external, by_id};
use crate::support::until;
use patron::pb;
use patron::pb::{FallbackReason, RouteQuality, RouteVerdict};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_an_outage_who_is_in_memory_is_found_and_others_get_the_fallback() {
    let service = service().await;
    let before = service.route(number(ADA)).await;
    assert_eq!(before.quality(), RouteQuality::Full);
    service.database.take_away().await;
    until("the database is known to be away", async || {
        service.app.metrics.breaker.open.get() == 1
    })
    .await;
    let held = service.route(number(ADA)).await;
    assert_eq!(held.verdict(), RouteVerdict::Resolved);
    assert_eq!(held.quality(), RouteQuality::Stale);
    assert_eq!(held.treatment, before.treatment);
    let provenance = held.provenance.unwrap();
    assert!(provenance.stale && provenance.confirmed_time.is_some());
    assert_eq!(provenance.as_of, before.provenance.unwrap().as_of);
    let cold = service.route(number(FIRM)).await;
    assert_eq!(cold.verdict(), RouteVerdict::Unknown);
    assert_eq!(cold.quality(), RouteQuality::Fallback);
    assert_eq!(cold.fallback_reason(), FallbackReason::Database);
    assert_eq!(cold.treatment.unwrap().queue, "newcomers");
    // A claim that cannot be looked up does not take the caller with it.
    for claim in [by_external("crm", "9"), by_id("nobody")] {
        let claimed = pb::RouteContactRequest {
            claim: Some(claim),
            ..number(ADA)
        };
        let answer = service.route(claimed).await;
        assert_eq!(answer.verdict(), RouteVerdict::Resolved);
        assert_eq!(answer.customer.unwrap().customer_id, "ada");
    }
    // What needs no look is answered as ever.
    let withheld = service.route(number("anonymous")).await;
    assert_eq!(withheld.quality(), RouteQuality::Full);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_slow_does_not_hold_up_a_call() {
    // Longer than a lookup takes on a busy machine.
    let budget = Duration::from_secs(1);
    let paused = service().await.pause().await;
    let service = paused
        .resume_with(|settings| settings.route_budget_ms = 1_000)
        .await;
    let lock = service.lock_profiles().await;
    let start = Instant::now();
    let answer = service.route(number(ADA)).await;
    assert_eq!(answer.quality(), RouteQuality::Fallback);
    assert_eq!(answer.fallback_reason(), FallbackReason::TooLate);
    assert_eq!(answer.treatment.unwrap().queue, "newcomers");
    assert!(start.elapsed() >= budget);
    lock.rollback().await.unwrap();
    until("the customer is found", async || {
        service.route(number(ADA)).await.verdict() == RouteVerdict::Resolved
    })
    .await;
}
