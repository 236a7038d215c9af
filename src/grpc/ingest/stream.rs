//! `StreamFacts`: batches one after another, read ahead, written in their order, several of one kind in one transaction.
//!
//! One task reads and checks the next batches while another one writes, both on the threads of the ingest lane; each write takes a place of
//! the lane like a call, and gives it back. So a stream that waits for its caller costs no place, and one that is fast waits for its turn. A
//! batch is charged to the connection until it is written.

mod facts;

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

use self::facts::{Facts, Read, read_batch};
use super::IngestApi;
use crate::{
    api::error::ApiError,
    grpc::{
        layers::{
            identity::Verdict,
            peer::{AnswerCharge, Peer},
            receive::StreamControl,
        },
        status::transport,
    },
    pb,
    service::{
        identity::{Call, Refusal},
        lane::Lane,
    },
};

/// Batches that are read before the first of them is written. Chosen: the writer never waits for the next one, and what a stream holds is
/// bounded.
const READ_AHEAD: usize = 4;

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

/// Begins to answer a stream.
pub(super) fn begin(
    api: &IngestApi,
    request: Request<Streaming<pb::StreamFactsRequest>>,
) -> Answer {
    let control = request.extensions().get::<StreamControl>().cloned();
    let peer = request.extensions().get::<Arc<Peer>>().cloned();
    let verdict = request.extensions().get::<Verdict>();
    let call = verdict.and_then(Verdict::call).cloned();
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
        call,
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

/// Writes batches and acknowledges them.
struct Writer {
    api: IngestApi,
    lane: Lane,
    control: Option<StreamControl>,
    peer: Option<Arc<Peer>>,
    /// Who sends, where callers are identified.
    call: Option<Call>,
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

    /// Refuses what a caller sends whose token was revoked or expired since the stream began.
    fn check_caller(&self) -> Result<(), Status> {
        match &self.call {
            Some(call) if !call.is_valid(self.api.clock.now()) => Err((&Refusal::Invalid).into()),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes batches in one transaction, in a place of the lane.
    async fn write(&mut self, facts: Facts) -> Result<pb::StreamFactsResponse, Status> {
        self.check_caller()?;
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
