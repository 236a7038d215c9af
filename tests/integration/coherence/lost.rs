//! Commits whose answer is lost: the connection breaks while the database still works on them, and they take effect a moment later. What the
//! caller sends again is known by then, and once that is acknowledged it is in every answer.

use patron::pb;
use patron::pb::OrderModelKind;
use patron::pb::item_result::Outcome;
use sqlx::{Executor as _, Postgres, Transaction};
use tonic::{Code, Status};

use crate::definitions::EXAMPLE;
use crate::models::{request, shop};
use crate::rates::rate;
use crate::support::database::TestDatabase;
use crate::support::messages::{by_id, by_phone, contract, patch, phone, purchase};
use crate::support::proxy::Proxy;
use crate::support::service::{Service, assert_outcomes};
use crate::support::until;

/// Lets a transaction that inserts into one of these tables end only when the test does.
const GATES: &str = "
    CREATE FUNCTION wait_for_the_test() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(4711);
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON change_log
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_the_test();
    CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON definition_revisions
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_the_test();
    CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON model_versions
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_the_test();
    CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON exchange_rates
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_the_test();
";

const NUMBER: &str = "+493023125001";

/// A service that reaches its database by way of a proxy.
struct Far {
    service: Service,
    proxy: Proxy,
    database: TestDatabase,
}

impl Far {
    async fn start() -> Self {
        let database = TestDatabase::create().await;
        let proxy = Proxy::start(&database.url).await;
        let service = Service::start(&proxy.url).await;
        database.pool.execute(GATES).await.unwrap();
        Self {
            service,
            proxy,
            database,
        }
    }

