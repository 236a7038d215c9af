//! What is recorded under the names of a move, and whether it can be moved.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::PgConnection;

use super::{FactName, Move, Unmovable};
use crate::{
    domain::{
        customer::{
            facts::{Contact, ContractFact, FactKey, Transaction},
            profile::Facts,
        },
        definitions::SameId,
        text::CustomerId,
    },
    service::ingest::{Ingest, facts::KeyedFact, keys::Sources},
    store::{self, error::StoreError, fact_keys::KeyedKind},
};

/// The facts of a move, as they are recorded.
#[derive(Default)]
pub(super) struct Read {
    pub(super) transactions: Vec<Transaction>,
    pub(super) contacts: Vec<Contact>,
    pub(super) contracts: Vec<(FactName, Vec<ContractFact>)>,
}

impl Read {
    /// The names of the facts, each once.
    pub(super) fn names(&self) -> BTreeSet<FactName> {
        let name = |kind, key: &FactKey| FactName {
            kind,
            source: key.source.clone(),
            id: key.id.clone(),
        };
        let transactions = self.transactions.iter();
        let transactions = transactions.map(|fact| name(KeyedKind::Transaction, &fact.key));
        let contacts = self.contacts.iter();
        let contacts = contacts.map(|fact| name(KeyedKind::Contact, &fact.key));
        let agreed = self.contracts.iter().map(|(name, _)| name.clone());
        transactions.chain(contacts).chain(agreed).collect()
    }
}

/// What is recorded of a customer under the names, and all transactions and contacts that are related to those.
pub(super) async fn read(
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
pub(super) async fn read_there(
    tx: &mut PgConnection,
    customer: &CustomerId,
    names: &BTreeSet<FactName>,
) -> Result<Read, StoreError> {
    let keys = |kind| -> Vec<FactKey> {
        let of_kind = names.iter().filter(|name| name.kind == kind);
        of_kind.map(|name| name.key(customer)).collect()
    };
    let of_kind = keys(KeyedKind::Transaction);
    let transactions =
        store::transactions::list_by_key(tx, &of_kind.iter().collect::<Vec<_>>()).await?;
    let of_kind = keys(KeyedKind::Contact);
    let contacts = store::contacts::list_by_key(tx, &of_kind.iter().collect::<Vec<_>>()).await?;
    let of_kind = keys(KeyedKind::Contract);
    let observed = store::contracts::list_by_key(tx, &of_kind.iter().collect::<Vec<_>>()).await?;
    let mut agreed: BTreeMap<FactName, Vec<ContractFact>> = BTreeMap::new();
    for fact in observed.into_values().flatten() {
        let name = FactName {
            kind: KeyedKind::Contract,
            source: fact.source.clone(),
            id: fact.contract_id.clone(),
        };
        agreed.entry(name).or_default().push(fact);
    }
    Ok(Read {
        transactions,
        contacts,
        contracts: agreed.into_iter().collect(),
    })
}

/// What is wrong with the named facts, by their places; a problem of a related fact is one of every named fact that it comes with.
pub(super) fn problems(
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
