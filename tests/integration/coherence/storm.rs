//! The storm: calls by every RPC with a past day that their callers give up within milliseconds, and between them writes whose
//! effects every way of asking must show. It needs nothing but the address of a server, so that it can be let loose on any.

use std::time::Duration;

use futures_util::future::join_all;
use patron::pb;
use patron::pb::customer_service_client::CustomerServiceClient;
use patron::pb::ingest_service_client::IngestServiceClient;
use patron::pb::scoring_service_client::ScoringServiceClient;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use crate::support::messages::{by_id, by_phone, patch, phone, purchase};
use crate::support::service::ServiceWithDatabase;
use crate::support::until;

/// A day before all facts.
const PAST: &str = "2025-06-30";
/// Calls by each RPC that are given up between two writes. Few: a later transaction on a connection would undo what an earlier one did to it.
const BURST: usize = 2;
/// The RPCs of a storm.
const WAYS: usize = 6;

/// What came of a storm.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Calls that were given up before they were answered.
    pub(super) given_up: usize,
    /// Reads after an acknowledged write.
    pub(super) reads: usize,
    /// Those of them that did not show it.
    pub(super) stale: Vec<String>,
}

/// A storm of `calls` calls over each RPC against the server at `endpoint`. Customers and numbers begin with `name`.
pub(super) async fn storm(endpoint: &str, name: &str, calls: usize) -> Tally {
    let endpoint = Endpoint::from_shared(endpoint.to_owned()).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let mut tally = Tally::default();
    let known = Customer::new(name, 0);
    // With a purchase after the day that is asked for: what was known on it has to be read anew.
    for version in 1..=2 {
        write(&channel, &known, version).await;
    }
    for burst in 0..calls.div_ceil(BURST) {
        // Of a client that cancels so much a server hangs up: others do not share its connection.
        let hasty = endpoint.connect().await.unwrap();
        let turns = (0..BURST * WAYS).map(|turn| burst * BURST * WAYS + turn);
        let calls = turns.map(|turn| give_up(&hasty, &known, turn));
        let given_up = join_all(calls).await;
        tally.given_up += given_up.into_iter().filter(|given_up| *given_up).count();
        // Of somebody new nothing is in memory: the reads are loads, on whatever connection is free.
        let customer = Customer::new(name, burst + 1);
        for version in 1..=2 {
            write(&channel, &customer, version).await;
            read(&channel, &customer, version, &mut tally).await;
        }
    }
    tally
}

struct Customer {
    id: String,
    number: String,
}

impl Customer {
    fn new(name: &str, at: usize) -> Self {
        Self {
            id: format!("{name}{at}"),
            number: format!("+4930{:07}", 2_000_000 + at),
        }
    }
}

/// Gives a call up after up to some milliseconds, every other one by a deadline that the server keeps too. Says whether it was given up.
async fn give_up(channel: &Channel, customer: &Customer, at: usize) -> bool {
    let patience = Duration::from_micros(50 * (1 + at as u64 * 37 % 101));
    let call = call(channel.clone(), customer, at, patience);
    match timeout(patience, call).await {
        Err(_) => true,
        Ok(Ok(())) => false,
        // What was refused never came as far as a transaction.
        Ok(Err(status)) => matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled),
    }
}

fn question(subject: Option<pb::Subject>, as_of: String) -> pb::ClassifyRequest {
    pb::ClassifyRequest {
        subject,
        as_of,
        read_mask: None,
    }
}

/// One call, by the RPC whose turn it is.
async fn call(
    channel: Channel,
    customer: &Customer,
    at: usize,
    patience: Duration,
) -> Result<(), Status> {
    let mut scoring = ScoringServiceClient::new(channel.clone());
    let subject = match at % 5 {
        0 => by_phone(&customer.number),
        _ => by_id(&customer.id),
    };
    let subjects = vec![subject.clone(), by_id(&customer.id)];
    let (subject, as_of) = (Some(subject), PAST.to_owned());
    let deadline = at.is_multiple_of(2).then_some(patience);
    match at % WAYS {
        0 => {
            let request = limited(question(subject, as_of), deadline);
            scoring.classify(request).await.map(drop)
        }
        1 => {
            let request = limited(
                pb::BatchClassifyRequest {
                    subjects,
                    as_of,
                    read_mask: None,
                },
                deadline,
            );
            scoring.batch_classify(request).await.map(drop)
        }
        2 => {
            let request = pb::ScoreLifetimeValueRequest {
                subject,
                as_of,
                ..Default::default()
            };
            let request = limited(request, deadline);
            scoring.score_lifetime_value(request).await.map(drop)
        }
        3 => {
            let request = pb::BatchScoreLifetimeValueRequest {
                subjects,
                as_of,
                ..Default::default()
            };
            let request = limited(request, deadline);
            scoring.batch_score_lifetime_value(request).await.map(drop)
        }
        4 => {
            let request = pb::ExplainSegmentRequest {
                subject,
                as_of,
                target: None,
                ..Default::default()
            };
            scoring
                .explain_segment(limited(request, deadline))
                .await
                .map(drop)
        }
        _ => {
            let request = pb::GetCustomerRequest {
                subject,
                ..Default::default()
            };
            let mut customers = CustomerServiceClient::new(channel);
            customers
                .get_customer(limited(request, deadline))
                .await
                .map(drop)
        }
    }
}

