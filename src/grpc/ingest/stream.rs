//! `StreamFacts`: batches one after another, read ahead, written in their order, several of one kind in one transaction.
//!
//! One task reads and checks the next batches while another one writes, both on the threads of the ingest lane; each write takes a place of
//! the lane like a call, and gives it back. So a stream that waits for its caller costs no place, and one that is fast waits for its turn. A
//! batch is charged to the connection until it is written.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use prometheus_client::metrics::gauge::Gauge;
use prost::Message;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt as _;

use super::{Batch, IngestApi};
use crate::{
    api::{
        contracts::contract, error::ApiError, facts::transaction, rates::exchange_rate,
        violations::Violations,
    },
    domain::{
        customer::facts::{Contact, Transaction},
        rates::ExchangeRate,
        text::CustomerId,
    },
    grpc::{
        layers::{
            peer::{AnswerCharge, Peer},
            receive::StreamControl,
        },
        status::{self, transport},
    },
    metrics::FactKind,
    pb::{self, stream_facts_request::Batch as Kind},
    service::{
        ingest::{CustomerPatch, NewContract, NewFact, Outcome},
        lane::Lane,
    },
};

/// Batches that are read before the first of them is written. Chosen: the writer never waits for the next one, and what a stream holds is
/// bounded.
const READ_AHEAD: usize = 4;

/// Most facts that one transaction writes: as many as are read ahead.
const MOST_FACTS: usize = 4_000;

/// Most customers that one transaction locks: as many as a call may name. The locks of all transactions share a table of Postgres.
const MOST_CUSTOMERS: usize = 1_000;

/// Acknowledgements that wait for the caller to read; then writing waits as well.
const MOST_UNREAD: usize = 4;

/// Time of a batch from its turn on: that of a unary call without a deadline.
const BATCH_TIME: Duration = Duration::from_secs(30);

/// The answer of a stream.
pub(super) type Answer = Pin<Box<dyn Stream<Item = Answered> + Send>>;

/// A message of the answer.
type Answered = Result<pb::StreamFactsResponse, Status>;

/// What is acknowledged. When the caller goes away it is dropped, and the work with it.
struct Acknowledgements {
    acknowledged: ReceiverStream<Acknowledgement>,
    _writer: AbortOnDropHandle<()>,
}

impl Stream for Acknowledgements {
    type Item = Answered;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.acknowledged).poll_next(cx);
        next.map(|next| next.map(Acknowledgement::hand_over))
    }
}

/// What was read and is written together: one batch, or several of a kind whose outcome does not depend on what else comes in a call.
enum Facts {
    Customers(Batch<CustomerPatch>),
    Transactions(Vec<Batch<NewFact<Transaction>>>),
    Contacts(Vec<Batch<NewFact<Contact>>>),
    Contracts(Batch<NewContract>),
    Rates(Batch<ExchangeRate>),
}

/// An acknowledgement, charged to the connection until the transport takes it: a caller who does not read is cut like any other.
struct Acknowledgement {
    answer: Answered,
    bytes: usize,
    charge: Option<AnswerCharge>,
}

impl Acknowledgement {
    fn new(answer: Answered, peer: Option<&Arc<Peer>>) -> Self {
        let bytes = answer.as_ref().map_or(0, Message::encoded_len);
        Self {
            charge: peer.map(|peer| peer.answer(bytes)),
            answer,
            bytes,
        }
    }

    fn hand_over(mut self) -> Answered {
        if let Some(charge) = &mut self.charge {
            charge.hand_over(self.bytes);
        }
        self.answer
    }
}

/// What the reader gives to the writer; the last one may be an error.
type Read = Result<Facts, Status>;

/// Begins to answer a stream.
pub(super) fn begin(
    api: &IngestApi,
    request: Request<Streaming<pb::StreamFactsRequest>>,
) -> Answer {
    let control = request.extensions().get::<StreamControl>().cloned();
    let peer = request.extensions().get::<Arc<Peer>>().cloned();
    let (batches, read) = mpsc::channel(READ_AHEAD);
    let (acknowledge, acknowledged) = mpsc::channel(MOST_UNREAD);
    let reader = api
        .lane
        .spawn(read_all(api.clone(), request.into_inner(), batches));
    let writer = Writer {
        api: api.clone(),
        lane: api.lane.clone(),
        control,
        peer,
        acknowledge,
        acknowledged_count: 0,
        _reader: reader,
    };
    let writer = api.lane.spawn(writer.run(read));
    Box::pin(Acknowledgements {
        acknowledged: ReceiverStream::new(acknowledged),
        _writer: writer,
    })
}

