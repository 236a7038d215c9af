//! Calls that are given up while the database works for them: nothing half-written, and no statement left behind.

use std::time::Duration;

use futures_util::future::join_all;
use patron::domain::text::CustomerId;
use patron::pb;
use patron::pb::item_result::Outcome;
use patron::store::locks;
use sqlx::PgPool;

use super::{DEADLINE_EXCEEDED, classify_within};
use crate::server::raw;
use crate::support::messages::{attribute, by_phone, call, patch, phone, purchase};
use crate::support::service::{ServiceWithDatabase, assert_outcomes};
use crate::support::until;

/// Sessions of the service that do something, or that hold a transaction open.
async fn count_busy(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'patron' AND state <> 'idle'",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

async fn until_idle(service: &ServiceWithDatabase) {
    until("no statement of the service is left", async || {
        count_busy(&service.pool).await == 0
    })
    .await;
}

/// Sends a batch within 100 ms, by the server's timer alone; returns the status.
async fn send_within(
    service: &ServiceWithDatabase,
    method: &str,
    message: &impl prost::Message,
) -> String {
    let method = format!("patron.v1.IngestService/{method}");
    let timeout = [("grpc-timeout", "100m")];
    let answer = raw::call(service.app.address, &method, message, &timeout).await;
    answer["grpc-status"].to_str().unwrap().to_owned()
}

async fn count_facts(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM customers) + (SELECT count(*) FROM transactions)
              + (SELECT count(*) FROM contacts) + (SELECT count(*) FROM attribute_values)
              + (SELECT count(*) FROM identifiers) + (SELECT count(*) FROM identifier_owners)
              + (SELECT count(*) FROM change_log) + (SELECT count(*) FROM currencies)",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

/// The three kinds of batches, each blocked by `held` until its deadline and then let go.
async fn give_up_each(service: &ServiceWithDatabase, lock: &'static str) {
    let transactions = pb::IngestTransactionsRequest {
        transactions: (0..50)
            .map(|at| purchase(&format!("c{}", at % 5), &at.to_string(), "2026-01-01", 100))
            .collect(),
        ..Default::default()
    };
    let contacts = pb::IngestContactsRequest {
        contacts: vec![call("c1", "1", "2026-01-01"), call("c9", "2", "2026-01-01")],
        ..Default::default()
    };
    let customers = pb::IngestCustomersRequest {
        customers: vec![pb::CustomerPatch {
            add_identifiers: vec![phone("+493023125001")],
            attributes: vec![attribute("city", None)],
            ..patch("c1")
        }],
        ..Default::default()
    };
    let before = count_facts(&service.pool).await;
    let mut held = service.pool.begin().await.unwrap();
    sqlx::query(lock).execute(&mut *held).await.unwrap();
    for status in [
        send_within(service, "IngestTransactions", &transactions).await,
        send_within(service, "IngestContacts", &contacts).await,
        send_within(service, "IngestCustomers", &customers).await,
    ] {
        assert_eq!(status, DEADLINE_EXCEEDED, "{lock}");
    }
    held.rollback().await.unwrap();
    until_idle(service).await;
    assert_eq!(count_facts(&service.pool).await, before, "{lock}");
}

/// The status of a call that a lane refuses.
const OVERLOADED: &str = "14";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_given_up_leaves_nothing_of_itself_wherever_it_was_stopped() {
    let service = ServiceWithDatabase::start().await;
    for lock in [
        // Reading the profiles, inserting the facts, storing the profiles, appending to the log.
        "LOCK TABLE profiles IN ACCESS EXCLUSIVE MODE",
        "LOCK TABLE transactions, contacts, attribute_values IN ACCESS EXCLUSIVE MODE",
        "LOCK TABLE profiles IN SHARE MODE",
        "LOCK TABLE change_log IN ACCESS EXCLUSIVE MODE",
    ] {
        give_up_each(&service, lock).await;
    }
    let sent_again: Vec<_> = (0..50)
        .map(|at| purchase(&format!("c{}", at % 5), &at.to_string(), "2026-01-01", 100))
        .collect();
    assert_outcomes(&service.send(&sent_again).await, Outcome::Written);
    assert_eq!(service.customer("c1").await.purchase_days[0].count, 10);
    let unknown = service.classify(by_phone("+493023125001"), "").await;
    assert_eq!(unknown.r#match(), pb::Match::Unknown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_calls_that_are_given_up_leave_no_statement_behind() {
    const CALLS: usize = 100;
    let service = ServiceWithDatabase::start().await;
    let held = service.lock_profiles().await;
    let customers: Vec<String> = (0..CALLS).map(|at| format!("c{at}")).collect();
    let calls = customers
        .iter()
        .map(|id| classify_within(&service, id, "50m"));
    let statuses = join_all(calls).await;
    assert_eq!(statuses, vec![DEADLINE_EXCEEDED; CALLS]);
    let busy = count_busy(&service.pool).await;
    assert!(busy <= 8, "no more than the reads may have: {busy}");
    held.rollback().await.unwrap();
    until_idle(&service).await;
    until("every customer is answered again", async || {
        let statuses = join_all(
            customers
                .iter()
                .map(|id| classify_within(&service, id, "5S")),
        );
        statuses.await.iter().all(|status| status == "0")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_are_given_up_while_they_wait_for_a_customer_do_not_keep_others_from_writing() {
    /// Twice as many as there are connections for writes.
    const CALLS: usize = 8;
    /// A statement that nobody waits for may hold its connection for 200 ms more; without its limit it would for 30 s.
    const SOON: Duration = Duration::from_secs(10);
    let service = ServiceWithDatabase::start().await;
    let ada = CustomerId::new("ada").unwrap();
    let mut held = service.pool.begin().await.unwrap();
    locks::lock_customers(&mut held, &[ada]).await.unwrap();
    let batches: Vec<_> = (0..CALLS)
        .map(|at| pb::IngestTransactionsRequest {
            transactions: vec![purchase("ada", &at.to_string(), "2026-01-01", 100)],
            ..Default::default()
        })
        .collect();
    let calls = batches
        .iter()
        .map(|batch| send_within(&service, "IngestTransactions", batch));
    let mut statuses = join_all(calls).await;
    // Those without a connection wait for a place, and are refused on arrival where they could not expect one in time.
    statuses.retain(|status| status != OVERLOADED);
    assert!(statuses.len() >= CALLS / 2, "{statuses:?}");
    assert_eq!(statuses, vec![DEADLINE_EXCEEDED; statuses.len()]);
    let gone = tokio::time::timeout(SOON, until_idle(&service)).await;
    assert!(
        gone.is_ok(),
        "{} statements still wait for the lock",
        count_busy(&service.pool).await
    );
    // The lock is still held, and a call that does not need it writes.
    service
        .write(&[purchase("bob", "1", "2026-01-01", 100)])
        .await;
    held.rollback().await.unwrap();
    service
        .write(&[purchase("ada", "1", "2026-01-01", 100)])
        .await;
}
