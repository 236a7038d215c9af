//! What a server in trouble must not lose: what was committed is seen, even if its caller gave up waiting; a fit sees one state of the
//! data; a stop ends.

use std::time::Duration;

use patron::pb;
use patron::pb::item_result::Outcome;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::time::timeout;

use crate::support::messages::{attribute, by_email, by_id, email, patch, purchase, refund};
use crate::support::service::ServiceWithDatabase;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Commits of transactions that write to one table wait while this is held.
struct HeldCommits(PoolConnection<Postgres>);

/// The advisory lock that held commits wait for.
const LOCK: i64 = 4711;

impl HeldCommits {
    /// Holds the commits of all transactions that write a row of `change_log` or `active_model`.
    async fn hold(pool: &PgPool) -> Self {
        for statement in [
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END $$",
            "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON change_log
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()",
            "CREATE CONSTRAINT TRIGGER wait AFTER INSERT OR UPDATE ON active_model
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()",
        ] {
            sqlx::query(statement).execute(pool).await.unwrap();
        }
        let mut connection = pool.acquire().await.unwrap();
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(LOCK)
            .execute(&mut *connection)
            .await
            .unwrap();
        Self(connection)
    }

    /// Lets the commits go on.
    async fn release(mut self) {
        sqlx::query("SELECT pg_advisory_unlock($1)")
            .bind(LOCK)
            .execute(&mut *self.0)
            .await
            .unwrap();
    }
}

/// Waits until a statement that looks like `pattern` waits for a lock in this database.
async fn blocked(pool: &PgPool, pattern: &str) {
    let found = async {
        while !sqlx::query_scalar::<_, bool>(
            "SELECT EXISTS (SELECT FROM pg_stat_activity
                            WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1)",
        )
        .bind(pattern)
        .fetch_one(pool)
        .await
        .unwrap()
        {}
    };
    timeout(PATIENCE, found).await.expect("nothing is blocked");
}

/// Makes `call`, has its caller give up while its commit is held, and waits until the server has dropped it. Then lets the commit go on.
async fn give_up_while_it_commits<F>(service: &ServiceWithDatabase, call: F)
where
    F: Future<Output: Send> + Send + 'static,
{
    let held = HeldCommits::hold(&service.pool).await;
    let caller = tokio::spawn(call);
    blocked(&service.pool, "COMMIT%").await;
    caller.abort();
    let in_progress = &service.app.metrics.rpc.limited_in_flight;
    let dropped = async {
        while in_progress.get() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, dropped)
        .await
        .expect("it was not dropped");
    held.release().await;
}

#[tokio::test]
async fn a_transaction_is_seen_although_its_caller_gave_up_while_it_was_committed() {
    let service = ServiceWithDatabase::start().await;
    // Held in memory: that nobody is known by that id, and that there is no currency.
    let unknown = service.classify(by_id("ada"), "").await;
    assert_eq!(unknown.r#match(), pb::Match::Unknown);
    let mut client = service.ingest();
    let request = pb::IngestTransactionsRequest {
        transactions: vec![purchase("ada", "1", "2026-01-01", 100)],
        ..Default::default()
    };
    give_up_while_it_commits(&service, async move {
        client.ingest_transactions(request).await
    })
    .await;
    let seen = async {
        loop {
            let answer = service.classify(by_id("ada"), "").await;
            let basis = answer.provenance.clone().unwrap().basis_id;
            if answer.r#match() == pb::Match::One && basis == "r0-m0-EUR" {
                return;
            }
        }
    };
    timeout(PATIENCE, seen).await.expect("it is never seen");
}