/// Reads batches until the end of the stream, or to the first that cannot be taken.
async fn read_all(
    api: IngestApi,
    mut messages: Streaming<pb::StreamFactsRequest>,
    batches: mpsc::Sender<Read>,
) {
    loop {
        // Room first: what was read is held.
        let Ok(room) = batches.reserve().await else {
            return;
        };
        let read = match messages.message().await {
            Ok(Some(message)) => read_batch(&api, message),
            Ok(None) => return,
            Err(error) => Err(with_reason(error)),
        };
        let is_last = read.is_err();
        room.send(read);
        if is_last {
            return;
        }
    }
}

/// A status of tonic's own says that a message cannot be decoded.
fn with_reason(error: Status) -> Status {
    if error.code() == Code::Internal && error.get_details_error_info().is_none() {
        return transport::malformed_message("a message cannot be decoded");
    }
    error
}

fn read_batch(api: &IngestApi, message: pb::StreamFactsRequest) -> Read {
    Ok(match message.batch {
        Some(Kind::Customers(it)) => Facts::Customers(api.read_customers(&it.customers)?),
        Some(Kind::Transactions(it)) => Facts::Transactions(vec![api.read(
            "transactions",
            &it.transactions,
            transaction,
        )?]),
        Some(Kind::Contacts(it)) => Facts::Contacts(vec![api.read_contacts(&it.contacts)?]),
        Some(Kind::Contracts(it)) => {
            Facts::Contracts(api.read("contracts", &it.contracts, contract)?)
        }
        Some(Kind::Rates(it)) => Facts::Rates(api.read("rates", &it.rates, exchange_rate)?),
        None => {
            let mut violations = Violations::default();
            let kinds = "is required: set customers, transactions, contacts, contracts or rates";
            violations.at("batch").refuse("REQUIRED", kinds);
            return Err(status::invalid_request(violations));
        }
    })
}

/// Writes batches and acknowledges them.
struct Writer {
    api: IngestApi,
    lane: Lane,
    control: Option<StreamControl>,
    peer: Option<Arc<Peer>>,
    acknowledge: mpsc::Sender<Acknowledgement>,
    acknowledged_count: i64,
    _reader: AbortOnDropHandle<()>,
}

impl Writer {
    async fn run(mut self, mut read: mpsc::Receiver<Read>) {
        let open = self.api.ingest.metrics.streams.clone();
        open.inc();
        let _open = Open(open);
        let mut held = None;
        loop {
            let next = match held.take() {
                Some(next) => Some(next),
                None => read.recv().await,
            };
            let written = match next {
                Some(Ok(mut facts)) => {
                    held = facts.extend(&mut read);
                    self.write(facts).await
                }
                Some(Err(refused)) => Err(refused),
                None if self
                    .control
                    .as_ref()
                    .is_some_and(StreamControl::is_draining) =>
                {
                    Err(transport::stopping())
                }
                None => return,
            };
            let is_last = written.is_err();
            // A caller who has gone reads nothing.
            let answer = Acknowledgement::new(written, self.peer.as_ref());
            if self.acknowledge.send(answer).await.is_err() || is_last {
                return;
            }
        }
    }

    /// Writes batches in one transaction, in a place of the lane.
    async fn write(&mut self, facts: Facts) -> Result<pb::StreamFactsResponse, Status> {
        let count = facts.batches();
        let api = self.api.clone();
        let deadline = Instant::now() + BATCH_TIME;
        // Of 18 kB: boxed, so that the task is not.
        let work = Box::pin(async move { facts.write(&api, deadline).await });
        let written = self.lane.run(Some(deadline), work).await;
        let batches = written.map_err(ApiError::from)??;
        if let Some(control) = &self.control {
            control.release(count);
        }
        let metrics = &self.api.ingest.metrics;
        metrics.streamed_batches.inc_by(count as u64);
        metrics.stream_writes.inc();
        self.acknowledged_count += i64::try_from(count).unwrap_or(i64::MAX);
        Ok(pb::StreamFactsResponse {
            acknowledged_count: self.acknowledged_count,
            batches,
        })
    }
}

