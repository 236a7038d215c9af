//! Contacts by day, channel and currency of the cost, without those that were retracted.

use super::{
    days::{Entry, add, subtract, sum_up},
    taken_back::taken_back,
};
use crate::domain::{
    calendar::Day,
    customer::{
        facts::{Contact, ContactContent, Interaction},
        profile::ContactDay,
    },
    money::Currency,
    text::Label,
};

/// What contacts, each key once and in the order of the keys, come to.
#[derive(Debug, Default)]
pub(super) struct NetContacts {
    /// In order.
    pub(super) days: Vec<ContactDay>,
    /// How many retractions name a contact that is not there.
    pub(super) unmatched: u32,
}

impl NetContacts {
    pub(super) fn from_contacts(contacts: &[&Contact]) -> Self {
        let retractions = contacts
            .iter()
            .map(|fact| (&fact.key, fact.retracted_key()));
        let retracted = taken_back(retractions);
        let mut days = vec![];
        let mut unmatched = 0;
        for fact in contacts {
            if retracted.contains(&fact.key) {
                continue;
            }
            match &fact.content {
                ContactContent::Happened(contact) => days.push(contact_day(fact, contact)),
                ContactContent::Retracts(_) => {
                    let found = fact.retracted_key().is_some_and(|key| {
                        let place = contacts.binary_search_by(|fact| fact.key.cmp(&key));
                        place.is_ok()
                    });
                    unmatched += u32::from(!found);
                }
            }
        }
        Self {
            days: sum_up(days),
            unmatched,
        }
    }
}

fn contact_day(fact: &Contact, contact: &Interaction) -> ContactDay {
    ContactDay {
        day: fact.when.day,
        channel: contact.channel.clone(),
        currency: contact.cost.map(|cost| cost.currency),
        count: 1,
        cost_minor: contact.cost.map_or(0, |cost| cost.amount_minor),
        duration_seconds: i64::from(contact.duration_seconds.unwrap_or(0)),
    }
}

impl Entry for ContactDay {
    type Key<'a> = (Day, &'a Label, Option<Currency>);

    fn key(&self) -> Self::Key<'_> {
        (self.day, &self.channel, self.currency)
    }

    fn count(&self) -> u32 {
        self.count
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        add(&mut self.cost_minor, other.cost_minor);
        self.duration_seconds += other.duration_seconds;
    }

    fn subtract(&mut self, other: &Self) -> Option<()> {
        self.count = self.count.checked_sub(other.count)?;
        subtract(&mut self.cost_minor, other.cost_minor)?;
        self.duration_seconds -= other.duration_seconds;
        Some(())
    }
}
