//! Moving facts from one customer to another: what was recorded for a guest is an account's, or a source says of an order that it is
//! somebody else's now.
//!
//! Facts never change, so a moved fact is withdrawn from the one and recorded for the other, at one instant, with all that it is related to
//! by names: a purchase without its refund would count more than was paid. Its key notes the move, so that the same file, sent again, finds
//! it known. What an import wrote stays that import's, and goes with it when it is undone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sqlx::{PgConnection, Postgres, Transaction as Tx};
use tokio::time::Instant;

use super::{
    Ingest,
    commit::{Changes, Locked, begin, commit, distinct, list_locked},
    facts::{KeyedFact, empty_profile},
    keys::Sources,
};
use crate::{
    domain::{
        customer::{
            facts::{Contact, ContractFact, FactKey, Transaction},
            profile::Facts,
        },
        definitions::SameId,
        text::{CustomerId, Label},
    },
    service::{answer::profiles::fold_all, error::ServiceError, retry::retry},
    store::{
        self,
        customers::Customer,
        error::StoreError,
        fact_keys::{self, KeyedKind},
        import_writes::ImportWrite,
        moved_facts::{self, Leaving},
    },
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

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedFacts {
    /// The facts, in their order; those that were named and those that are related to them.
    pub facts: Vec<FactName>,
    /// Those of them that the other customer had already: they count once now.
    pub repeated: Vec<FactName>,
}

/// Why nothing was moved.
#[derive(Debug)]
pub(super) enum NotMoved {
    /// One of the customers is not known.
    NoCustomer(CustomerId),
    /// These facts, by their places in the request, cannot be moved.
    Facts(Vec<(usize, Unmovable)>),
}

/// The facts of a move, as they are recorded.
#[derive(Default)]
struct Read {
    transactions: Vec<Transaction>,
    contacts: Vec<Contact>,
    contracts: Vec<(FactName, Vec<ContractFact>)>,
}

/// Moves facts, or says what would be moved.
pub(super) async fn move_facts(
    ingest: &Ingest,
    asked: &Move,
    validate_only: bool,
    deadline: Instant,
) -> Result<MovedFacts, ServiceError> {
    let moved = retry(|| try_move(ingest, asked, validate_only, deadline)).await?;
    moved.map_err(|not_moved| match not_moved {
        NotMoved::NoCustomer(id) => ServiceError::UnknownCustomer(id),
        NotMoved::Facts(facts) => ServiceError::Unmovable(facts),
    })
}

/// Moves facts to the customers for whom they were sent, from those who have them; the first are created where they are unknown.
pub(super) async fn follow(
    ingest: &Ingest,
    kind: KeyedKind,
    following: &[(FactKey, CustomerId)],
    named: impl Fn(&CustomerId) -> Option<Customer>,
    deadline: Instant,
) -> Result<(), ServiceError> {
    let mut moves: BTreeMap<(&CustomerId, &CustomerId), Vec<FactName>> = BTreeMap::new();
    for (key, owner) in following {
        let names = moves.entry((owner, &key.customer_id)).or_default();
        names.push(FactName {
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
        let moved = retry(|| try_follow(ingest, &asked, customer.as_ref(), deadline)).await?;
        // What cannot be moved was changed by somebody else since it was looked at.
        moved.map_err(|_| ServiceError::Contended)?;
    }
    Ok(())
}

async fn try_follow(
    ingest: &Ingest,
    asked: &Move,
    customer: Option<&Customer>,
    deadline: Instant,
) -> Result<Result<MovedFacts, NotMoved>, StoreError> {
    let recorded_at = ingest.clock.now();
    let (mut tx, mut locked) = lock(ingest, asked, deadline).await?;
    if let Some(customer) = customer
        && !locked.profiles.contains_key(&asked.to)
    {
        store::customers::upsert(&mut tx, std::slice::from_ref(customer), recorded_at).await?;
        let mut profile = empty_profile(customer, recorded_at);
        profile.version = locked.version(&asked.to);
        locked.profiles.insert(asked.to.clone(), profile);
    }
    move_locked(ingest, tx, locked, asked, false, recorded_at).await
}

async fn try_move(
    ingest: &Ingest,
    asked: &Move,
    validate_only: bool,
    deadline: Instant,
) -> Result<Result<MovedFacts, NotMoved>, StoreError> {
    let recorded_at = ingest.clock.now();
    let (tx, locked) = lock(ingest, asked, deadline).await?;
    move_locked(ingest, tx, locked, asked, validate_only, recorded_at).await
}

async fn lock(
    ingest: &Ingest,
    asked: &Move,
    deadline: Instant,
) -> Result<(Tx<'static, Postgres>, Locked), StoreError> {
    let customers = distinct([&asked.from, &asked.to].into_iter());
    let mut tx = begin(ingest, &customers, deadline).await?;
    let locked = list_locked(ingest, &mut tx, &customers).await?;
    Ok((tx, locked))
}

/// Moves facts between customers whose locks are held.
async fn move_locked(
    ingest: &Ingest,
    mut tx: Tx<'static, Postgres>,
    mut locked: Locked,
    asked: &Move,
    validate_only: bool,
    recorded_at: Timestamp,
) -> Result<Result<MovedFacts, NotMoved>, StoreError> {
    for id in [&asked.from, &asked.to] {
        if !locked.profiles.contains_key(id) {
            return Ok(Err(NotMoved::NoCustomer(id.clone())));
        }
    }
    let read = read(&mut tx, &asked.from, &asked.facts).await?;
    let names = read.names();
    let there = read_there(&mut tx, &asked.to, &names).await?;
    let problems = problems(ingest, asked, &read, &there, &names);
    if !problems.is_empty() {
        return Ok(Err(NotMoved::Facts(problems)));
    }
    let moved = MovedFacts {
        repeated: there.names().into_iter().collect(),
        facts: names.into_iter().collect(),
    };
    if validate_only {
        tx.rollback().await?;
        return Ok(Ok(moved));
    }
    let versions = Versions {
        left: locked.version(&asked.from) + 1,
        before: locked.version(&asked.to),
    };
    let last = write(&mut tx, asked, &read, &there, versions, recorded_at).await?;
    let mut facts =
        store::facts::list(&mut tx, &[asked.from.clone(), asked.to.clone()], None).await?;
    for (id, version) in [(&asked.from, versions.left), (&asked.to, last)] {
        if let Some(profile) = locked.profiles.get_mut(id) {
            profile.version = version;
            profile.recorded_at = recorded_at;
            profile.history = fold_all(&facts.remove(id).unwrap_or_default());
        }
    }
    let changes = Changes {
        profiles: locked.profiles,
        identifiers: vec![],
        new_currency: false,
        imported: None,
        former: vec![],
    };
    commit(ingest, tx, changes, recorded_at).await?;
    let count = u64::try_from(moved.facts.len()).unwrap_or(u64::MAX);
    ingest.metrics.moved.inc_by(count);
    Ok(Ok(moved))
}

impl Read {
    /// The names of the facts, each once.
    fn names(&self) -> BTreeSet<FactName> {
        let name = |kind, key: &FactKey| FactName {
            kind,
            source: key.source.clone(),
            id: key.id.clone(),
        };
        let transactions = self.transactions.iter();
        let transactions = transactions.map(|fact| name(KeyedKind::Transaction, &fact.key));
        let contacts = self.contacts.iter();
        let contacts = contacts.map(|fact| name(KeyedKind::Contact, &fact.key));
        let contracts = self.contracts.iter().map(|(name, _)| name.clone());
        transactions.chain(contacts).chain(contracts).collect()
    }
}

/// What is recorded of a customer under the names, and all transactions and contacts that are related to those.
async fn read(
    tx: &mut PgConnection,
    customer: &CustomerId,
    names: &[FactName],
) -> Result<Read, StoreError> {
    let names: BTreeSet<FactName> = names.iter().cloned().collect();
    let Read {
        transactions,
        contacts,
        contracts,
    } = read_there(tx, customer, &names).await?;
    let facts = Facts {
        transactions,
        contacts,
        ..Facts::default()
    };
    let mut related = store::related::list(tx, std::iter::once(&facts)).await?;
    let Facts {
        transactions,
        contacts,
        ..
    } = related.remove(customer).unwrap_or_default();
    Ok(Read {
        transactions,
        contacts,
        contracts,
    })
}

/// What is recorded of a customer under the names.
async fn read_there(
    tx: &mut PgConnection,
    customer: &CustomerId,
    names: &BTreeSet<FactName>,
) -> Result<Read, StoreError> {
    let keys = |kind| -> Vec<FactKey> {
        let named = names.iter().filter(|name| name.kind == kind);
        named.map(|name| name.key(customer)).collect()
    };
    let (transactions, contacts, contracts) = (
        keys(KeyedKind::Transaction),
        keys(KeyedKind::Contact),
        keys(KeyedKind::Contract),
    );
    let transactions =
        store::transactions::list_by_key(tx, &transactions.iter().collect::<Vec<_>>()).await?;
    let contacts = store::contacts::list_by_key(tx, &contacts.iter().collect::<Vec<_>>()).await?;
    let observed = store::contracts::list_by_key(tx, &contracts.iter().collect::<Vec<_>>()).await?;
    let mut contracts: BTreeMap<FactName, Vec<ContractFact>> = BTreeMap::new();
    for fact in observed.into_values().flatten() {
        let name = FactName {
            kind: KeyedKind::Contract,
            source: fact.source.clone(),
            id: fact.contract_id.clone(),
        };
        contracts.entry(name).or_default().push(fact);
    }
    Ok(Read {
        transactions,
        contacts,
        contracts: contracts.into_iter().collect(),
    })
}

/// What is wrong with the named facts, by their places; a problem of a related fact is one of every named fact that it comes with.
fn problems(
    ingest: &Ingest,
    asked: &Move,
    read: &Read,
    there: &Read,
    names: &BTreeSet<FactName>,
) -> Vec<(usize, Unmovable)> {
    let sources = Sources::new(ingest);
    let is_taken = is_taken(asked, read, there);
    let mut problems = vec![];
    for (at, name) in asked.facts.iter().enumerate() {
        if !names.contains(name) {
            problems.push((at, Unmovable::Unknown));
        } else if sources.same_id(&name.source) == SameId::Separate {
            problems.push((at, Unmovable::Separate));
        } else if is_taken {
            problems.push((at, Unmovable::Taken));
        }
    }
    problems
}

/// Whether the other customer has a fact under one of the names that says something else. A contract that both have is two contracts.
fn is_taken(asked: &Move, read: &Read, there: &Read) -> bool {
    let from = &asked.from;
    let transactions: HashMap<&FactKey, &Transaction> =
        read.transactions.iter().map(|it| (&it.key, it)).collect();
    let contacts: HashMap<&FactKey, &Contact> =
        read.contacts.iter().map(|it| (&it.key, it)).collect();
    let same_transaction = |fact: &Transaction| {
        let fact = fact.clone().of_customer(from.clone());
        transactions.get(&fact.key) == Some(&&fact)
    };
    let same_contact = |fact: &Contact| {
        let fact = fact.clone().of_customer(from.clone());
        contacts.get(&fact.key) == Some(&&fact)
    };
    !there.transactions.iter().all(same_transaction)
        || !there.contacts.iter().all(same_contact)
        || !there.contracts.is_empty()
}

/// The versions between which facts go.
#[derive(Debug, Clone, Copy)]
struct Versions {
    /// The first of the one customer without them.
    left: i64,
    /// The last of the other one before them.
    before: i64,
}

/// Takes the facts out and records them for the other customer. Facts that came with different versions come with different versions again,
/// in the same order: of two observations of a contract for one day, the later one holds. Returns the last version of the other customer.
async fn write(
    tx: &mut Tx<'_, Postgres>,
    asked: &Move,
    read: &Read,
    there: &Read,
    versions: Versions,
    recorded_at: Timestamp,
) -> Result<i64, StoreError> {
    let mut came: HashMap<FactName, Vec<i64>> = HashMap::new();
    for kind in [
        KeyedKind::Transaction,
        KeyedKind::Contact,
        KeyedKind::Contract,
    ] {
        let of_kind = read.names().into_iter().filter(|name| name.kind == kind);
        let names: Vec<(Label, Label)> = of_kind.map(|name| (name.source, name.id)).collect();
        if names.is_empty() {
            continue;
        }
        let leaving = Leaving {
            customer_id: &asked.from,
            names: &names,
            withdrawn_version: versions.left,
            recorded_at,
        };
        for (source, id, version) in moved_facts::take_out(tx, kind, leaving).await? {
            let name = FactName { kind, source, id };
            came.entry(name).or_default().push(version);
        }
        if kind == KeyedKind::Contact {
            moved_facts::move_outcomes(tx, leaving, &asked.to).await?;
        }
        fact_keys::move_to(tx, kind, &names, &asked.from, &asked.to).await?;
    }
    let distinct: BTreeSet<i64> = came.values().flatten().copied().collect();
    let now: BTreeMap<i64, i64> = distinct.into_iter().zip(versions.before + 1..).collect();
    let version_of = |kind, key: &FactKey| {
        let (source, id) = (key.source.clone(), key.id.clone());
        let came = came.get(&FactName { kind, source, id });
        let came = came.and_then(|versions| versions.first());
        came.and_then(|version| now.get(version)).copied()
    };
    insert(tx, asked, read, there, &now, version_of, recorded_at).await?;
    insert_import_writes(tx, asked, &now).await?;
    Ok(now.into_values().last().unwrap_or(versions.before))
}

/// Records what was taken out for the other customer, but for what that one has.
async fn insert(
    tx: &mut PgConnection,
    asked: &Move,
    read: &Read,
    there: &Read,
    now: &BTreeMap<i64, i64>,
    version_of: impl Fn(KeyedKind, &FactKey) -> Option<i64>,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    let there = there.names();
    let mut transactions = vec![];
    for fact in &read.transactions {
        if let Some(version) = version_of(KeyedKind::Transaction, &fact.key) {
            transactions.push((fact.clone().of_customer(asked.to.clone()), version));
        }
    }
    let mut contacts = vec![];
    for fact in &read.contacts {
        if let Some(version) = version_of(KeyedKind::Contact, &fact.key) {
            contacts.push((fact.clone().of_customer(asked.to.clone()), version));
        }
    }
    // Facts that are there already have their keys, and nothing is inserted for them.
    let facts = transactions.iter().map(|(fact, version)| (fact, *version));
    store::transactions::insert(tx, facts, recorded_at).await?;
    let facts = contacts.iter().map(|(fact, version)| (fact, *version));
    store::contacts::insert(tx, facts, recorded_at).await?;
    let mut contracts = vec![];
    for (name, observations) in &read.contracts {
        if there.contains(name) {
            continue;
        }
        for fact in observations {
            let mut fact = fact.clone();
            fact.profile_version = now.get(&fact.profile_version).copied().unwrap_or_default();
            contracts.push(fact);
        }
    }
    let facts = contracts.iter().map(|fact| (&asked.to, fact));
    store::contracts::insert(tx, facts, recorded_at).await
}

/// Lets the imports that wrote the facts know where they are now, version by version.
async fn insert_import_writes(
    tx: &mut PgConnection,
    asked: &Move,
    now: &BTreeMap<i64, i64>,
) -> Result<(), StoreError> {
    let versions: Vec<i64> = now.keys().copied().collect();
    let imports = store::import_writes::list_imports(tx, &asked.from, &versions).await?;
    for (version, import) in imports {
        let Some(version) = now.get(&version).copied() else {
            continue;
        };
        let write = ImportWrite {
            customer_id: asked.to.clone(),
            first_version: version,
            last_version: version,
            created: false,
            before: None,
            after: None,
        };
        store::import_writes::insert(tx, import, &[write]).await?;
    }
    Ok(())
}
