//! Three servers, a random writer, sessions that are killed, and a checker of what readers saw: no reader of one server sees a customer go back, and a read that brings the
//! token of a write shows it, on whichever server.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{future::join_all, stream};
use patron::grpc::layers::freshness::{AT_LEAST_HEADER, WRITTEN_HEADER};
use patron::pb;
use patron::pb::ingest_service_client::IngestServiceClient;
use patron::pb::scoring_service_client::ScoringServiceClient;
use patron::pb::stream_facts_request::Batch;
use tokio::time::interval;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use super::BOUND;
use super::disturbed::end_listeners;
use crate::definitions::EXAMPLE;
use crate::support::messages::{by_id, by_phone, patch, phone, purchase, reason};
use crate::support::service::{Service, ServiceWithDatabase};
use crate::support::until;

const CUSTOMERS: usize = 4;
const WRITES: usize = 60;
/// Readers leave the machine to the servers in between.
const READ_INTERVAL: Duration = Duration::from_millis(2);

/// The time of a call that waits in vain for half of it.
const SHORT: Duration = Duration::from_secs(3);

pub(super) type Token = MetadataValue<Ascii>;

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

pub(super) fn token_of<T>(answer: &Response<T>) -> Option<Token> {
    answer.metadata().get(WRITTEN_HEADER).cloned()
}

fn with_token<T>(message: T, token: Option<Token>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert(AT_LEAST_HEADER, token);
    }
    request
}

fn question(subject: pb::Subject) -> pb::ClassifyRequest {
    pb::ClassifyRequest {
        subject: Some(subject),
        ..Default::default()
    }
}

pub(super) async fn version(
    channel: &Channel,
    customer: &str,
    token: Option<Token>,
) -> Result<i64, Status> {
    let mut scoring = ScoringServiceClient::new(channel.clone());
    let request = with_token(question(by_id(customer)), token);
    let answer = scoring.classify(request).await?.into_inner();
    Ok(answer.provenance.unwrap().profile_version)
}

pub(super) fn order(customer: &str, number: usize) -> pb::IngestTransactionsRequest {
    pb::IngestTransactionsRequest {
        transactions: vec![purchase(customer, &number.to_string(), "2026-01-05", 100)],
        ..Default::default()
    }
}

pub(super) async fn connect(service: &Service) -> Channel {
    let endpoint = Endpoint::from_shared(service.app.endpoint()).unwrap();
    endpoint.connect().await.unwrap()
}

