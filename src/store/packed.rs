//! The packed part of a profile: a protobuf message with a table of its labels, so that every channel, category and source is
//! stored, and later held in memory, once.
//!
//! Fields are only ever added; a number is never used again.

mod contracts;
mod foreign_refunds;
pub(super) mod gaps;
mod labels;
mod last_event;
mod values;

use contracts::{PackedContract, pack_contract, unpack_contract};
use foreign_refunds::{PackedForeignRefunds, pack_foreign_refunds, unpack_foreign_refunds};
use labels::{LabelTable, Labels};
pub(super) use last_event::unpack_last_event_day;
use prost::Message;
use values::{PackedValue, attribute_value, packed_value};
pub(super) use values::{pack_value, unpack_value};

use crate::{
    domain::{
        calendar::Day,
        customer::{
            facts::AttributeFact,
            profile::{ContactDay, History, PurchaseDay},
        },
        money::Money,
    },
    store::{codes, error::StoreError},
};

#[derive(Clone, PartialEq, Message)]
struct PackedHistory {
    #[prost(string, repeated, tag = "1")]
    labels: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    purchases: Vec<PackedPurchaseDay>,
    #[prost(message, repeated, tag = "3")]
    contacts: Vec<PackedContactDay>,
    #[prost(message, repeated, tag = "4")]
    attributes: Vec<PackedAttribute>,
    #[prost(uint32, tag = "5")]
    unmatched_refund_count: u32,
    #[prost(bool, tag = "6")]
    has_refunds: bool,
    #[prost(sint32, optional, tag = "7")]
    last_event_day: Option<i32>,
    #[prost(message, repeated, tag = "8")]
    contracts: Vec<PackedContract>,
    #[prost(uint32, tag = "9")]
    unmatched_retraction_count: u32,
    #[prost(bool, tag = "10")]
    has_retractions: bool,
    #[prost(sint32, optional, tag = "11")]
    last_unnamed_refund_day: Option<i32>,
    /// Whether the day before was known to who packed this. Set for refunded customers only: nobody else has one.
    #[prost(bool, tag = "12")]
    knows_unnamed_refunds: bool,
    #[prost(message, repeated, tag = "13")]
    unmatched_refunds: Vec<PackedAmount>,
}

/// An amount; the currency is a label.
#[derive(Clone, PartialEq, Message)]
struct PackedAmount {
    #[prost(uint32, tag = "1")]
    currency: u32,
    #[prost(int64, tag = "2")]
    amount_minor: i64,
}

/// Labels are their place in the table plus one; 0 is none. Days are counted from 1970-01-01.
#[derive(Clone, PartialEq, Message)]
struct PackedPurchaseDay {
    #[prost(sint32, tag = "1")]
    day: i32,
    #[prost(uint32, tag = "2")]
    currency: u32,
    #[prost(uint32, tag = "3")]
    category: u32,
    #[prost(uint32, tag = "4")]
    count: u32,
    #[prost(int64, tag = "5")]
    amount_minor: i64,
    #[prost(int64, tag = "6")]
    costed_amount_minor: i64,
    #[prost(int64, tag = "7")]
    cost_minor: i64,
    #[prost(message, optional, tag = "8")]
    foreign_refunds: Option<PackedForeignRefunds>,
}

#[derive(Clone, PartialEq, Message)]
struct PackedContactDay {
    #[prost(sint32, tag = "1")]
    day: i32,
    #[prost(uint32, tag = "2")]
    channel: u32,
    #[prost(uint32, tag = "3")]
    currency: u32,
    #[prost(uint32, tag = "4")]
    count: u32,
    #[prost(int64, tag = "5")]
    cost_minor: i64,
    #[prost(int64, tag = "6")]
    duration_seconds: i64,
}

#[derive(Clone, PartialEq, Message)]
struct PackedAttribute {
    #[prost(uint32, tag = "1")]
    name: u32,
    #[prost(message, optional, tag = "2")]
    value: Option<PackedValue>,
    #[prost(sint32, tag = "3")]
    observed_on: i32,
    #[prost(uint32, tag = "4")]
    source: u32,
    #[prost(int64, tag = "5")]
    profile_version: i64,
}

/// Packs what the facts of a customer say.
pub(super) fn pack(history: &History) -> Vec<u8> {
    // Field by field, so that none can be forgotten.
    let History {
        purchases,
        contacts,
        attributes,
        contracts,
        unmatched_refund_count,
        unmatched_refunds,
        has_refunds,
        last_unnamed_refund_day,
        unmatched_retraction_count,
        has_retractions,
        last_event_day,
    } = history;
    let table = &mut LabelTable::default();
    let packed = PackedHistory {
        purchases: purchases
            .iter()
            .map(|it| pack_purchases(it, table))
            .collect(),
        contacts: contacts.iter().map(|it| pack_contacts(it, table)).collect(),
        attributes: attributes
            .iter()
            .map(|it| pack_attribute(it, table))
            .collect(),
        contracts: contracts
            .iter()
            .map(|it| pack_contract(it, table))
            .collect(),
        unmatched_refund_count: *unmatched_refund_count,
        unmatched_refunds: unmatched_refunds
            .iter()
            .map(|it| pack_amount(*it, table))
            .collect(),
        has_refunds: *has_refunds,
        unmatched_retraction_count: *unmatched_retraction_count,
        has_retractions: *has_retractions,
        last_unnamed_refund_day: last_unnamed_refund_day.map(Day::number),
        knows_unnamed_refunds: *has_refunds,
        last_event_day: last_event_day.map(Day::number),
        labels: std::mem::take(table).into_texts(),
    };
    packed.encode_to_vec()
}