/// Counts a stream until it ends.
struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Facts {
    fn batches(&self) -> usize {
        match self {
            Self::Transactions(batches) => batches.len(),
            Self::Contacts(batches) => batches.len(),
            Self::Customers(_) | Self::Contracts(_) | Self::Rates(_) => 1,
        }
    }

    /// Adds the batches that are there already, as far as they fit. Returns the first that does not.
    fn extend(&mut self, read: &mut mpsc::Receiver<Read>) -> Option<Read> {
        while let Ok(next) = read.try_recv() {
            let left = match next {
                Ok(next) => self.join(next),
                Err(refused) => return Some(Err(refused)),
            };
            if let Some(left) = left {
                return Some(Ok(left));
            }
        }
        None
    }

    /// Adds a batch of the same kind, or gives it back.
    fn join(&mut self, next: Self) -> Option<Self> {
        match (self, next) {
            (Self::Transactions(batches), Self::Transactions(more))
                if fit(batches, &more, |fact| &fact.key.customer_id) =>
            {
                batches.extend(more);
                None
            }
            (Self::Contacts(batches), Self::Contacts(more))
                if fit(batches, &more, |fact| &fact.key.customer_id) =>
            {
                batches.extend(more);
                None
            }
            (_, next) => Some(next),
        }
    }

    async fn write(
        self,
        api: &IngestApi,
        deadline: Instant,
    ) -> Result<Vec<pb::BatchResult>, Status> {
        let ingest = &api.ingest;
        Ok(match self {
            Self::Transactions(mut batches) => {
                let facts = take_facts(&mut batches);
                let outcomes = ingest.transactions(&facts, deadline).await?;
                let kind = FactKind::Transaction;
                results(api, kind, "transactions", batches, &outcomes)
            }
            Self::Contacts(mut batches) => {
                let facts = take_facts(&mut batches);
                let outcomes = ingest.contacts(&facts, deadline).await?;
                results(api, FactKind::Contact, "contacts", batches, &outcomes)
            }
            Self::Customers(batch) => {
                let outcomes = ingest.customers(&batch.read, deadline).await?;
                results(api, FactKind::Customer, "customers", vec![batch], &outcomes)
            }
            Self::Contracts(batch) => {
                let outcomes = ingest.contracts(&batch.read, deadline).await?;
                results(api, FactKind::Contract, "contracts", vec![batch], &outcomes)
            }
            Self::Rates(batch) => {
                let outcomes = ingest.rates(&batch.read, deadline).await?;
                results(api, FactKind::Rate, "rates", vec![batch], &outcomes)
            }
        })
    }
}

/// Whether batches stay within what one transaction may have when others are added.
fn fit<F>(
    batches: &[Batch<NewFact<F>>],
    more: &[Batch<NewFact<F>>],
    customer: fn(&F) -> &CustomerId,
) -> bool {
    let facts = || batches.iter().chain(more).flat_map(|batch| &batch.read);
    if facts().count() > MOST_FACTS {
        return false;
    }
    let customers: HashSet<&CustomerId> = facts().map(|item| customer(&item.fact)).collect();
    customers.len() <= MOST_CUSTOMERS
}

/// The facts of batches, one after another; which of the items they are stays with the batches.
fn take_facts<T>(batches: &mut [Batch<T>]) -> Vec<T> {
    let batches = batches.iter_mut();
    batches
        .flat_map(|batch| std::mem::take(&mut batch.read))
        .collect()
}

/// The results of each batch, from the outcomes of the facts of all of them.
fn results<T>(
    api: &IngestApi,
    kind: FactKind,
    name: &str,
    batches: Vec<Batch<T>>,
    mut outcomes: &[Outcome],
) -> Vec<pb::BatchResult> {
    let mut results = Vec::with_capacity(batches.len());
    for batch in batches {
        let accepted = batch.refused.iter().filter(|it| it.is_none()).count();
        let (own, rest) = outcomes.split_at(accepted.min(outcomes.len()));
        outcomes = rest;
        results.push(pb::BatchResult {
            results: api.results(kind, name, batch, own),
        });
    }
    results
}
