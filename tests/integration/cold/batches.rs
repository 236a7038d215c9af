//! Batches while the database goes away: which answers are marked, how often it is asked in vain, and what a batch without answers is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use patron::cache::identifiers::IdentifierCache;
use patron::cache::model_versions::ModelVersions;
use patron::cache::profiles::profile_cache;
use patron::cache::read_through::Bounds;
use patron::clock::FixedClock;
use patron::domain::customer::Identifier;
use patron::domain::telephony::plan::NumberPlan;
use patron::domain::text::CustomerId;
use patron::metrics::{BreakerMetrics, CacheMetrics};
use patron::service::answer::classify::{
    Batch, BatchAnswer, BatchEnd, Classified, Classifier, Question,
};
use patron::service::answer::profiles::Profiles;
use patron::service::answer::subjects::{Subject, Subjects};
use patron::service::current_basis::CurrentBasis;
use patron::service::error::ServiceError;
use patron::store::breaker::Breaker;
use patron::store::error::StoreError;
use patron::store::identifiers::{IdentifierFact, IdentifierKey, insert};
use patron::store::pool::{Plans, Pool, PoolOptions};
use patron::store::target::Target;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::TcpListener;

use crate::support::database::TestDatabase;
use crate::support::service::NOW;

const BYTES: usize = 4 << 20;

/// Accepts connections and closes them before any login succeeds.
struct Refusing {
    url: String,
    logins: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Refusing {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let logins = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&logins);
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                drop(connection);
            }
        });
        Self {
            url: format!("postgres://patron@127.0.0.1:{port}/patron?sslmode=disable"),
            logins,
            task,
        }
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn pool(url: &str, breaker: &Arc<Breaker>) -> Pool {
    let options = PoolOptions {
        max_connections: 4,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(10),
        plans: Plans::Kept,
    };
    Pool::open(&Target::parse(url).unwrap(), options, breaker)
}

fn key() -> IdentifierKey {
    IdentifierKey::new([7; 32])
}

/// A classifier that finds identifiers in one database and profiles in another one. Nothing is in its memory.
async fn classifier(
    database: &TestDatabase,
    [identifiers, profiles]: [&str; 2],
    breaker: &Arc<Breaker>,
) -> Classifier {
    let bounds = Bounds {
        max_bytes: 64 << 20,
        load_timeout: Duration::from_secs(10),
    };
    let cache = |url| (pool(url, breaker), Arc::clone(breaker), bounds);
    let (pool_of_ids, there, limits) = cache(identifiers);
    let owners = IdentifierCache::new(pool_of_ids, there, limits, CacheMetrics::default());
    let (pool_of_profiles, there, limits) = cache(profiles);
    let held = profile_cache(
        pool_of_profiles.clone(),
        there,
        limits,
        CacheMetrics::default(),
    );
    let own = pool(&database.url, &Breaker::never_opens());
    let basis = CurrentBasis::load(own.clone(), Gauge::default()).await;
    Classifier {
        subjects: Arc::new(Subjects::new(Arc::new(owners), key())),
        profiles: Arc::new(Profiles::new(held, pool_of_profiles)),
        bases: Arc::new(basis.unwrap()),
        clock: Arc::new(FixedClock::new(NOW.parse().unwrap())),
        zone: TimeZone::UTC,
        versions: ModelVersions::new(own),
        breaker: Arc::clone(breaker),
        long: None,
    }
}

fn customer(at: usize) -> Subject {
    Subject::Customer(CustomerId::new(&format!("c{at:04}")).unwrap())
}

fn number(at: usize) -> Identifier {
    Identifier::Phone(
        NumberPlan::E164
            .number(&format!("+4930231{at:05}"))
            .unwrap(),
    )
}

/// One byte a subject: `m` marked as out of date, `u` unmarked, `-` unavailable.
fn sign(answer: &BatchAnswer<Classified>) -> u8 {
    match answer {
        BatchAnswer::Found(answer) if answer.stale_since.is_some() => b'm',
        BatchAnswer::Found(_) => b'u',
        BatchAnswer::Unavailable => b'-',
        BatchAnswer::Unreadable(_) => b'?',
    }
}

