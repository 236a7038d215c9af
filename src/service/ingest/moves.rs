//! Moving facts from one customer to another: what was recorded for a guest is an account's, or a source says of an order that it is
//! somebody else's now.
//!
//! Facts never change, so a moved fact is withdrawn from the one and recorded for the other, at one instant, with all that it is related to
//! by names: a purchase without its refund would count more than was paid. Its key notes the move, so that the same file, sent again, finds
//! it known. What an import wrote stays that import's, and goes with it when it is undone; what an import moved goes back.

mod reading;
mod writing;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};
use tokio::time::Instant;

use self::{
    reading::{problems, read, read_there},
    writing::{Moved, Versions, write},
};
use super::{
    Call, Ingest,
    commit::{Changes, commit},
    creation::empty_profile,
    fold::fold_whole,
    locked::{Locked, begin, distinct},
};
use crate::{
    domain::{
        customer::facts::FactKey,
        text::{CustomerId, Label},
    },
    service::{
        error::{CorrectionError, ServiceError},
        retry::retry,
    },
    store::{self, customers::Customer, error::StoreError, fact_keys::KeyedKind},
};

/// A fact as its source names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactName {
    /// Which sort of fact.
    pub kind: KeyedKind,
    /// The system that recorded it.
    pub source: Label,
    /// Its id there.
    pub id: Label,
}

impl FactName {
    fn key(&self, customer_id: &CustomerId) -> FactKey {
        FactKey {
            customer_id: customer_id.clone(),
            source: self.source.clone(),
            id: self.id.clone(),
        }
    }
}

/// Facts that are to go from one customer to another.
#[derive(Debug, Clone)]
pub struct Move {
    /// Whose they are.
    pub from: CustomerId,
    /// Whose they are to be.
    pub to: CustomerId,
    /// Which.
    pub facts: Vec<FactName>,
}

/// Why a fact cannot be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmovable {
    /// The customer has no such fact.
    Unknown,
    /// The other customer has a fact of that name with another content.
    Taken,
    /// Ids of its source are unique for each customer only, so that the same file would bring it back.
    Separate,
}

/// Why facts are moved.
#[derive(Debug, Clone, Copy)]
pub(super) enum Occasion {
    /// Somebody asked for it.
    Asked,
    /// They were sent for the other customer, by the import with this number or by none.
    Sent(i64),
    /// An import that had moved them is undone.
    Undone,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedFacts {
    /// The facts, in their order; those that were named and those that are related to them.
    pub facts: Vec<FactName>,
    /// Those of them that the other customer had already: they count once now.
    pub repeated: Vec<FactName>,
}

/// Moves facts, or says what would be moved.
pub(super) async fn move_facts(
    ingest: &Ingest,
    asked: &Move,
    validate_only: bool,
    deadline: Instant,
) -> Result<MovedFacts, ServiceError> {
    retry(&ingest.pool, || {
        try_move(ingest, asked, validate_only, deadline)
    })
    .await
}

/// What a try to write a batch came to.
pub(super) enum Attempt<T> {
    /// It is written.
    Done(T),
    /// Nothing is written: these facts are to be moved first to the customers they were sent for, from those who have them.
    Follows(Vec<(FactKey, CustomerId)>),
    /// Nothing is written: these facts are to be recorded for other customers than they were sent for, to whom the facts that they take back
    /// were moved.
    Belongs(Vec<(FactKey, CustomerId)>),
}

/// What earlier tries of a call settled about facts of other customers.
#[derive(Debug, Clone, Default)]
pub(super) struct Settled {
    /// Facts that were moved, by source and id, to the customers they were sent for. Sent for several, a fact is the first one's.
    moved: HashMap<(Label, Label), CustomerId>,
    /// The customers for whom facts are recorded that were sent for others.
    placed: HashMap<FactKey, CustomerId>,
}

impl Settled {
    /// Whether the call moved a fact of this name.
    pub(super) fn has_moved(&self, key: &FactKey) -> bool {
        self.moved
            .contains_key(&(key.source.clone(), key.id.clone()))
    }

