//! Facts by a stream: batches one after another, acknowledged in order.

mod joined;

use std::time::Duration;

use patron::pb;
use patron::pb::item_result::Outcome;
use patron::pb::stream_facts_request::Batch;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::server::raw;
use crate::support::messages::{attribute, call, patch, purchase, reason, violated};
use crate::support::service::ServiceWithDatabase;

/// Longest time to wait for what must happen: only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stream that is open.
struct Open {
    /// `None` once no more is sent.
    batches: Option<mpsc::Sender<pb::StreamFactsRequest>>,
    answers: Streaming<pb::StreamFactsResponse>,
}

impl Open {
    async fn begin(service: &ServiceWithDatabase) -> Self {
        let (batches, requests) = mpsc::channel(64);
        let mut client = service.ingest();
        let answers = client.stream_facts(ReceiverStream::new(requests));
        let answers = timeout(PATIENCE, answers).await.unwrap().unwrap();
        Self {
            batches: Some(batches),
            answers: answers.into_inner(),
        }
    }

    async fn send(&self, batch: Batch) {
        self.send_message(Some(batch)).await;
    }

    async fn send_message(&self, batch: Option<Batch>) {
        let request = pb::StreamFactsRequest { batch };
        let batches = self.batches.as_ref().unwrap();
        batches.send(request).await.unwrap();
    }

    async fn next(&mut self) -> Result<Option<pb::StreamFactsResponse>, Status> {
        timeout(PATIENCE, self.answers.message()).await.unwrap()
    }

    /// What is acknowledged from here to the end: the number of batches, the outcomes of all items, and how the stream ended.
    async fn rest(mut self) -> (i64, Vec<Outcome>, Result<(), Status>) {
        let (mut count, mut outcomes) = (0, vec![]);
        loop {
            match self.next().await {
                Ok(Some(answer)) => {
                    assert!(answer.acknowledged_count > count, "{answer:?}");
                    count = answer.acknowledged_count;
                    let results = answer.batches.iter().flat_map(|batch| &batch.results);
                    outcomes.extend(results.map(pb::ItemResult::outcome));
                }
                Ok(None) => return (count, outcomes, Ok(())),
                Err(status) => return (count, outcomes, Err(status)),
            }
        }
    }

    /// Sends no more; then as [`Self::rest`].
    async fn end(mut self) -> (i64, Vec<Outcome>, Result<(), Status>) {
        self.batches = None;
        self.rest().await
    }
}

fn transactions(transactions: Vec<pb::Transaction>) -> Batch {
    Batch::Transactions(pb::IngestTransactionsRequest {
        transactions,
        ..Default::default()
    })
}

#[tokio::test]
async fn every_kind_of_fact_is_recorded_in_the_order_of_the_batches() {
    let service = ServiceWithDatabase::start().await;
    let stream = Open::begin(&service).await;
    let named = |name: &str| {
        let customer = pb::CustomerPatch {
            display_name: Some(name.to_owned()),
            ..patch("ada")
        };
        Batch::Customers(pb::IngestCustomersRequest {
            customers: vec![customer],
            ..Default::default()
        })
    };
    stream.send(named("Ada")).await;
    for day in 1..=5 {
        let id = day.to_string();
        let fact = purchase("ada", &id, &format!("2026-01-0{day}"), 100);
        stream.send(transactions(vec![fact])).await;
    }
    let contacts = vec![call("ada", "1", "2026-01-01")];
    stream
        .send(Batch::Contacts(pb::IngestContactsRequest {
            contacts,
            ..Default::default()
        }))
        .await;
    let contract = pb::Contract {
        customer_id: "ada".to_owned(),
        source: "erp".to_owned(),
        contract_id: "1".to_owned(),
        started_on: "2026-01-01".to_owned(),
        period_months: 12,
        price: Some(crate::support::messages::money(100, "EUR")),
        ..Default::default()
    };
    stream
        .send(Batch::Contracts(pb::IngestContractsRequest {
            contracts: vec![contract],
            ..Default::default()
        }))
        .await;
    let rate = pb::ExchangeRate {
        from_currency: "USD".to_owned(),
        to_currency: "EUR".to_owned(),
        day: "2026-01-01".to_owned(),
        rate: "0.9".to_owned(),
    };
    stream
        .send(Batch::Rates(pb::IngestRatesRequest {
            rates: vec![rate],
            ..Default::default()
        }))
        .await;
    stream.send(named("Ada Lovelace")).await;
    let (count, outcomes, end) = stream.end().await;
    end.unwrap();
    assert_eq!(count, 10);
    assert_eq!(outcomes, [Outcome::Written; 10]);
    let customer = service.customer("ada").await;
    assert_eq!(customer.display_name, "Ada Lovelace");
    assert_eq!(customer.purchase_days.len(), 5);
    assert_eq!(customer.contact_days.len(), 1);
    assert_eq!(customer.contracts.len(), 1);
}

