//! Sending batches of facts by streams, again where that helps. Facts are idempotent, so sending one twice is safe.
//!
//! Each lane is a stream of its own in a task of its own, so that facts are sent and answered while the next rows are read. The batches of a
//! lane are recorded in their order. A stream that breaks is opened again, with every batch that was not acknowledged. Where a proxy breaks it for
//! its size, the next ones are shorter.

mod ended;
#[cfg(test)]
pub(crate) mod fake;

use std::collections::VecDeque;
use std::time::Duration;

use prost::Message as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use self::ended::{Ended, Over, late};
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::pb;
pub use crate::pb::stream_facts_request::Batch;

/// Most facts of one batch, by the contract.
pub const BATCH_FACTS: usize = 1_000;
/// Most bytes of one batch: half of what gRPC servers take by default.
pub const BATCH_BYTES: usize = 2 << 20;
/// Most batches of a lane that are not acknowledged: those that the server writes together, and as many that it reads meanwhile.
pub const AHEAD: usize = 8;
/// How often a batch is sent at most. With the delays below that is about a minute and a half, and less where the server names moments.
const ATTEMPTS: u32 = 10;
/// Delay before the second attempt where the server names none; doubled for each further one, whatever it names.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// Longest delay between two attempts, whatever the server asks for.
const LONGEST_DELAY: Duration = Duration::from_secs(20);

/// What a batch states besides its facts.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// The import that the facts belong to; empty: none.
    pub import_id: String,
    /// What happens to identifiers that no customer has.
    pub unknown_customer: pb::UnknownCustomer,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Sent {
    /// The lane of the batch. Its batches are answered in their order.
    pub lane: usize,
    /// A result per fact, in their order.
    pub results: Vec<pb::ItemResult>,
    /// By how much the number of refunds or retractions changed that found nothing to take back.
    pub unmatched_change: i64,
    /// How often its stream was opened again since the answer before.
    pub retries: u32,
}

/// The lanes to a server.
#[derive(Debug)]
pub struct Lanes {
    each: Vec<Lane>,
    answers: mpsc::Receiver<Result<Sent, CliError>>,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Lane {
    batches: mpsc::Sender<Batch>,
    /// Batches that are not answered.
    under_way: usize,
}

impl Lanes {
    /// So many lanes. A stream begins with its first batch.
    #[must_use]
    pub fn open(connection: &Connection, count: usize) -> Self {
        let (sender, answers) = mpsc::channel(count.max(1) * AHEAD);
        let mut tasks = JoinSet::new();
        let lanes = (0..count).map(|number| {
            let (batches, received) = mpsc::channel(AHEAD);
            let task = Task {
                number,
                connection: connection.clone(),
                batches: received,
                waiting: VecDeque::new(),
                answers: sender.clone(),
                attempts: 0,
                retries: 0,
                longest: usize::MAX,
            };
            tasks.spawn(task.run());
            Lane {
                batches,
                under_way: 0,
            }
        });
        Self {
            each: lanes.collect(),
            answers,
            tasks,
        }
    }

    /// Whether a lane takes another batch before one is answered.
    #[must_use]
    pub fn has_room(&self, lane: usize) -> bool {
        self.each[lane].under_way < AHEAD
    }

    /// The lane with the fewest batches under way, if it takes another one.
    #[must_use]
    pub fn freest(&self) -> Option<usize> {
        let lanes = 0..self.each.len();
        let freest = lanes.min_by_key(|&lane| self.each[lane].under_way);
        freest.filter(|&lane| self.has_room(lane))
    }

    /// Sends a batch.
    pub async fn send(&mut self, lane: usize, batch: Batch) {
        let lane = &mut self.each[lane];
        lane.under_way += 1;
        // A task that has ended returned why: it is the next answer.
        let _ = lane.batches.send(batch).await;
    }

