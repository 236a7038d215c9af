//! Customers who were merged: whose facts count as whose.
//!
//! A merge is a link. Facts keep the customer with whom they were recorded, and the profile of the customer who stays is the fold of the facts
//! of all. What of two customers' facts is the same fact is decided here: that of the customer who stays comes first, then those of the others
//! in the order of their ids, so that the result depends on nothing but the facts and the links.

pub mod overlap;

use std::collections::{HashMap, HashSet};

use crate::domain::{
    calendar::Day,
    customer::{
        facts::{ContractFact, FactKey},
        profile::{Facts, Profile},
    },
    text::{CustomerId, Label},
};

/// Most customers of a group: a write to one of them folds the facts of all.
pub const MAX_MEMBERS: usize = 100;

/// Customers into whom others were merged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    members: HashMap<CustomerId, Box<[CustomerId]>>,
    roots: HashMap<CustomerId, CustomerId>,
}

impl Groups {
    /// Those of `profiles` that contain the facts of others.
    pub fn from_profiles<'a>(profiles: impl IntoIterator<Item = &'a Profile>) -> Self {
        let mut groups = Self::default();
        for profile in profiles {
            if !profile.members.is_empty() {
                groups.add(profile.customer_id.clone(), profile.members.clone());
            }
        }
        groups
    }

    /// Adds a customer with the others, sorted by id, whose facts count as theirs.
    pub fn add(&mut self, root: CustomerId, members: Box<[CustomerId]>) {
        let ids = members.iter().map(|member| (member.clone(), root.clone()));
        self.roots.extend(ids);
        self.members.insert(root, members);
    }

    /// Whether nobody was merged into anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// `customers` and all who were merged into them: those with whom their facts are recorded.
    #[must_use]
    pub fn with_members(&self, customers: &[CustomerId]) -> Vec<CustomerId> {
        let members = customers.iter().filter_map(|id| self.members.get(id));
        let members = members.flat_map(|members| members.iter());
        customers.iter().chain(members).cloned().collect()
    }

    /// The customer as whose the facts of `id` count.
    #[must_use]
    pub fn root<'a>(&'a self, id: &'a CustomerId) -> &'a CustomerId {
        self.roots.get(id).unwrap_or(id)
    }

    /// The facts of each customer with those of the customers who were merged into them, from the facts by the customer of record.
    #[must_use]
    pub fn join(&self, mut facts: HashMap<CustomerId, Facts>) -> HashMap<CustomerId, Facts> {
        for (root, members) in &self.members {
            let mut joined = JoinedFacts::default();
            for id in std::iter::once(root).chain(members) {
                if let Some(facts) = facts.remove(id) {
                    joined.add(root, facts);
                }
            }
            facts.insert(root.clone(), joined.facts);
        }
        facts
    }

    /// Facts with keys, by customer of record, as facts of the customers as whose they count: each key once.
    pub fn join_keyed<T>(&self, facts: Vec<T>, key: impl Fn(&mut T) -> &mut FactKey) -> Vec<T> {
        if self.is_empty() {
            return facts;
        }
        // Of one key the fact of the customer who stays comes first.
        let place = |fact: &mut T| {
            let id = key(fact).customer_id.clone();
            (self.roots.contains_key(&id), id)
        };
        let mut placed: Vec<_> = facts
            .into_iter()
            .map(|mut it| (place(&mut it), it))
            .collect();
        placed.sort_by(|one, other| one.0.cmp(&other.0));
        let mut seen = HashSet::new();
        let joined = placed.into_iter().filter_map(|(_, mut fact)| {
            let named = key(&mut fact);
            named.customer_id = self.root(&named.customer_id).clone();
            seen.insert(named.clone()).then_some(fact)
        });
        joined.collect()
    }
}

/// The facts of a group, while those of one customer after another are added.
#[derive(Default)]
struct JoinedFacts {
    facts: Facts,
    transactions: HashSet<FactKey>,
    contacts: HashSet<FactKey>,
    attributes: HashSet<(Label, Day)>,
    contracts: HashSet<(Label, Label, Day)>,
}

impl JoinedFacts {
    /// Adds the facts of the next customer, without those that an earlier one has too.
    fn add(&mut self, root: &CustomerId, added: Facts) {
        let Facts {
            mut transactions,
            mut contacts,
            mut attributes,
            mut contracts,
        } = added;
        transactions.retain_mut(|fact| {
            fact.key.customer_id = root.clone();
            self.transactions.insert(fact.key.clone())
        });
        contacts.retain_mut(|fact| {
            fact.key.customer_id = root.clone();
            self.contacts.insert(fact.key.clone())
        });
        // Versions of two customers from before the merge do not compare: of one day, all observations are of the first who has one.
        attributes.retain(|fact| {
            !self
                .attributes
                .contains(&(fact.name.clone(), fact.observed_on))
        });
        let days = attributes.iter();
        self.attributes
            .extend(days.map(|fact| (fact.name.clone(), fact.observed_on)));
        let day = |fact: &ContractFact| {
            (
                fact.source.clone(),
                fact.contract_id.clone(),
                fact.effective_on,
            )
        };
        contracts.retain(|fact| !self.contracts.contains(&day(fact)));
        self.contracts.extend(contracts.iter().map(day));
        self.facts.transactions.append(&mut transactions);
        self.facts.contacts.append(&mut contacts);
        self.facts.attributes.append(&mut attributes);
        self.facts.contracts.append(&mut contracts);
    }
}
