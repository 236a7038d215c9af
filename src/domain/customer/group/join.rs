//! The facts of a group as those of one customer.

use std::collections::{HashMap, HashSet};

use super::{Groups, namesakes::Namesakes};
use crate::domain::{
    calendar::Day,
    customer::{
        facts::{AttributeFact, Contact, ContactContent, ContractFact, FactKey, Transaction},
        profile::Facts,
    },
    text::{CustomerId, Label},
};

impl Groups {
    /// The key of a transaction as one of the customer as whose it counts.
    #[must_use]
    pub fn transaction_key(&self, recorded: &FactKey, namesakes: &Namesakes) -> FactKey {
        FactKey {
            customer_id: self.root(&recorded.customer_id).clone(),
            source: recorded.source.clone(),
            id: namesakes.transaction_id(recorded).clone(),
        }
    }

    /// The key of a contact as one of the customer as whose it counts.
    #[must_use]
    pub fn contact_key(&self, recorded: &FactKey, namesakes: &Namesakes) -> FactKey {
        FactKey {
            customer_id: self.root(&recorded.customer_id).clone(),
            source: recorded.source.clone(),
            id: namesakes.contact_id(recorded).clone(),
        }
    }

    /// A transaction as one of the customer as whose it counts. What it takes back is that of its own customer of record, if there is one.
    fn transaction(&self, recorded: Transaction, namesakes: &Namesakes) -> Transaction {
        let original = recorded.original_key();
        let original = original.map(|key| self.transaction_key(&key, namesakes));
        Transaction {
            key: self.transaction_key(&recorded.key, namesakes),
            original_id: original.map(|key| key.id),
            ..recorded
        }
    }

    /// A contact as one of the customer as whose it counts. What it retracts is that of its own customer of record, if there is one.
    fn contact(&self, recorded: Contact, namesakes: &Namesakes) -> Contact {
        let retracted = recorded.retracted_key();
        let retracted = retracted.map(|key| self.contact_key(&key, namesakes).id);
        Contact {
            key: self.contact_key(&recorded.key, namesakes),
            content: retracted.map_or(recorded.content, ContactContent::Retracts),
            ..recorded
        }
    }

    /// The facts of each customer with those of the customers who were merged into them, from the facts by the customer of record.
    #[must_use]
    pub fn join(
        &self,
        mut facts: HashMap<CustomerId, Facts>,
        namesakes: &Namesakes,
    ) -> HashMap<CustomerId, Facts> {
        for (root, members) in &self.members {
            let mut joined = Joined {
                groups: self,
                namesakes,
                facts: Facts::default(),
                transactions: HashSet::new(),
                contacts: HashSet::new(),
                attributes: HashSet::new(),
                contracts: HashSet::new(),
            };
            for id in std::iter::once(root).chain(members) {
                if let Some(facts) = facts.remove(id) {
                    joined.add(facts);
                }
            }
            facts.insert(root.clone(), joined.facts);
        }
        facts
    }

    /// Contacts, by customer of record, as those of the customers as whose they count: each key once.
    #[must_use]
    pub fn join_contacts(&self, contacts: Vec<Contact>, namesakes: &Namesakes) -> Vec<Contact> {
        let counting = |contact| self.contact(contact, namesakes);
        self.join_keyed(contacts, counting, |contact| &contact.key)
    }

    /// Facts with keys, by customer of record, each key once: what each is as one of the customer as whose it counts is for `counting` to say.
    pub fn join_keyed<T>(
        &self,
        mut facts: Vec<T>,
        counting: impl Fn(T) -> T,
        key: impl Fn(&T) -> &FactKey,
    ) -> Vec<T> {
        if self.is_empty() {
            return facts;
        }
        // Of one key the fact of the customer who stays comes first.
        facts.sort_by_cached_key(|fact| {
            let (is_merged, id) = self.place(&key(fact).customer_id);
            (is_merged, id.clone())
        });
        let mut joined: Vec<T> = facts.into_iter().map(counting).collect();
        let mut seen = HashSet::new();
        joined.retain(|fact| seen.insert(key(fact).clone()));
        joined
    }
}

/// The facts of a group, while those of one customer after another are added.
struct Joined<'a> {
    groups: &'a Groups,
    namesakes: &'a Namesakes,
    facts: Facts,
    transactions: HashSet<FactKey>,
    contacts: HashSet<FactKey>,
    attributes: HashSet<(Label, Day)>,
    contracts: HashSet<(Label, Label, Day)>,
}

impl Joined<'_> {
    /// Adds the facts of the next customer, without those that an earlier one has too.
    fn add(&mut self, added: Facts) {
        let (groups, namesakes) = (self.groups, self.namesakes);
        let transactions = added.transactions.into_iter();
        let transactions = transactions.map(|it| groups.transaction(it, namesakes));
        let transactions = transactions.filter(|it| self.transactions.insert(it.key.clone()));
        self.facts.transactions.extend(transactions);

        let contacts = added.contacts.into_iter();
        let contacts = contacts.map(|it| groups.contact(it, namesakes));
        let contacts = contacts.filter(|it| self.contacts.insert(it.key.clone()));
        self.facts.contacts.extend(contacts);

        // Versions of two customers from before the merge do not compare: of one day, all observations are of the first who has one.
        let day = |fact: &AttributeFact| (fact.name.clone(), fact.observed_on);
        let mut attributes = added.attributes;
        attributes.retain(|fact| !self.attributes.contains(&day(fact)));
        self.attributes.extend(attributes.iter().map(day));
        self.facts.attributes.append(&mut attributes);

        let day = |fact: &ContractFact| {
            (
                fact.source.clone(),
                fact.contract_id.clone(),
                fact.effective_on,
            )
        };
        let mut observations = added.contracts;
        observations.retain(|fact| !self.contracts.contains(&day(fact)));
        self.contracts.extend(observations.iter().map(day));
        self.facts.contracts.append(&mut observations);
    }
}
