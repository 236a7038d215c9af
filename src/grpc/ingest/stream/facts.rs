//! What a stream writes together: batches that wait, joined where nothing depends on it.

use std::collections::HashSet;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::Status;

use crate::{
    api::{
        facts::{contact, transaction},
        placing::NamesCustomer,
        violations::Violations,
    },
    domain::{
        customer::facts::{Contact, Transaction},
        text::{CustomerId, Label},
    },
    grpc::{
        ingest::{Batch, IngestApi, kinds::call},
        status,
    },
    metrics::FactKind,
    pb::{self, stream_facts_request::Batch as Kind},
    service::ingest::{Call, NewFact, Placement, Recorded},
};

/// Most facts that one transaction writes: as many as are read ahead.
const MOST_FACTS: usize = 4_000;

/// Most customers that one transaction locks: as many as a call may name. The locks of all transactions share a table of Postgres.
const MOST_CUSTOMERS: usize = 1_000;

/// What the reader gives to the writer; the last one may be an error.
pub(super) type Read = Result<Facts, Status>;

/// What is written together.
pub(super) enum Facts {
    Transactions(Joined<NewFact<Transaction>>),
    Contacts {
        joined: Joined<NewFact<Contact>>,
        /// As they came, by batch.
        messages: Vec<Vec<pb::Contact>>,
    },
    /// One batch as it came: of a kind whose outcome depends on what else is in its call, or with customers that are still to be found.
    One(Kind),
}

/// Batches of one kind and one import, all of whose items state the ids of their customers.
pub(super) struct Joined<T> {
    import: Option<Label>,
    batches: Vec<Batch<T>>,
}

/// Reads a batch.
pub(super) fn read_batch(api: &IngestApi, message: pb::StreamFactsRequest) -> Read {
    // Nobody is named by a subject.
    let placement = Placement::default();
    Ok(match message.batch {
        Some(Kind::Transactions(it)) if stands_alone(&it.transactions, it.unknown_customer) => {
            let batch = api.read(
                "transactions",
                &it.transactions,
                |message, path, calendar| transaction(message, path, calendar, &placement),
            )?;
            Facts::Transactions(Joined::new(&it.import_id, batch)?)
        }
        Some(Kind::Contacts(it)) if stands_alone(&it.contacts, it.unknown_customer) => {
            let batch = api.read("contacts", &it.contacts, |message, path, calendar| {
                contact(message, path, calendar, &placement)
            })?;
            Facts::Contacts {
                joined: Joined::new(&it.import_id, batch)?,
                messages: vec![it.contacts],
            }
        }
        Some(other) => Facts::One(other),
        None => {
            let mut violations = Violations::default();
            let kinds = "is required: set customers, transactions, contacts, contracts or rates";
            violations.at("batch").refuse("REQUIRED", kinds);
            return Err(status::invalid_request(violations));
        }
    })
}

/// Whether a batch can be read before its turn: each item states the id of its customer, and nothing is stated of unknown ones.
fn stands_alone<M: NamesCustomer>(messages: &[M], unknown_customer: i32) -> bool {
    let mut messages = messages.iter();
    unknown_customer == 0 && messages.all(|message| !message.returns_customer())
}

impl Facts {
    pub(super) fn batches(&self) -> usize {
        match self {
            Self::Transactions(joined) => joined.batches.len(),
            Self::Contacts { joined, .. } => joined.batches.len(),
            Self::One(_) => 1,
        }
    }

    /// Adds the batches that are there already, as far as they fit. Returns the first that does not.
    pub(super) fn extend(&mut self, read: &mut mpsc::Receiver<Read>) -> Option<Read> {
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
            (Self::Transactions(joined), Self::Transactions(more))
                if joined.has_room_for(&more, |fact| &fact.key.customer_id) =>
            {
                joined.batches.extend(more.batches);
                None
            }
            (
                Self::Contacts { joined, messages },
                Self::Contacts {
                    joined: more,
                    messages: of_more,
                },
            ) if joined.has_room_for(&more, |fact| &fact.key.customer_id) => {
                joined.batches.extend(more.batches);
                messages.extend(of_more);
                None
            }
            (_, next) => Some(next),
        }
    }

    pub(super) async fn write(
        self,
        api: &IngestApi,
        deadline: Instant,
    ) -> Result<Vec<pb::BatchResult>, Status> {
        match self {
            Self::Transactions(mut joined) => {
                let (facts, call) = joined.take(deadline);
                let recorded = api.ingest.transactions(&facts, &call).await?;
                let batches = joined.batches;
                Ok(results(
                    api,
                    FactKind::Transaction,
                    "transactions",
                    batches,
                    &recorded,
                ))
            }
            Self::Contacts {
                mut joined,
                messages,
            } => {
                let (facts, call) = joined.take(deadline);
                let recorded = api.ingest.contacts(&facts, &call).await?;
                let batches = joined.batches;
                let mut results = results(api, FactKind::Contact, "contacts", batches, &recorded);
                for (result, contacts) in results.iter_mut().zip(&messages) {
                    api.warn_of_channels(contacts, &mut result.results);
                }
                Ok(results)
            }
            Self::One(batch) => Ok(vec![api.write(&batch, deadline).await?]),
        }
    }
}

impl<T> Joined<T> {
    fn new(import_id: &str, batch: Batch<T>) -> Result<Self, Status> {
        // The time is counted when its turn comes.
        let Call { import, .. } = call(Instant::now(), import_id)?;
        Ok(Self {
            import,
            batches: vec![batch],
        })
    }

    /// The facts of all batches, one after another, and the call that writes them; which of the items they are stays with the batches.
    fn take(&mut self, deadline: Instant) -> (Vec<T>, Call) {
        let import = self.import.clone();
        let batches = self.batches.iter_mut();
        let facts = batches.flat_map(|batch| std::mem::take(&mut batch.read));
        (facts.collect(), Call { deadline, import })
    }
}

impl<F> Joined<NewFact<F>> {
    /// Whether these stay within what one transaction may have when others of the same import are added.
    fn has_room_for(&self, more: &Self, customer: fn(&F) -> &CustomerId) -> bool {
        let facts = || {
            let batches = self.batches.iter().chain(&more.batches);
            batches.flat_map(|batch| &batch.read)
        };
        if self.import != more.import || facts().count() > MOST_FACTS {
            return false;
        }
        let customers: HashSet<&CustomerId> = facts().map(|item| customer(&item.fact)).collect();
        customers.len() <= MOST_CUSTOMERS
    }
}

/// The results of each batch, from what became of the facts of all of them.
fn results<T>(
    api: &IngestApi,
    kind: FactKind,
    name: &str,
    batches: Vec<Batch<T>>,
    recorded: &Recorded,
) -> Vec<pb::BatchResult> {
    let mut outcomes = recorded.outcomes.as_slice();
    let mut results = Vec::with_capacity(batches.len());
    for batch in batches {
        let accepted = batch.refused.iter().filter(|it| it.is_none()).count();
        let (own, rest) = outcomes.split_at(accepted.min(outcomes.len()));
        outcomes = rest;
        results.push(pb::BatchResult {
            results: api.results(kind, name, batch, own),
            unmatched_change: 0,
        });
    }
    // What they change together is stated once.
    if let Some(last) = results.last_mut() {
        last.unmatched_change = recorded.unmatched.net();
    }
    results
}