#[tokio::test]
async fn batches_that_are_sent_again_are_duplicates_and_wrong_items_stop_nothing() {
    let service = ServiceWithDatabase::start().await;
    let batches: Vec<Batch> = (0..6)
        .map(|at| {
            let good = purchase("ada", &format!("{at}"), "2026-01-01", 100);
            let wrong = purchase("ada", &format!("w{at}"), "2026-13-01", 100);
            transactions(vec![good, wrong])
        })
        .collect();
    for first in [Outcome::Written, Outcome::Duplicate] {
        let stream = Open::begin(&service).await;
        for batch in &batches {
            stream.send(batch.clone()).await;
        }
        let (count, outcomes, end) = stream.end().await;
        end.unwrap();
        assert_eq!(count, 6);
        assert_eq!(outcomes, [first, Outcome::Refused].repeat(6));
    }
    let metrics = &service.app.metrics.ingest;
    assert_eq!(metrics.streamed_batches.get(), 12);
    assert!(metrics.stream_writes.get() <= 12);
    assert_eq!(metrics.streams.get(), 0);
}

#[tokio::test]
async fn a_batch_that_no_call_would_take_ends_the_stream_after_those_before_it() {
    let service = ServiceWithDatabase::start().await;
    let bad: [(Option<Batch>, &[&str]); 3] = [
        (None, &["batch"]),
        (Some(transactions(vec![])), &["transactions"]),
        (
            Some(Batch::Customers(pb::IngestCustomersRequest {
                customers: vec![patch("x"); 1_001],
                ..Default::default()
            })),
            &["customers"],
        ),
    ];
    for (at, (batch, fields)) in bad.into_iter().enumerate() {
        let stream = Open::begin(&service).await;
        let good = purchase("ada", &at.to_string(), "2026-01-01", 100);
        stream.send(transactions(vec![good])).await;
        stream.send_message(batch).await;
        let (count, outcomes, end) = stream.rest().await;
        assert_eq!((count, &*outcomes), (1, &[Outcome::Written][..]));
        let status = end.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason(&status), "INVALID_REQUEST");
        assert_eq!(violated(&status), fields);
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_stream() {
    let service = ServiceWithDatabase::start_with(|settings| {
        settings.max_message_bytes = "64KiB".parse().unwrap();
    })
    .await;
    let stream = Open::begin(&service).await;
    let text = pb::attribute_value::Value::TextValue("x".repeat(100_000));
    let customers = vec![pb::CustomerPatch {
        attributes: vec![attribute("note", Some(text))],
        ..patch("ada")
    }];
    stream
        .send(Batch::Customers(pb::IngestCustomersRequest {
            customers,
            ..Default::default()
        }))
        .await;
    let (count, _, end) = stream.rest().await;
    assert_eq!(count, 0);
    let status = end.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(reason(&status), "MESSAGE_TOO_LARGE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_reads_no_further_than_it_writes() {
    let service = ServiceWithDatabase::start().await;
    let mut stream = Open::begin(&service).await;
    let lock = service.lock_profiles().await;
    // More than is read ahead and than the windows and channels on the way hold: the sender has to wait.
    let padding = "x".repeat(60);
    let big = |batch: usize| {
        let facts = (0..1_000).map(|at| pb::Transaction {
            category: padding.clone(),
            ..purchase(&format!("c{at}"), &format!("{batch}-{at}"), "2026-01-01", 1)
        });
        transactions(facts.collect())
    };
    let mut sent = 0;
    let batches = stream.batches.clone().unwrap();
    while let Ok(room) = timeout(Duration::from_secs(2), batches.reserve()).await {
        room.unwrap().send(pb::StreamFactsRequest {
            batch: Some(big(sent)),
        });
        sent += 1;
        assert!(sent < 200, "nothing holds the sender back");
    }
    drop(batches);
    lock.rollback().await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert!(first.acknowledged_count >= 1);
    let (count, _, end) = stream.end().await;
    end.unwrap();
    assert_eq!(usize::try_from(count).unwrap(), sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_server_stops_what_was_read_is_acknowledged() {
    let service = ServiceWithDatabase::start().await;
    let mut stream = Open::begin(&service).await;
    stream
        .send(transactions(vec![purchase("ada", "1", "2026-01-01", 100)]))
        .await;
    let answer = stream.next().await.unwrap().unwrap();
    assert_eq!(answer.acknowledged_count, 1);
    let stopped = tokio::spawn(service.stop());
    let (_, _, end) = stream.rest().await;
    let status = end.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(reason(&status), "STOPPING");
    stopped.await.unwrap().unwrap();
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_mistake_in_every_lane() {
    let service = ServiceWithDatabase::start().await;
    let malformed = raw::framed(&[0x0f]);
    for method in [
        "IngestService/IngestCustomers",
        "IngestService/StreamFacts",
        "ScoringService/BatchClassify",
        "ModelService/GetModel",
    ] {
        let method = format!("patron.v1.{method}");
        let address = service.app.address;
        let (answer, _) = raw::exchange_bytes(address, &method, &malformed, &[]).await;
        let status = Status::from_header_map(&answer).unwrap();
        assert_eq!(status.code(), Code::InvalidArgument, "{method}: {status:?}");
        assert_eq!(reason(&status), "MALFORMED_MESSAGE", "{method}");
    }
}

#[tokio::test]
async fn the_messages_of_a_stream_may_be_compressed() {
    let service = ServiceWithDatabase::start().await;
    let batch = transactions(vec![purchase("ada", "1", "2026-01-01", 100)]);
    let message = pb::StreamFactsRequest { batch: Some(batch) }.encode_to_vec();
    let mut compressed = raw::framed(&zstd::encode_all(&*message, 1).unwrap());
    compressed[0] = 1;
    // One that is compressed, and one that is not.
    let body = [compressed, raw::framed(&message)].concat();
    let method = "patron.v1.IngestService/StreamFacts";
    let headers = [("grpc-encoding", "zstd")];
    let (answer, _) = raw::exchange_bytes(service.app.address, method, &body, &headers).await;
    assert_eq!(answer["grpc-status"], "0");
    assert_eq!(service.customer("ada").await.purchase_days.len(), 1);
    let snappy = [("grpc-encoding", "snappy")];
    let (answer, _) = raw::exchange_bytes(service.app.address, method, &body, &snappy).await;
    let status = Status::from_header_map(&answer).unwrap();
    assert_eq!(reason(&status), "COMPRESSION_UNSUPPORTED");
}

/// Sends one batch by a stream of its own; what is answered.
pub(super) async fn stream_once(
    service: &ServiceWithDatabase,
    batch: Vec<pb::Transaction>,
) -> Vec<pb::BatchResult> {
    let mut stream = Open::begin(service).await;
    stream.send(transactions(batch)).await;
    let answer = stream.next().await.unwrap().unwrap();
    answer.batches
}