/// Reads random customers of one server until `ends`, and returns how often, and what went back.
async fn read(channel: Channel, random: u64, ends: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let (mut random, mut reads) = (Random(random), 0);
    let mut last: HashMap<String, i64> = HashMap::new();
    let mut back = vec![];
    let mut due = interval(READ_INTERVAL);
    while !ends.load(Ordering::Relaxed) {
        due.tick().await;
        let customer = format!("c{}", random.below(CUSTOMERS));
        let seen = version(&channel, &customer, None).await.unwrap();
        let before = last.insert(customer.clone(), seen).unwrap_or_default();
        if seen < before {
            back.push(format!("{customer}: {before}, then {seen}"));
        }
        reads += 1;
    }
    (reads, back)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_three_servers_never_see_a_customer_go_back_and_tokens_show_every_write() {
    let first = ServiceWithDatabase::start_shared().await;
    let (second, third) = (first.join().await, first.join().await);
    let channels = [
        connect(&first).await,
        connect(&second).await,
        connect(&third).await,
    ];
    let ends = Arc::new(AtomicBool::new(false));
    let readers = channels.iter().cloned().zip(1..);
    let readers = readers.map(|(channel, at)| tokio::spawn(read(channel, at, ends.clone())));
    let readers: Vec<_> = readers.collect();
    let mut random = Random(7);
    let mut versions = [0_i64; CUSTOMERS];
    for number in 0..WRITES {
        let (customer, writer) = (random.below(CUSTOMERS), random.below(3));
        let (id, reader) = (format!("c{customer}"), random.below(3));
        if random.below(8) == 0 {
            end_listeners(&first.pool).await;
        }
        let mut ingest = IngestServiceClient::new(channels[writer].clone());
        let written = ingest
            .ingest_transactions(order(&id, number))
            .await
            .unwrap();
        versions[customer] += 1;
        let token = token_of(&written);
        assert!(token.is_some(), "write {number}");
        let seen = version(&channels[reader], &id, token).await.unwrap();
        assert_eq!(
            seen, versions[customer],
            "write {number} of {id} by {writer}, read by {reader}"
        );
    }
    for (customer, wanted) in versions.into_iter().enumerate() {
        let id = format!("c{customer}");
        for channel in &channels {
            until("every server has all", async || {
                version(channel, &id, None).await.unwrap() == wanted
            })
            .await;
        }
    }
    ends.store(true, Ordering::Relaxed);
    let mut reads = 0;
    for reader in readers {
        let (count, back) = reader.await.unwrap();
        assert_eq!(back, Vec::<String>::new());
        reads += count;
    }
    assert!(reads > WRITES, "{reads}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_shows_identifiers_and_definitions_too() {
    let here = ServiceWithDatabase::start_shared().await;
    let there = here.join().await;
    let number = "+493023125001";
    let answer = there.classify(by_phone(number), "").await;
    assert!(answer.classification.is_none());
    let ada = pb::IngestCustomersRequest {
        customers: vec![pb::CustomerPatch {
            add_identifiers: vec![phone(number)],
            ..patch("ada")
        }],
        ..Default::default()
    };
    let written = here.ingest().ingest_customers(ada).await.unwrap();
    let request = with_token(question(by_phone(number)), token_of(&written));
    let answer = there
        .scoring()
        .classify(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.classification.unwrap().customer_id, "ada");
    let publish = pb::PublishDefinitionsRequest {
        document: EXAMPLE.to_owned(),
        note: String::new(),
        expected_revision: None,
    };
    let published = here.definitions().publish_definitions(publish).await;
    let request = with_token(question(by_id("ada")), token_of(&published.unwrap()));
    let answer = there
        .scoring()
        .classify(request)
        .await
        .unwrap()
        .into_inner();
    let basis = answer.provenance.unwrap().basis_id;
    assert!(basis.starts_with("r1-"), "{basis}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_is_refused_that_cannot_show_the_write_of_its_token() {
    let here = ServiceWithDatabase::start_shared().await;
    let there = here.join().await;
    let channel = connect(&there).await;
    let wrong = version(&channel, "ada", Some("nonsense".parse().unwrap())).await;
    let wrong = wrong.unwrap_err();
    assert_eq!(wrong.code(), Code::InvalidArgument);
    assert_eq!(reason(&wrong), "INVALID_WRITE_TOKEN");
    let written = here.ingest().ingest_transactions(order("ada", 1)).await;
    let token = token_of(&written.unwrap());
    assert_eq!(version(&channel, "ada", token.clone()).await.unwrap(), 1);
    let mut tx = here.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE log_trims IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *tx)
        .await
        .unwrap();
    // What was read before is known without a look; what comes now is not.
    assert_eq!(version(&channel, "ada", token).await.unwrap(), 1);
    let mut later = Request::new(order("ada", 2));
    later.set_timeout(SHORT);
    let later = here.ingest().ingest_transactions(later).await.unwrap();
    assert_eq!(token_of(&later), None, "nobody can say how far it came");
    let far: i64 =
        sqlx::query_scalar("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
    let far = base64_of(&format!("{}:{}:", far + 100, far + 100));
    let mut read = with_token(question(by_id("ada")), Some(far.parse().unwrap()));
    read.set_timeout(SHORT);
    let refused = there.scoring().classify(read).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(reason(&refused), "NOT_YET_FOLLOWED");
    tx.rollback().await.unwrap();
}

/// Streams `orders` to the end; how it ended, and the token in its trailers or its error.
async fn streamed(
    service: &Service,
    orders: Vec<pb::IngestTransactionsRequest>,
) -> (Code, Option<Token>) {
    let batches = orders.into_iter().map(|batch| pb::StreamFactsRequest {
        batch: Some(Batch::Transactions(batch)),
    });
    let answers = service.ingest().stream_facts(stream::iter(batches)).await;
    let mut answers = answers.unwrap().into_inner();
    loop {
        match answers.message().await {
            Ok(Some(_)) => {}
            Ok(None) => {
                let trailers = answers.trailers().await.unwrap().unwrap();
                return (Code::Ok, trailers.get(WRITTEN_HEADER).cloned());
            }
            Err(status) => {
                return (
                    status.code(),
                    status.metadata().get(WRITTEN_HEADER).cloned(),
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_has_the_token_of_all_its_batches_at_its_end() {
    let here = ServiceWithDatabase::start_shared().await;
    let there = here.join().await;
    let channels = [connect(&here).await, connect(&there).await];
    let empty = pb::IngestTransactionsRequest::default();
    for (orders, end) in [
        (vec![order("ada", 1), order("ada", 2)], Code::Ok),
        // What was acknowledged before the error is written.
        (vec![order("ada", 3), empty], Code::InvalidArgument),
    ] {
        let (code, token) = streamed(&here, orders).await;
        assert_eq!(code, end);
        assert!(token.is_some(), "{end:?}");
        let [own, seen] = &channels;
        let own = version(own, "ada", None).await.unwrap();
        assert_eq!(version(seen, "ada", token).await.unwrap(), own, "{end:?}");
    }
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

#[tokio::test]
async fn a_server_that_has_its_database_alone_gives_no_tokens_and_takes_any() {
    let service = ServiceWithDatabase::start().await;
    let written = service.ingest().ingest_transactions(order("ada", 1)).await;
    assert_eq!(token_of(&written.unwrap()), None);
    let channel = connect(&service).await;
    let seen = version(&channel, "ada", Some("nonsense".parse().unwrap())).await;
    assert_eq!(seen.unwrap(), 1);
    let (code, token) = streamed(&service, vec![order("ada", 2)]).await;
    assert_eq!((code, token), (Code::Ok, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_of_all_servers_at_once_are_all_seen_by_all() {
    let first = ServiceWithDatabase::start_shared().await;
    let second = first.join().await;
    let channels = [connect(&first).await, connect(&second).await];
    let number = AtomicUsize::new(0);
    let writers = (0..8).map(|writer| {
        let (channel, number) = (channels[writer % 2].clone(), &number);
        async move {
            for _ in 0..10 {
                let number = number.fetch_add(1, Ordering::SeqCst);
                let mut ingest = IngestServiceClient::new(channel.clone());
                let order = || order(&format!("c{}", number % CUSTOMERS), number);
                // On a busy machine all connections may be in use.
                until("it is written", async || {
                    ingest.ingest_transactions(order()).await.is_ok()
                })
                .await;
            }
        }
    });
    join_all(writers).await;
    let written = std::time::Instant::now();
    for customer in 0..CUSTOMERS {
        let id = format!("c{customer}");
        for channel in &channels {
            until("all is seen", async || {
                version(channel, &id, None).await.unwrap() == 20
            })
            .await;
        }
    }
    assert!(written.elapsed() < BOUND, "{:?}", written.elapsed());
}