async fn answered(classifier: &Classifier, subjects: &[Subject]) -> Result<Batch, ServiceError> {
    let write = |answer: BatchAnswer<Classified>, out: &mut Vec<u8>| out.push(sign(&answer));
    let subjects: Vec<Option<Subject>> = subjects.iter().cloned().map(Some).collect();
    classifier
        .answer_batch(&subjects, &Question::default(), BYTES, write)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_that_begins_within_a_batch_marks_the_answers_from_there_on() {
    let database = TestDatabase::create().await;
    let breaker = Breaker::new(
        Box::new(|| {
            let away = sqlx::Error::Io(io::Error::from(io::ErrorKind::NotConnected));
            Box::pin(std::future::ready(Err(StoreError::Unavailable(away))))
        }),
        Box::new(|| Timestamp::UNIX_EPOCH),
        BreakerMetrics::default(),
    );
    let urls = [&*database.url, &database.url];
    let classifier = classifier(&database, urls, &breaker).await;
    let subjects: Vec<Subject> = (0..4).map(customer).collect();
    let before = answered(&classifier, &subjects).await.unwrap();
    assert_eq!(before.written, b"uuuu");
    let write = |answer: BatchAnswer<Classified>, out: &mut Vec<u8>| {
        out.push(sign(&answer));
        if out.len() == 2 {
            breaker.suspect();
            while breaker.check().is_ok() {
                std::thread::yield_now();
            }
        }
    };
    let question = Question::default();
    let subjects: Vec<Option<Subject>> = subjects.into_iter().map(Some).collect();
    let batch = classifier.answer_batch(&subjects, &question, BYTES, write);
    assert_eq!(batch.await.unwrap().written, b"uumm");
}

#[tokio::test]
async fn a_batch_asks_a_database_that_refuses_it_a_few_times_and_not_for_each_subject() {
    let (database, refusing) = (TestDatabase::create().await, Refusing::start().await);
    let breaker = Breaker::never_opens();
    let urls = [&*refusing.url, &*refusing.url];
    let classifier = classifier(&database, urls, &breaker).await;
    let by_id: Vec<Subject> = (0..200).map(customer).collect();
    let by_number: Vec<Subject> = (0..200).map(number).map(Subject::Identifier).collect();
    for subjects in [by_id, by_number] {
        let before = refusing.logins.load(Ordering::SeqCst);
        let refused = answered(&classifier, &subjects).await;
        assert!(
            matches!(refused, Err(ServiceError::Unavailable(_))),
            "{refused:?}"
        );
        let logins = refusing.logins.load(Ordering::SeqCst) - before;
        assert!((1..=3).contains(&logins), "{logins} logins");
    }
}

#[tokio::test]
async fn a_batch_that_ends_at_its_budget_without_an_answer_is_an_error() {
    const NUMBERS: usize = 300;
    const SHARERS: usize = 16;
    let (database, refusing) = (TestDatabase::create().await, Refusing::start().await);
    let facts: Vec<IdentifierFact> = (0..NUMBERS)
        .flat_map(|at| (0..SHARERS).map(move |sharer| (at, sharer)))
        .map(|(at, sharer)| IdentifierFact {
            customer_id: CustomerId::new(&format!("c{sharer:04}")).unwrap(),
            digest: key().digest(&number(at)),
            display: String::new(),
            begins: true,
            observed_on: "2026-01-01".parse().unwrap(),
            source: None,
            of_all_sources: false,
            profile_version: 1,
        })
        .collect();
    let mut tx = database.pool.begin().await.unwrap();
    insert(&mut tx, &facts, NOW.parse().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    let breaker = Breaker::never_opens();
    let urls = [&*database.url, &*refusing.url];
    let cold = classifier(&database, urls, &breaker).await;
    let mut subjects: Vec<Subject> = (0..NUMBERS).map(number).map(Subject::Identifier).collect();
    // The owners of the numbers are in memory, their profiles are not.
    subjects.push(Subject::Identifier(number(NUMBERS)));
    cold.subjects.find_many(&subjects).await.unwrap();
    let refused = answered(&cold, &subjects).await;
    assert!(
        matches!(refused, Err(ServiceError::Unavailable(_))),
        "{refused:?}"
    );
    // A number that nobody has is an answer, so that the batch is one.
    subjects.rotate_right(1);
    let batch = answered(&cold, &subjects).await.unwrap();
    assert_eq!(batch.end, Some(BatchEnd::Customers));
    assert_eq!(batch.written[..3], *b"u--");
}