    /// The keys with which facts were sent that were moved.
    fn moved_keys(&self) -> HashSet<FactKey> {
        let moved = self.moved.iter();
        let keys = moved.map(|((source, id), customer_id)| FactKey {
            customer_id: customer_id.clone(),
            source: source.clone(),
            id: id.clone(),
        });
        keys.collect()
    }

    /// The customer for whom a fact is recorded, if not the one it was sent for.
    pub(super) fn placed(&self, key: &FactKey) -> Option<&CustomerId> {
        self.placed.get(key)
    }

    /// Facts that are recorded for others than they were sent for: the keys with which they were sent, and those customers.
    pub(super) fn all_placed(&self) -> impl Iterator<Item = (&FactKey, &CustomerId)> {
        self.placed.iter()
    }
}

/// Writes a batch. Where facts of other customers are to be moved first, moves them and tries again. Returns the keys of these, too. `named` is
/// a customer who is created if they are unknown.
pub(super) async fn write_following<T, F>(
    ingest: &Ingest,
    kind: KeyedKind,
    named: impl Fn(&CustomerId) -> Option<Customer>,
    call: &Call,
    write: impl Fn(Arc<Settled>) -> F,
) -> Result<(T, HashSet<FactKey>), ServiceError>
where
    F: Future<Output = Result<Attempt<T>, ServiceError>>,
{
    /// Facts are moved, what takes them back is placed, and the batch is written; other calls may move facts in between.
    const MOST_TRIES: usize = 4;
    let mut settled = Arc::new(Settled::default());
    for _ in 0..MOST_TRIES {
        match write(Arc::clone(&settled)).await? {
            Attempt::Done(done) => return Ok((done, settled.moved_keys())),
            Attempt::Follows(mut following) => {
                let mut seen = HashSet::new();
                following.retain(|(key, _)| seen.insert((key.source.clone(), key.id.clone())));
                follow(ingest, kind, &following, &named, call).await?;
                let moved = following.into_iter();
                let moved = moved.map(|(key, _)| ((key.source, key.id), key.customer_id));
                Arc::make_mut(&mut settled).moved.extend(moved);
            }
            Attempt::Belongs(placed) => Arc::make_mut(&mut settled).placed.extend(placed),
        }
    }
    Err(ServiceError::Contended)
}

/// Moves facts to the customers for whom they were sent, from those who have them; the first are created where they are unknown.
async fn follow(
    ingest: &Ingest,
    kind: KeyedKind,
    following: &[(FactKey, CustomerId)],
    named: &impl Fn(&CustomerId) -> Option<Customer>,
    call: &Call,
) -> Result<(), ServiceError> {
    let mut moves: BTreeMap<(&CustomerId, &CustomerId), Vec<FactName>> = BTreeMap::new();
    for (key, owner) in following {
        let facts = moves.entry((owner, &key.customer_id)).or_default();
        facts.push(FactName {
            kind,
            source: key.source.clone(),
            id: key.id.clone(),
        });
    }
    for ((from, to), facts) in moves {
        let asked = Move {
            from: from.clone(),
            to: to.clone(),
            facts,
        };
        let customer = named(to);
        let done = retry(&ingest.pool, || {
            try_follow(ingest, &asked, customer.as_ref(), call)
        })
        .await;
        // What cannot be moved was changed by another call since it was looked at.
        if matches!(done, Err(ServiceError::Correction(_))) {
            return Err(ServiceError::Contended);
        }
        done?;
    }
    Ok(())
}

async fn try_follow(
    ingest: &Ingest,
    asked: &Move,
    customer: Option<&Customer>,
    call: &Call,
) -> Result<MovedFacts, ServiceError> {
    let recorded_at = ingest.clock.now();
    let (mut tx, mut locked) = lock(ingest, asked, call.deadline).await?;
    // What an undone import sends is refused as a whole.
    let import = store::imports::number_of(&mut tx, call.import.as_ref(), recorded_at).await?;
    if let Some(customer) = customer
        && locked.profile(&asked.to).is_none()
    {
        store::customers::upsert(&mut tx, std::slice::from_ref(customer), recorded_at).await?;
        let mut profile = empty_profile(customer, recorded_at);
        profile.version = locked.version(&asked.to);
        locked.profiles.insert(asked.to.clone(), profile);
    }
    let occasion = Occasion::Sent(import);
    move_locked(ingest, tx, locked, (asked, occasion), false, recorded_at).await
}

async fn try_move(
    ingest: &Ingest,
    asked: &Move,
    validate_only: bool,
    deadline: Instant,
) -> Result<MovedFacts, ServiceError> {
    let recorded_at = ingest.clock.now();
    let (tx, locked) = lock(ingest, asked, deadline).await?;
    let why = (asked, Occasion::Asked);
    move_locked(ingest, tx, locked, why, validate_only, recorded_at).await
}

pub(super) async fn lock(
    ingest: &Ingest,
    asked: &Move,
    deadline: Instant,
) -> Result<(Tx<'static, Postgres>, Locked), StoreError> {
    let customers = distinct([&asked.from, &asked.to].into_iter());
    begin(ingest, &customers, deadline).await
}

/// Moves facts between customers whose locks are held.
pub(super) async fn move_locked(
    ingest: &Ingest,
    mut tx: Tx<'static, Postgres>,
    mut locked: Locked,
    (asked, occasion): (&Move, Occasion),
    validate_only: bool,
    recorded_at: Timestamp,
) -> Result<MovedFacts, ServiceError> {
    let unknown = [&asked.from, &asked.to].into_iter();
    let unknown: Vec<CustomerId> = unknown
        .filter(|id| locked.profile(id).is_none())
        .cloned()
        .collect();
    if !unknown.is_empty() {
        return Err(CorrectionError::CustomersNotFound(unknown).into());
    }
    let (from, to) = (
        locked.root(&asked.from).clone(),
        locked.root(&asked.to).clone(),
    );
    if from == to {
        return Err(CorrectionError::OneCustomer(asked.from.clone(), asked.to.clone()).into());
    }
    let read = read(&mut tx, &asked.from, &asked.facts).await?;
    let names = read.names();
    let there = read_there(&mut tx, &asked.to, &names).await?;
    let problems = problems(ingest, asked, &read, &there, &names);
    if !problems.is_empty() {
        return Err(CorrectionError::Unmovable(problems).into());
    }
    let moved = MovedFacts {
        repeated: there.names().into_iter().collect(),
        facts: names.into_iter().collect(),
    };
    if validate_only {
        tx.rollback().await?;
        return Ok(moved);
    }
    let versions = Versions {
        left: locked.version(&asked.from) + 1,
        before: locked.version(&asked.to),
    };
    let written = Moved {
        asked,
        occasion,
        read: &read,
        there: &there,
        versions,
    };
    let last = write(&mut tx, written, recorded_at).await?;
    for (id, version) in [(&from, versions.left), (&to, last)] {
        if let Some(profile) = locked.profiles.get_mut(id) {
            profile.version = version;
            profile.recorded_at = recorded_at;
        }
    }
    fold_whole(&mut tx, locked.profiles.values_mut()).await?;
    let changes = Changes {
        profiles: locked.profiles,
        identifiers: vec![],
        new_currency: false,
        imported: None,
        former: vec![],
        merged: vec![],
    };
    commit(ingest, tx, changes, recorded_at).await?;
    let count = u64::try_from(moved.facts.len()).unwrap_or(u64::MAX);
    ingest.metrics.moved.inc_by(count);
    Ok(moved)
}
