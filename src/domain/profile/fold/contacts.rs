//! Contacts by day, channel and currency of the cost, without those that were retracted.

use std::collections::BTreeMap;

use super::{purchases::add, taken_back::taken_back};
use crate::domain::{
    calendar::Day,
    facts::{Contact, ContactContent, FactKey},
    money::Currency,
    profile::ContactDay,
    text::Label,
};

/// Adds contacts, each key once and in the order of the keys, to folded days. With retractions among them there must be none yet. Returns
/// the days, and how many retractions name a contact that is not there.
pub(super) fn add_contacts(days: Vec<ContactDay>, contacts: &[&Contact]) -> (Vec<ContactDay>, u32) {
    if contacts.is_empty() {
        return (days, 0);
    }
    let retractions = contacts.iter().map(|fact| (&fact.key, retracted_key(fact)));
    let retracted = taken_back(retractions);
    let mut entries: BTreeMap<(Day, Label, Option<Currency>), ContactDay> = days
        .into_iter()
        .map(|day| ((day.day, day.channel.clone(), day.currency), day))
        .collect();
    let mut unmatched = 0;
    for fact in contacts {
        if retracted.contains(&fact.key) {
            continue;
        }
        let contact = match &fact.content {
            ContactContent::Happened(contact) => contact,
            ContactContent::Retracts(_) => {
                let named = retracted_key(fact);
                let found = named.is_some_and(|key| {
                    let place = contacts.binary_search_by(|fact| fact.key.cmp(&key));
                    place.is_ok()
                });
                unmatched += u32::from(!found);
                continue;
            }
        };
        let currency = contact.cost.map(|cost| cost.currency);
        let key = (fact.when.day, contact.channel.clone(), currency);
        let entry = entries.entry(key).or_insert_with(|| ContactDay {
            day: fact.when.day,
            channel: contact.channel.clone(),
            currency,
            count: 0,
            cost_minor: 0,
            duration_seconds: 0,
        });
        entry.count += 1;
        let cost_minor = contact.cost.map_or(0, |cost| cost.amount_minor);
        add(&mut entry.cost_minor, cost_minor);
        entry.duration_seconds += i64::from(contact.duration_seconds.unwrap_or(0));
    }
    (entries.into_values().collect(), unmatched)
}

/// The key of the contact that a retraction names.
fn retracted_key(fact: &Contact) -> Option<FactKey> {
    match &fact.content {
        ContactContent::Happened(_) => None,
        ContactContent::Retracts(id) => Some(FactKey {
            customer_id: fact.key.customer_id.clone(),
            source: fact.key.source.clone(),
            id: id.clone(),
        }),
    }
}
