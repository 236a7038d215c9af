//! Facts of several customers of a group that have one source and id and are not one fact: ids of their source are unique per customer only.
//!
//! What has the same day and content besides is one fact, which came for two customers: a file that names them by their identifiers comes for the
//! other one after a merge. Of what differs the first keeps its id, and the others are told apart by ids that no source can give.

use std::{collections::HashMap, hash::BuildHasher};

use super::Groups;
use crate::domain::{
    calendar::EventTime,
    customer::{
        facts::{Contact, ContactContent, FactKey, Transaction},
        profile::Facts,
    },
    text::{CustomerId, Label},
};

/// Follows the id that a source gave, before a customer. No text from outside contains it.
const OF: char = '\u{1f}';

/// The ids by which facts of groups are told apart from others with their source and id, by the keys that are recorded; the ids of all other
/// facts are their own.
type Ids = HashMap<FactKey, Label>;

/// The facts of groups that are told apart from others with their source and id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namesakes {
    transactions: Ids,
    contacts: Ids,
}

impl Namesakes {
    /// Those among facts by the customer of record.
    #[must_use]
    pub fn new<S: BuildHasher>(groups: &Groups, facts: &HashMap<CustomerId, Facts, S>) -> Self {
        if groups.is_empty() {
            return Self::default();
        }
        let transactions = facts.values().flat_map(|facts| &facts.transactions);
        let contacts = facts.values().flat_map(|facts| &facts.contacts);
        Self {
            transactions: told_apart(groups, transactions),
            contacts: told_apart(groups, contacts),
        }
    }

    /// Those among contacts.
    #[must_use]
    pub fn of_contacts<'a>(
        groups: &Groups,
        contacts: impl IntoIterator<Item = &'a Contact>,
    ) -> Self {
        Self {
            transactions: Ids::new(),
            contacts: told_apart(groups, contacts.into_iter()),
        }
    }

    /// The id of a transaction in its group.
    pub(super) fn transaction_id<'a>(&'a self, recorded: &'a FactKey) -> &'a Label {
        id_of(&self.transactions, recorded)
    }

    /// The id of a contact in its group.
    pub(super) fn contact_id<'a>(&'a self, recorded: &'a FactKey) -> &'a Label {
        id_of(&self.contacts, recorded)
    }
}

fn id_of<'a>(ids: &'a Ids, recorded: &'a FactKey) -> &'a Label {
    ids.get(recorded).unwrap_or(&recorded.id)
}

/// The id that the source gave.
pub(super) fn given_id(id: &str) -> &str {
    id.split_once(OF).map_or(id, |(given, _)| given)
}

/// A fact that may name another one of its sort.
trait Named {
    fn key(&self) -> &FactKey;
    fn original(&self) -> Option<FactKey>;
    /// Whether two with one source and id, which name the same, are one. What may have been added to an export later does not matter.
    fn is_one(&self, other: &Self) -> bool;
}

impl Named for Transaction {
    fn key(&self) -> &FactKey {
        &self.key
    }

    fn original(&self) -> Option<FactKey> {
        self.original_key()
    }

    fn is_one(&self, other: &Self) -> bool {
        self.kind == other.kind && self.amount == other.amount && is_one_time(self.when, other.when)
    }
}

impl Named for Contact {
    fn key(&self) -> &FactKey {
        &self.key
    }

    fn original(&self) -> Option<FactKey> {
        self.retracted_key()
    }

    fn is_one(&self, other: &Self) -> bool {
        let channel = |fact: &Self| match &fact.content {
            ContactContent::Happened(contact) => Some(contact.channel.clone()),
            ContactContent::Retracts(_) => None,
        };
        channel(self) == channel(other) && is_one_time(self.when, other.when)
    }
}

fn is_one_time(one: EventTime, other: EventTime) -> bool {
    let instants = one.instant.zip(other.instant);
    one.day == other.day && instants.is_none_or(|(one, other)| one == other)
}

/// The ids of facts that have the source and id of an earlier one of their group, and are not the first with it.
fn told_apart<'a, F: Named + 'a>(groups: &Groups, facts: impl Iterator<Item = &'a F>) -> Ids {
    let mut by_name: HashMap<(&CustomerId, &Label, &Label), Vec<&F>> = HashMap::new();
    for fact in facts.filter(|fact| groups.is_of_group(&fact.key().customer_id)) {
        let FactKey {
            customer_id,
            source,
            id,
        } = fact.key();
        let name = (groups.root(customer_id), source, id);
        by_name.entry(name).or_default().push(fact);
    }
    by_name.retain(|_, facts| facts.len() > 1);
    for facts in by_name.values_mut() {
        facts.sort_by_key(|fact| groups.place(&fact.key().customer_id));
    }
    // Purchases and calls first, since refunds of two purchases are two refunds. What a refund of a refund names is compared by the id that its
    // source gave: refunds may name each other in a circle.
    let (naming, plain): (Vec<_>, Vec<_>) = by_name
        .into_values()
        .partition(|facts| facts.iter().any(|fact| fact.original().is_some()));
    let mut ids = Ids::new();
    for namesakes in plain {
        tell_apart(&namesakes, &Ids::new(), &mut ids);
    }
    let named = ids.clone();
    for namesakes in naming {
        tell_apart(&namesakes, &named, &mut ids);
    }
    ids
}

/// Adds the ids of those of `namesakes` that are not the first. What facts name is called as in `named`.
fn tell_apart<F: Named>(namesakes: &[&F], named: &Ids, found: &mut Ids) {
    let original = |fact: &F| {
        let key = fact.original()?;
        let id = id_of(named, &key).clone();
        Some((key.source, id))
    };
    let mut distinct: Vec<&F> = vec![];
    for fact in namesakes {
        let same = distinct
            .iter()
            .position(|other| other.is_one(fact) && original(other) == original(fact));
        let at = same.unwrap_or(distinct.len());
        if same.is_none() {
            distinct.push(fact);
        }
        if at > 0 {
            let FactKey {
                customer_id, id, ..
            } = distinct[at].key();
            let id = format!("{id}{OF}{customer_id}");
            found.insert(fact.key().clone(), id.into());
        }
    }
}