/// Unpacks it again.
pub(super) fn unpack(mut bytes: &[u8]) -> Result<History, StoreError> {
    let mut labels = Labels::take_from(&mut bytes)?;
    let mut packed = PackedHistory::decode(bytes)
        .map_err(|error| StoreError::corrupt("packed profile", error))?;
    labels.extend(std::mem::take(&mut packed.labels));
    let labels = &labels;
    let last_unnamed_refund_day = if packed.has_refunds && !packed.knows_unnamed_refunds {
        // Packed by an earlier version: any purchase may meet such a refund.
        Some(Day::LAST)
    } else {
        packed.last_unnamed_refund_day.map(codes::day).transpose()?
    };
    Ok(History {
        purchases: each(packed.purchases, |entry| unpack_purchases(&entry, labels))?,
        contacts: each(packed.contacts, |entry| unpack_contacts(&entry, labels))?,
        attributes: each(packed.attributes, |fact| unpack_attribute(fact, labels))?,
        contracts: each(packed.contracts, |fact| unpack_contract(fact, labels))?,
        unmatched_refund_count: packed.unmatched_refund_count,
        unmatched_refunds: each(packed.unmatched_refunds, |it| unpack_amount(&it, labels))?.into(),
        has_refunds: packed.has_refunds,
        last_unnamed_refund_day,
        unmatched_retraction_count: packed.unmatched_retraction_count,
        has_retractions: packed.has_retractions,
        last_event_day: packed.last_event_day.map(codes::day).transpose()?,
    })
}

/// Unpacks each of `packed` into a list without room to spare: profiles are held in memory by the hundred thousand, and collecting
/// results would leave up to half of it empty.
fn each<P, T>(
    packed: Vec<P>,
    unpack: impl FnMut(P) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut list = Vec::with_capacity(packed.len());
    for entry in packed.into_iter().map(unpack) {
        list.push(entry?);
    }
    Ok(list)
}

fn pack_purchases(entry: &PurchaseDay, labels: &mut LabelTable) -> PackedPurchaseDay {
    let &PurchaseDay {
        day,
        currency,
        ref category,
        count,
        amount_minor,
        costed_amount_minor,
        cost_minor,
        ref foreign_refunds,
    } = entry;
    PackedPurchaseDay {
        day: day.number(),
        currency: labels.text(currency.code()),
        category: category.as_ref().map_or(0, |label| labels.place(label)),
        count,
        amount_minor,
        costed_amount_minor,
        cost_minor,
        foreign_refunds: foreign_refunds
            .as_deref()
            .map(|it| pack_foreign_refunds(it, labels)),
    }
}

fn pack_amount(money: Money, labels: &mut LabelTable) -> PackedAmount {
    PackedAmount {
        currency: labels.text(money.currency.code()),
        amount_minor: money.amount_minor,
    }
}

fn unpack_amount(packed: &PackedAmount, labels: &Labels) -> Result<Money, StoreError> {
    Ok(Money {
        amount_minor: packed.amount_minor,
        currency: labels.currency(packed.currency)?,
    })
}

fn unpack_purchases(entry: &PackedPurchaseDay, labels: &Labels) -> Result<PurchaseDay, StoreError> {
    Ok(PurchaseDay {
        day: codes::day(entry.day)?,
        currency: labels.currency(entry.currency)?,
        category: labels.optional(entry.category)?,
        count: entry.count,
        amount_minor: entry.amount_minor,
        costed_amount_minor: entry.costed_amount_minor,
        cost_minor: entry.cost_minor,
        foreign_refunds: match &entry.foreign_refunds {
            Some(packed) => Some(Box::new(unpack_foreign_refunds(packed, labels)?)),
            None => None,
        },
    })
}

fn pack_contacts(entry: &ContactDay, labels: &mut LabelTable) -> PackedContactDay {
    let &ContactDay {
        day,
        ref channel,
        currency,
        count,
        cost_minor,
        duration_seconds,
    } = entry;
    PackedContactDay {
        day: day.number(),
        channel: labels.place(channel),
        currency: currency.map_or(0, |currency| labels.text(currency.code())),
        count,
        cost_minor,
        duration_seconds,
    }
}

fn unpack_contacts(entry: &PackedContactDay, labels: &Labels) -> Result<ContactDay, StoreError> {
    Ok(ContactDay {
        day: codes::day(entry.day)?,
        channel: labels.required(entry.channel)?,
        currency: labels.optional_currency(entry.currency)?,
        count: entry.count,
        cost_minor: entry.cost_minor,
        duration_seconds: entry.duration_seconds,
    })
}

fn pack_attribute(fact: &AttributeFact, labels: &mut LabelTable) -> PackedAttribute {
    let AttributeFact {
        name,
        value,
        observed_on,
        source,
        profile_version,
    } = fact;
    PackedAttribute {
        name: labels.place(name),
        value: value.as_ref().map(packed_value),
        observed_on: observed_on.number(),
        source: labels.place(source),
        profile_version: *profile_version,
    }
}

fn unpack_attribute(fact: PackedAttribute, labels: &Labels) -> Result<AttributeFact, StoreError> {
    Ok(AttributeFact {
        name: labels.required(fact.name)?,
        value: fact.value.map(attribute_value).transpose()?,
        observed_on: codes::day(fact.observed_on)?,
        source: labels.required(fact.source)?,
        profile_version: fact.profile_version,
    })
}

#[cfg(test)]
mod tests;