fn limited<T>(message: T, deadline: Option<Duration>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(deadline) = deadline {
        request.set_timeout(deadline);
    }
    request
}

/// The answer to a call, sent again while the server says that it is to be: on a machine without a free processor a database is not there in
/// time now and then, which is no older an answer.
async fn answered<T>(mut call: impl AsyncFnMut() -> Result<Response<T>, Status>) -> T {
    let mut found = None;
    until("the call is answered", async || {
        match call().await {
            Ok(answer) => found = Some(answer.into_inner()),
            Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
        }
        found.is_some()
    })
    .await;
    found.unwrap()
}

/// Makes the version of the customer's profile: the first with a phone number, each other one with a purchase.
async fn write(channel: &Channel, customer: &Customer, version: i64) {
    let mut ingest = IngestServiceClient::new(channel.clone());
    if version == 1 {
        let patch = pb::CustomerPatch {
            add_identifiers: vec![phone(&customer.number)],
            ..patch(&customer.id)
        };
        let customers = vec![patch];
        let request = pb::IngestCustomersRequest {
            customers,
            ..Default::default()
        };
        answered(async || ingest.ingest_customers(request.clone()).await).await;
    } else {
        let purchase = purchase(&customer.id, &version.to_string(), "2026-01-01", 100);
        let transactions = vec![purchase];
        let request = pb::IngestTransactionsRequest {
            transactions,
            ..Default::default()
        };
        answered(async || ingest.ingest_transactions(request.clone()).await).await;
    }
}

/// Reads a customer in every way, and notes where an answer is of an older version.
async fn read(channel: &Channel, customer: &Customer, version: i64, tally: &mut Tally) {
    let mut scoring = ScoringServiceClient::new(channel.clone());
    let mut seen: Vec<(&str, i64)> = vec![];
    let of = |provenance: Option<pb::Provenance>| provenance.unwrap().profile_version;
    let subjects = || vec![by_phone(&customer.number), by_id(&customer.id)];
    let request = pb::BatchClassifyRequest {
        subjects: subjects(),
        as_of: String::new(),
        read_mask: None,
    };
    let answer = answered(async || scoring.batch_classify(request.clone()).await).await;
    let answers = answer.responses.into_iter();
    seen.extend(answers.map(|one| ("BatchClassify", of(one.provenance))));
    let request = pb::BatchScoreLifetimeValueRequest {
        subjects: subjects(),
        ..Default::default()
    };
    let answer = answered(async || scoring.batch_score_lifetime_value(request.clone()).await).await;
    let answers = answer.responses.into_iter();
    seen.extend(answers.map(|one| ("BatchScore", of(one.provenance))));
    for subject in subjects() {
        let subject = Some(subject);
        let request = question(subject.clone(), String::new());
        let answer = answered(async || scoring.classify(request.clone()).await).await;
        seen.push(("Classify", of(answer.provenance)));
        let request = pb::ScoreLifetimeValueRequest {
            subject: subject.clone(),
            ..Default::default()
        };
        let answer = answered(async || scoring.score_lifetime_value(request.clone()).await).await;
        seen.push(("Score", of(answer.provenance)));
        let request = pb::GetCustomerRequest {
            subject,
            ..Default::default()
        };
        let mut customers = CustomerServiceClient::new(channel.clone());
        let answer = customers.get_customer(request).await;
        let found = answer.ok().and_then(|answer| answer.into_inner().customer);
        seen.push((
            "GetCustomer",
            found.map_or(0, |found| found.profile_version),
        ));
    }
    tally.reads += seen.len();
    let stale = seen.into_iter().filter(|(_, seen)| *seen < version);
    tally
        .stale
        .extend(stale.map(|(way, seen)| format!("{way} of {}: {seen} < {version}", customer.id)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_calls_that_were_given_up_every_read_shows_every_acknowledged_write() {
    let service = ServiceWithDatabase::start().await;
    // `make test-faults` wants 10,000 over each RPC.
    let calls = std::env::var("PATRON_CANCELLED_CALLS").map_or(100, |text| text.parse().unwrap());
    let tally = storm(&service.app.endpoint(), "c", calls).await;
    eprintln!(
        "{} calls over each RPC, {} given up; {} reads after writes, {} stale",
        calls,
        tally.given_up,
        tally.reads,
        tally.stale.len()
    );
    assert_eq!(tally.stale, Vec::<String>::new());
    assert!(tally.given_up > 2 * calls, "{tally:?}");
    assert_eq!(tally.reads, calls.div_ceil(BURST) * 20);
    until("no session is inside a transaction", async || {
        let inside: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'patron' AND state LIKE 'idle in transaction%'",
        )
        .fetch_one(&service.pool)
        .await
        .unwrap();
        inside == 0
    })
    .await;
    assert_eq!(service.app.metrics.profile_cache.loads_behind.get(), 0);
}