#[tokio::test]
async fn an_identifier_is_found_although_its_caller_gave_up_while_it_was_committed() {
    let service = ServiceWithDatabase::start().await;
    let subject = || by_email("ada@example.org");
    let unknown = service.classify(subject(), "").await;
    assert_eq!(unknown.r#match(), pb::Match::Unknown);
    let mut client = service.ingest();
    let request = pb::IngestCustomersRequest {
        customers: vec![pb::CustomerPatch {
            add_identifiers: vec![email("ada@example.org")],
            ..patch("ada")
        }],
        ..Default::default()
    };
    give_up_while_it_commits(
        &service,
        async move { client.ingest_customers(request).await },
    )
    .await;
    let seen = async { while service.classify(subject(), "").await.r#match() != pb::Match::One {} };
    timeout(PATIENCE, seen).await.expect("it is never found");
}

/// Customers that buy every `step` days, some once, some often: enough for a fit to have something to say.
fn histories(customers: i32) -> Vec<pb::Transaction> {
    let day = |number: i32| format!("2026-{:02}-{:02}", 1 + number / 28, 1 + number % 28);
    (0..customers)
        .flat_map(|customer| {
            let id = format!("c{customer}");
            (0..=customer % 5).map(move |order| {
                let day = day(customer % 28 + order * (7 + customer % 11));
                purchase(
                    &id,
                    &order.to_string(),
                    &day,
                    1_000 + i64::from(customer % 17) * 100,
                )
            })
        })
        .collect()
}

#[tokio::test]
async fn a_model_answers_although_its_caller_gave_up_while_it_was_activated() {
    let service = ServiceWithDatabase::start().await;
    service.write(&histories(120)).await;
    let request = pb::FitModelRequest {
        keep_inactive: true,
        ..Default::default()
    };
    let fit = service.models().fit_model(request).await.unwrap();
    let version = fit.into_inner().model.unwrap().version;
    let mut client = service.models();
    give_up_while_it_commits(&service, async move {
        client
            .activate_model(pb::ActivateModelRequest {
                version,
                // A hundred customers tell too little.
                allow_not_converged: true,
            })
            .await
    })
    .await;
    let seen = async {
        loop {
            let answer = service.classify(by_id("c0"), "").await;
            if answer.provenance.unwrap().basis_id == "r0-m1-EUR" {
                return;
            }
        }
    };
    timeout(PATIENCE, seen).await.expect("it never answers");
}

#[tokio::test]
async fn a_stop_ends_although_a_fit_is_stuck_in_the_database() {
    let service = ServiceWithDatabase::start().await;
    let mut lock = service.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE profiles IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let mut client = service.models();
    let caller =
        tokio::spawn(async move { client.fit_model(pb::FitModelRequest::default()).await });
    blocked(&service.pool, "%FROM profiles%").await;
    caller.abort();
    let stopped = timeout(PATIENCE, service.stop()).await;
    stopped.expect("the stop waits for the statement").unwrap();
}

#[tokio::test]
async fn a_fit_sees_one_state_of_the_data() {
    let service = ServiceWithDatabase::start().await;
    service.write(&histories(120)).await;
    // What this customer did until the day of the fit is only in the facts: there are a refund and a later purchase.
    service
        .write(&[
            purchase("ada", "1", "2026-01-01", 500),
            refund("ada", "2", "1", "2026-01-02", 100),
            purchase("ada", "3", "2026-11-01", 500),
        ])
        .await;
    let mut lock = service.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE transactions IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let mut client = service.models();
    let request = pb::FitModelRequest {
        until: "2026-10-31".to_owned(),
        ..Default::default()
    };
    let fit = tokio::spawn(async move { client.fit_model(request).await });
    blocked(&service.pool, "%FROM transactions%").await;
    sqlx::query("DELETE FROM transactions WHERE customer_id = 'ada'")
        .execute(&mut *lock)
        .await
        .unwrap();
    lock.commit().await.unwrap();
    let model = fit.await.unwrap().unwrap().into_inner().model.unwrap();
    assert_eq!(model.orders.unwrap().customers, 121);
}

fn observed(name: &str, value: i64, day: &str) -> pb::CustomerPatch {
    let value = pb::attribute_value::Value::IntValue(value);
    pb::CustomerPatch {
        attributes: vec![pb::AttributeValue {
            observed_on: day.to_owned(),
            ..attribute(name, Some(value))
        }],
        ..patch("ada")
    }
}

#[tokio::test]
async fn a_late_observation_is_held_against_the_last_one_of_its_day() {
    let service = ServiceWithDatabase::start().await;
    let [early, late] = ["2026-03-01", "2026-03-09"];
    service
        .write_customers(&[
            observed("visits", 1, early),
            observed("visits", 2, early),
            observed("visits", 7, late),
        ])
        .await;
    let results = service
        .send_customers(&[
            observed("visits", 2, early),
            observed("visits", 1, early),
            observed("visits", 1, early),
            observed("visits", 7, late),
            // Of a day within those known, and then again.
            observed("visits", 5, "2026-03-05"),
            observed("visits", 5, "2026-03-05"),
            // Of a later day; then what was held before is late.
            observed("visits", 8, "2026-03-10"),
            observed("visits", 7, late),
        ])
        .await;
    let outcomes: Vec<_> = results.iter().map(pb::ItemResult::outcome).collect();
    let (new, known) = (Outcome::Written, Outcome::Duplicate);
    assert_eq!(outcomes, [known, new, known, known, new, known, new, known]);
}

#[tokio::test]
async fn a_batch_of_cold_addresses_is_one_look_at_the_database() {
    let service = ServiceWithDatabase::start().await;
    let address = |at: usize| format!("c{at}@example.org");
    let patches: Vec<_> = (0..50)
        .map(|at| pb::CustomerPatch {
            add_identifiers: vec![email(&address(at))],
            ..patch(&format!("c{at}"))
        })
        .collect();
    service.write_customers(&patches).await;
    let loads = &service.app.metrics.identifier_cache.loads_started;
    let before = loads.get();
    let request = pb::BatchClassifyRequest {
        subjects: (0..50).map(|at| by_email(&address(at))).collect(),
        ..Default::default()
    };
    let answer = service.scoring().batch_classify(request).await.unwrap();
    for (at, response) in answer.into_inner().responses.into_iter().enumerate() {
        let found = response.classification.unwrap().customer_id;
        assert_eq!(found, format!("c{at}"));
    }
    assert_eq!(loads.get() - before, 1);
}

#[tokio::test]
async fn a_batch_with_everything_wrong_is_answered_for_every_item() {
    let service = ServiceWithDatabase::start().await;
    // 128,000 nameless attributes, in a fraction of the greatest message.
    let nameless = pb::CustomerPatch {
        attributes: vec![pb::AttributeValue::default(); 128],
        ..patch("ada")
    };
    let results = service.send_customers(&vec![nameless; 1_000]).await;
    assert_eq!(results.len(), 1_000);
    for result in &results {
        assert_eq!(result.outcome(), Outcome::Refused);
        let last = result.violations.last().unwrap();
        assert_eq!(result.violations.len(), 9);
        assert_eq!(last.description, "and 120 more");
    }
}
