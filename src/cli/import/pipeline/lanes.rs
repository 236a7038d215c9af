//! The lanes of an import: each has customers of its own, so that no two batches wait for each other in the database. What becomes of a batch
//! is not known here.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;

use prost::Message as _;

use super::Mapping;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::import::send::{self, BATCH_BYTES, BATCH_FACTS, Sent, Terms};
use crate::cli::import::unit::Unit;
use crate::pb;

/// Where a fact on its way came from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// The rows from which it was read.
    pub(super) unit: Rc<Unit>,
    /// A hash of its customer.
    pub(super) customer: Option<u64>,
    /// What it depends on, if it depends on what is recorded.
    pub(super) condition: Option<Rc<Condition>>,
}

/// What a fact depends on.
#[derive(Debug)]
pub(super) struct Condition {
    /// Why it is not recorded, if it is not.
    pub(super) reason: String,
    /// As what it counts, if it is.
    pub(super) kind: &'static str,
    pub(super) money: Option<pb::Money>,
}

/// A batch that was answered.
pub(super) struct Landed {
    pub(super) origins: Vec<Origin>,
    pub(super) sent: Sent,
}

/// The lanes, with what was read for each and is not sent yet.
pub(super) struct Lanes<M: Mapping> {
    pub(super) pending: Vec<Pending<M>>,
    /// The rows of each batch that is not answered, by lane in their order.
    under_way: Vec<VecDeque<Vec<Origin>>>,
    /// `None`: the rows are only checked.
    streams: Option<send::Lanes>,
    terms: Terms,
}

impl<M: Mapping> Lanes<M> {
    /// The lanes of facts that are sent under `terms`.
    pub(super) fn new(terms: Terms, connection: Option<&Connection>) -> Self {
        Self {
            pending: (0..M::LANES).map(|_| Pending::default()).collect(),
            under_way: vec![VecDeque::new(); M::LANES],
            streams: connection.map(|connection| send::Lanes::open(connection, M::LANES)),
            terms,
        }
    }

    /// Whether a lane takes another batch before one is answered.
    pub(super) fn has_room(&self, lane: usize) -> bool {
        let streams = self.streams.as_ref();
        streams.is_none_or(|streams| streams.has_room(lane))
    }

    /// Sends what was read for a lane.
    pub(super) async fn depart(&mut self, lane: usize) {
        let Pending { facts, origins, .. } = std::mem::take(&mut self.pending[lane]);
        if let Some(streams) = &mut self.streams
            && !facts.is_empty()
        {
            self.under_way[lane].push_back(origins);
            streams.send(lane, M::batch(facts, &self.terms)).await;
        }
    }

    /// What became of the next batch. `None`: all are answered.
    pub(super) async fn next(&mut self) -> Option<Result<Landed, CliError>> {
        let sent = self.streams.as_mut()?.next().await?;
        Some(self.landed(sent))
    }

    /// The same, if it is known already.
    pub(super) fn try_next(&mut self) -> Option<Result<Landed, CliError>> {
        let sent = self.streams.as_mut()?.try_next()?;
        Some(self.landed(sent))
    }

    fn landed(&mut self, sent: Result<Sent, CliError>) -> Result<Landed, CliError> {
        let sent = sent?;
        let origins = self.under_way[sent.lane].pop_front().unwrap_or_default();
        Ok(Landed { origins, sent })
    }

    /// Ends the streams.
    pub(super) async fn close(self) {
        if let Some(streams) = self.streams {
            streams.close().await;
        }
    }

    /// The lane of a fact.
    pub(super) fn lane_for(&self, fact: &M::Fact) -> usize {
        let mut hasher = DefaultHasher::new();
        M::customer(fact).hash(&mut hasher);
        usize::try_from(hasher.finish() % self.pending.len() as u64).unwrap_or(0)
    }
}

/// Rows that were read and not sent yet.
pub(super) struct Pending<M: Mapping> {
    facts: Vec<M::Fact>,
    origins: Vec<Origin>,
    bytes: usize,
}

impl<M: Mapping> Default for Pending<M> {
    fn default() -> Self {
        Self {
            facts: Vec::new(),
            origins: Vec::new(),
            bytes: 0,
        }
    }
}

impl<M: Mapping> Pending<M> {
    pub(super) fn push(&mut self, (fact, origin): (M::Fact, Origin)) {
        self.bytes += fact.encoded_len();
        self.facts.push(fact);
        self.origins.push(origin);
    }

    pub(super) fn has_room_for(&self, rows: usize) -> bool {
        self.facts.is_empty() || self.facts.len() + rows <= BATCH_FACTS
    }

    pub(super) fn is_full(&self) -> bool {
        self.facts.len() >= BATCH_FACTS || self.bytes >= BATCH_BYTES
    }
}
