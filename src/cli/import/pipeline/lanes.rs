//! The ways of an import to the server: each has customers of its own and one batch under way at a time, so that no two batches wait for each
//! other in the database. What becomes of a batch is not known here.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use prost::Message as _;

use super::Mapping;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::import::send::{BATCH_BYTES, BATCH_FACTS, Sent, Terms, send};
use crate::cli::import::unit::Unit;

/// The rows from which a fact on its way was read.
pub(super) type Origin = Rc<Unit>;
pub(super) type InFlight<'a> = LocalBoxFuture<'a, Landed>;

/// A batch that was answered.
pub(super) struct Landed {
    pub(super) lane: usize,
    pub(super) origins: Vec<Origin>,
    pub(super) sent: Result<Sent, CliError>,
}

/// The ways to the server, one batch at a time on each.
pub(super) struct Lanes<'a, M: Mapping> {
    pub(super) pending: Vec<Pending<M>>,
    pub(super) busy: Vec<bool>,
    pub(super) flights: FuturesUnordered<InFlight<'a>>,
    terms: Terms,
}

impl<'a, M: Mapping> Lanes<'a, M> {
    /// Sends what was read for a lane.
    pub(super) fn depart(&mut self, lane: usize, connection: &'a Connection) {
        self.busy[lane] = true;
        let flight = self.pending[lane].take(lane, connection, self.terms.clone());
        self.flights.push(flight);
    }

    /// The ways of facts that are sent under `terms`.
    pub(super) fn new(terms: Terms) -> Self {
        Self {
            terms,
            pending: (0..M::IN_FLIGHT).map(|_| Pending::default()).collect(),
            busy: vec![false; M::IN_FLIGHT],
            flights: FuturesUnordered::new(),
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
    pub(super) facts: Vec<M::Fact>,
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

    fn take<'a>(&mut self, lane: usize, connection: &'a Connection, terms: Terms) -> InFlight<'a> {
        let Self { facts, origins, .. } = std::mem::take(self);
        let batch = M::batch(facts);
        Box::pin(async move {
            let sent = send(connection, batch, terms).await;
            Landed {
                lane,
                origins,
                sent,
            }
        })
    }
}