    /// What became of the next batch of any lane. `None`: all are answered.
    ///
    /// # Errors
    ///
    /// The server's last answer, when it refuses a batch or stays away; a failure when it does not answer for every fact.
    pub async fn next(&mut self) -> Option<Result<Sent, CliError>> {
        if self.each.iter().all(|lane| lane.under_way == 0) {
            return None;
        }
        let answer = self.answers.recv().await?;
        if let Ok(sent) = &answer {
            self.each[sent.lane].under_way -= 1;
        }
        Some(answer)
    }

    /// What became of the next batch, if that is known already.
    ///
    /// # Errors
    ///
    /// As [`Lanes::next`].
    pub fn try_next(&mut self) -> Option<Result<Sent, CliError>> {
        let answer = self.answers.try_recv().ok()?;
        if let Ok(sent) = &answer {
            self.each[sent.lane].under_way -= 1;
        }
        Some(answer)
    }

    /// Ends the streams, so that the server does not take them for broken ones.
    pub async fn close(mut self) {
        self.each.clear();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The sender of a lane.
struct Task {
    number: usize,
    connection: Connection,
    batches: mpsc::Receiver<Batch>,
    /// Not acknowledged, in their order.
    waiting: VecDeque<Batch>,
    answers: mpsc::Sender<Result<Sent, CliError>>,
    /// Streams since the last acknowledgement.
    attempts: u32,
    /// Streams that were opened again and not reported.
    retries: u32,
    /// Bytes of batches after which a stream ends, so that another one begins. A batch is sent whole, however large.
    longest: usize,
}

/// What a stream has carried.
#[derive(Debug, Default)]
struct Carried {
    bytes: usize,
    batches: usize,
    /// Those of them that are acknowledged.
    acknowledged: usize,
}

impl Carried {
    /// Whether a batch goes into a stream of so many bytes; the first one always does.
    fn takes(&mut self, batch: &Batch, longest: usize) -> bool {
        let bytes = self.bytes + bytes(batch);
        if self.batches > 0 && bytes > longest {
            return false;
        }
        self.bytes = bytes;
        self.batches += 1;
        true
    }
}

impl Task {
    async fn run(mut self) {
        let mut delay = Duration::ZERO;
        loop {
            if self.waiting.is_empty() {
                match self.batches.recv().await {
                    Some(batch) => self.waiting.push_back(batch),
                    None => return,
                }
            }
            if self.attempts == 0 {
                delay = Duration::ZERO;
            }
            self.attempts += 1;
            let mut carried = Carried::default();
            let ended = match self.stream(&mut carried).await {
                Ok(Over::All) => return,
                Ok(Over::Full) => continue,
                Err(ended) => ended,
            };
            // A proxy may take only so much of a stream. One that got nothing through is not begun the same way again.
            let is_shorter = carried.acknowledged == 0 && carried.batches > 1;
            if is_shorter && (ended.is_too_large() || ended.is_reset()) {
                self.longest = carried.bytes / 2;
            }
            let may_pass = ended.is_passing() || (is_shorter && ended.is_too_large());
            if self.attempts < ATTEMPTS && may_pass {
                self.retries += 1;
                // Doubled all the same: a busy server names moments, and ten of them are soon over.
                delay = ended.asked_delay().max(delay * 2).min(LONGEST_DELAY);
                sleep(delay).await;
                continue;
            }
            // Without a reader there is no one left to read the reason either.
            let _ = self.answers.send(Err(ended.into())).await;
            return;
        }
    }

    /// Sends what waits and what comes by one stream, until all is acknowledged and no more comes, or the stream is full.
    async fn stream(&mut self, carried: &mut Carried) -> Result<Over, Ended> {
        let limit = self.connection.timeout();
        let (requests, messages) = mpsc::channel(AHEAD);
        let mut is_full = false;
        for batch in &self.waiting {
            is_full = is_full || !carried.takes(batch, self.longest);
            if !is_full {
                // There is room for all that may wait.
                let _ = requests.try_send(request(batch));
            }
        }
        let mut requests = Some(requests).filter(|_| !is_full);
        let mut client = self.connection.ingest();
        // A time limit in the request would bound the whole stream.
        let stream = self
            .connection
            .endless_request(ReceiverStream::new(messages));
        let begun = client.stream_facts(stream);
        let begun = timeout_at(Instant::now() + limit, begun).await;
        let begun = begun.map_err(|_| late(limit))?;
        let mut acknowledged: Streaming<pb::StreamFactsResponse> = begun?.into_inner();
        let mut since = Instant::now();
        loop {
            let has_room = requests.is_some() && self.waiting.len() < AHEAD;
            tokio::select! {
                batch = self.batches.recv(), if has_room => {
                    let Some(batch) = batch else {
                        requests = None;
                        continue;
                    };
                    if self.waiting.is_empty() {
                        since = Instant::now();
                    }
                    is_full = !carried.takes(&batch, self.longest);
                    // The next stream sends it. If this one has ended, its answer states it, and the next one sends the batch, too.
                    requests = requests.filter(|_| !is_full);
                    if let Some(requests) = &requests {
                        let _ = requests.try_send(request(&batch));
                    }
                    self.waiting.push_back(batch);
                },
                answer = acknowledged.message() => match answer? {
                    Some(answer) => {
                        carried.acknowledged += answer.batches.len();
                        self.acknowledge(answer).await?;
                        since = Instant::now();
                    }
                    None if is_full && carried.acknowledged == carried.batches => return Ok(Over::Full),
                    None if requests.is_none() && self.waiting.is_empty() => return Ok(Over::All),
                    None => {
                        let how = "the server ended a stream before all of it was acknowledged";
                        return Err(Ended::Silently(how.to_owned()));
                    }
                },
                () = sleep_until(since + limit), if requests.is_none() || !self.waiting.is_empty() => {
                    return Err(late(limit));
                }
            }
        }
    }

    /// Hands on what became of the batches that waited longest.
    async fn acknowledge(&mut self, answer: pb::StreamFactsResponse) -> Result<(), Ended> {
        self.attempts = 0;
        for batch in answer.batches {
            let facts = self.waiting.pop_front().as_ref().map_or(0, facts);
            let results = batch.results;
            if results.len() != facts {
                let answered = results.len();
                return Err(Ended::Failed(CliError::failed(format!(
                    "the server answered for {answered} of {facts} facts"
                ))));
            }
            let sent = Sent {
                lane: self.number,
                results,
                unmatched_change: batch.unmatched_change,
                retries: std::mem::take(&mut self.retries),
            };
            if self.answers.send(Ok(sent)).await.is_err() {
                return Err(Ended::Failed(CliError::failed("the import has ended")));
            }
        }
        Ok(())
    }
}

fn request(batch: &Batch) -> pb::StreamFactsRequest {
    pb::StreamFactsRequest {
        batch: Some(batch.clone()),
    }
}

fn bytes(batch: &Batch) -> usize {
    match batch {
        Batch::Customers(batch) => batch.encoded_len(),
        Batch::Transactions(batch) => batch.encoded_len(),
        Batch::Contacts(batch) => batch.encoded_len(),
        Batch::Contracts(batch) => batch.encoded_len(),
        Batch::Rates(batch) => batch.encoded_len(),
    }
}

fn facts(batch: &Batch) -> usize {
    match batch {
        Batch::Customers(batch) => batch.customers.len(),
        Batch::Transactions(batch) => batch.transactions.len(),
        Batch::Contacts(batch) => batch.contacts.len(),
        Batch::Contracts(batch) => batch.contracts.len(),
        Batch::Rates(batch) => batch.rates.len(),
    }
}

/// Everything that is wrong with a refused fact, in one line. Paths are told from the fact on: the place in the batch means
/// nothing to the reader of a file.
#[must_use]
pub fn reason(result: &pb::ItemResult) -> String {
    let parts: Vec<String> = result
        .violations
        .iter()
        .map(|violation| {
            let field = violation.field.split_once("].");
            let field = field.map_or("", |(_, field)| field);
            if field.is_empty() {
                violation.description.clone()
            } else {
                format!("{field}: {}", violation.description)
            }
        })
        .collect();
    if parts.is_empty() {
        "refused by the server".to_owned()
    } else {
        parts.join("; ")
    }
}