    /// Makes commits wait until what is returned is dropped.
    async fn hold_commits(&self) -> Transaction<'static, Postgres> {
        let mut held = self.database.pool.begin().await.unwrap();
        let lock = "SELECT pg_advisory_xact_lock(4711)";
        held.execute(lock).await.unwrap();
        held
    }

    async fn count_waiting(&self) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks
             WHERE locktype = 'advisory' AND classid = 0 AND objid = 4711 AND NOT granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .fetch_one(&self.database.pool)
        .await
        .unwrap()
    }

    /// Makes a call whose commit the database still works on when the connection breaks; `look` then sees what was before it.
    async fn lose<T: std::fmt::Debug>(
        &self,
        call: impl Future<Output = Result<T, Status>>,
        look: impl AsyncFn(),
    ) {
        let held = self.hold_commits().await;
        let sever = async {
            until("a commit waits", async || self.count_waiting().await == 1).await;
            self.proxy.sever();
        };
        let (lost, ()) = tokio::join!(call, sever);
        assert_eq!(lost.unwrap_err().code(), Code::Unavailable);
        until("the database is known to be there", async || {
            let nobody = by_id(&uuid::Uuid::now_v7().to_string());
            self.try_classify(nobody).await.is_ok()
        })
        .await;
        look().await;
        assert_eq!(self.count_waiting().await, 1, "it is still not committed");
        held.rollback().await.unwrap();
    }

    async fn try_classify(&self, subject: pb::Subject) -> Result<pb::ClassifyResponse, Status> {
        let request = pb::ClassifyRequest {
            subject: Some(subject),
            as_of: String::new(),
            ..Default::default()
        };
        let answer = self.service.scoring().classify(request).await?;
        Ok(answer.into_inner())
    }

    async fn version(&self, subject: pb::Subject) -> i64 {
        let answer = self.service.classify(subject, "").await;
        answer.provenance.unwrap().profile_version
    }

    async fn basis(&self) -> String {
        let answer = self.service.classify(by_id("ada"), "").await;
        answer.provenance.unwrap().basis_id
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_that_are_acknowledged_as_known_are_in_every_answer() {
    let far = Far::start().await;
    let service = &far.service;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 100)])
        .await;
    assert_eq!(far.version(by_id("ada")).await, 1);
    let batch = pb::IngestTransactionsRequest {
        transactions: vec![purchase("ada", "2", "2026-01-02", 100)],
        ..Default::default()
    };
    let mut ingest = service.ingest();
    let call = ingest.ingest_transactions(batch.clone());
    far.lose(call, async || {
        assert_eq!(far.version(by_id("ada")).await, 1);
    })
    .await;
    let again = service.send(&batch.transactions).await;
    assert_outcomes(&again, Outcome::Duplicate);
    assert_eq!(far.version(by_id("ada")).await, 2);

    let batch = pb::IngestContractsRequest {
        contracts: vec![contract("ada", "1", "2026-01-01", 12, 100)],
        ..Default::default()
    };
    let call = ingest.ingest_contracts(batch.clone());
    far.lose(call, async || {
        assert_eq!(far.version(by_id("ada")).await, 2);
    })
    .await;
    let again = service.send_contracts(&batch.contracts).await;
    assert_outcomes(&again, Outcome::Duplicate);
    assert_eq!(far.version(by_id("ada")).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_that_is_acknowledged_as_known_is_in_every_answer_also_by_its_numbers() {
    let far = Far::start().await;
    let service = &far.service;
    service.write_customers(&[patch("ada")]).await;
    let found = async || service.classify(by_phone(NUMBER), "").await.r#match();
    assert_eq!(found().await, pb::Match::Unknown);
    let batch = pb::IngestCustomersRequest {
        customers: vec![pb::CustomerPatch {
            add_identifiers: vec![phone(NUMBER)],
            ..patch("ada")
        }],
        ..Default::default()
    };
    let mut ingest = service.ingest();
    let call = ingest.ingest_customers(batch.clone());
    far.lose(call, async || {
        assert_eq!(found().await, pb::Match::Unknown);
        assert_eq!(far.version(by_id("ada")).await, 1);
    })
    .await;
    let again = service.send_customers(&batch.customers).await;
    assert_outcomes(&again, Outcome::Duplicate);
    assert_eq!(found().await, pb::Match::One);
    assert_eq!(far.version(by_id("ada")).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_and_rates_that_are_acknowledged_as_known_are_in_force() {
    let far = Far::start().await;
    let service = &far.service;
    service.write_customers(&[patch("ada")]).await;
    let before = far.basis().await;
    assert!(before.starts_with("r0-"), "{before}");
    let request = pb::PublishDefinitionsRequest {
        document: EXAMPLE.to_owned(),
        note: "by a test".to_owned(),
        expected_revision: None,
    };
    let mut definitions = service.definitions();
    let call = definitions.publish_definitions(request);
    far.lose(call, async || assert_eq!(far.basis().await, before))
        .await;
    assert_eq!(service.publish(EXAMPLE).await.revision, 1);
    let published = far.basis().await;
    assert!(published.starts_with("r1-"), "{published}");

    let batch = pb::IngestRatesRequest {
        rates: vec![rate("CHF", "EUR", ("2026-01-01", "1.05"))],
        ..Default::default()
    };
    let mut ingest = service.ingest();
    let call = ingest.ingest_rates(batch.clone());
    far.lose(call, async || assert_eq!(far.basis().await, published))
        .await;
    let again = ingest.ingest_rates(batch).await.unwrap().into_inner();
    assert_outcomes(&again.results, Outcome::Duplicate);
    let converting = far.basis().await;
    assert!(converting.ends_with("-x1"), "{converting}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fit_that_is_sent_again_is_answered_with_its_one_version_which_answers() {
    let far = Far::start().await;
    let service = &far.service;
    // Customers are ingested before commits are held.
    shop(80).ingest(service).await;
    service.write_customers(&[patch("ada")]).await;
    let before = far.basis().await;
    let request = pb::FitModelRequest {
        request_id: "nightly".to_owned(),
        ..request(OrderModelKind::MbgNbd, "")
    };
    let mut models = service.models();
    let call = models.fit_model(request.clone());
    far.lose(call, async || assert_eq!(far.basis().await, before))
        .await;
    let again = service.models().fit_model(request).await;
    let model = again.unwrap().into_inner().model.unwrap();
    assert_eq!((model.version, model.active), (1, true));
    let versions: i64 = sqlx::query_scalar("SELECT count(*) FROM model_versions")
        .fetch_one(&far.database.pool)
        .await
        .unwrap();
    assert_eq!(versions, 1);
    let fitted = far.basis().await;
    assert!(fitted.contains("-m1"), "{before} {fitted}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publication_that_nobody_sends_again_comes_into_force_by_itself() {
    let far = Far::start().await;
    far.service.write_customers(&[patch("ada")]).await;
    let request = pb::PublishDefinitionsRequest {
        document: EXAMPLE.to_owned(),
        note: "by a test".to_owned(),
        expected_revision: None,
    };
    let mut definitions = far.service.definitions();
    let call = definitions.publish_definitions(request);
    far.lose(call, async || assert!(far.basis().await.starts_with("r0-")))
        .await;
    until("the revision is in force", async || {
        far.basis().await.starts_with("r1-")
    })
    .await;
}
