//! Withdrawing facts from one customer and recording them for another.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sqlx::{PgConnection, Postgres, Transaction as Tx};

use super::{FactName, Move, Occasion, reading::Read};
use crate::{
    domain::{customer::facts::FactKey, text::Label},
    service::ingest::facts::KeyedFact,
    store::{
        self,
        error::StoreError,
        fact_keys::{self, KeyedKind},
        fact_moves::{self, Moving},
        import_writes::ImportWrite,
        moved_facts::{self, Leaving},
        repeats::NO_IMPORT,
    },
};

/// The versions between which facts go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Versions {
    /// The first of the one customer without them.
    pub(super) left: i64,
    /// The last of the other one before them.
    pub(super) before: i64,
}

/// What a move is.
#[derive(Clone, Copy)]
pub(super) struct Moved<'a> {
    pub(super) asked: &'a Move,
    pub(super) occasion: Occasion,
    /// What is recorded under the names, and related to it.
    pub(super) read: &'a Read,
    /// What the other customer has under the same names.
    pub(super) there: &'a Read,
    pub(super) versions: Versions,
}

/// Takes the facts out and records them for the other customer. Facts that came with different versions come with different versions again,
/// in the same order: of two observations of a contract for one day, the later one holds. Returns the last version of the other customer.
pub(super) async fn write(
    tx: &mut Tx<'_, Postgres>,
    moved: Moved<'_>,
    recorded_at: Timestamp,
) -> Result<i64, StoreError> {
    let Moved {
        asked,
        occasion,
        read,
        there,
        versions,
    } = moved;
    let mut came: HashMap<FactName, Vec<i64>> = HashMap::new();
    let mut left = vec![];
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
        let moving = Moving {
            kind,
            names: &names,
            from: &asked.from,
            to: &asked.to,
        };
        note(tx, moving, occasion).await?;
        left.push((kind, names));
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
    for (kind, names) in &left {
        store::repeats::move_to(tx, *kind, names, (&asked.from, &asked.to), &now).await?;
    }
    Ok(now.into_values().last().unwrap_or(versions.before))
}

/// Notes whose facts are now.
async fn note(
    tx: &mut PgConnection,
    moving: Moving<'_>,
    occasion: Occasion,
) -> Result<(), StoreError> {
    let import = match occasion {
        Occasion::Asked => None,
        Occasion::Sent(import) => Some(import).filter(|number| *number != NO_IMPORT),
        Occasion::Undone => return fact_keys::move_back(tx, moving).await,
    };
    fact_keys::move_to(tx, moving).await?;
    fact_moves::insert(tx, moving, import).await
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
    let mut agreed = vec![];
    for (name, observations) in &read.contracts {
        if there.contains(name) {
            continue;
        }
        for fact in observations {
            let mut fact = fact.clone();
            fact.profile_version = now.get(&fact.profile_version).copied().unwrap_or_default();
            agreed.push(fact);
        }
    }
    let facts = agreed.iter().map(|fact| (&asked.to, fact));
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
    let mut writes = Vec::with_capacity(imports.len());
    for (version, import) in imports {
        let version = now.get(&version).copied().unwrap_or_default();
        writes.push(ImportWrite {
            customer_id: asked.to.clone(),
            import,
            first_version: version,
            last_version: version,
        });
    }
    store::import_writes::insert(tx, &writes).await
}
