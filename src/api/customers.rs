//! Stored customers as messages.

use super::{as_of, customer_kind_message, money_message, timestamp_message, violations::Checker};
use crate::{
    domain::{
        calendar::Day,
        customer::{
            IdentifierKind, KnownIdentifier,
            facts::{AttributeFact, AttributeValue, ContractFact},
            profile::{ContactDay, ForeignRefund, PurchaseDay},
        },
        money::Money,
    },
    pb,
    service::customers::KnownCustomer,
};

/// Most days that are returned, and as many as are when the caller does not say.
const MAX_DAYS: i32 = 1_000;

/// Which days of a customer a request asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Days {
    limit: usize,
    purchases_before: Option<Day>,
    contacts_before: Option<Day>,
}

/// Reads which days a request asks for.
pub(crate) fn days(request: &pb::GetCustomerRequest, check: &mut Checker<'_>) -> Days {
    let limit = match request.day_limit {
        0 => MAX_DAYS,
        limit => limit,
    };
    if !(1..=MAX_DAYS).contains(&limit) {
        check.field("day_limit").refuse(
            "OUT_OF_RANGE",
            format!("is {limit}: set 1 to {MAX_DAYS}, or 0 for {MAX_DAYS}"),
        );
    }
    Days {
        limit: usize::try_from(limit).unwrap_or(0),
        purchases_before: as_of(
            &request.purchases_before,
            &mut check.field("purchases_before"),
        ),
        contacts_before: as_of(
            &request.contacts_before,
            &mut check.field("contacts_before"),
        ),
    }
}

/// The entries, which are in the order of days, of the latest `limit` days before a day. All of a day, or none.
fn latest<T>(entries: &[T], day: impl Fn(&T) -> Day, before: Option<Day>, limit: usize) -> &[T] {
    let end = before.map_or(entries.len(), |before| {
        entries.partition_point(|entry| day(entry) < before)
    });
    let entries = &entries[..end];
    let days = entries.chunk_by(|one, other| day(one) == day(other));
    let taken: usize = days.rev().take(limit).map(<[T]>::len).sum();
    &entries[end - taken..]
}

/// The message of a customer, with the days asked for.
pub(crate) fn customer(known: &KnownCustomer, days: Days) -> pb::Customer {
    let profile = &known.profile;
    let history = &profile.history;
    let Days {
        limit,
        purchases_before,
        contacts_before,
    } = days;
    let purchases = latest(&history.purchases, |it| it.day, purchases_before, limit);
    let contacts = latest(&history.contacts, |it| it.day, contacts_before, limit);
    pb::Customer {
        customer_id: profile.customer_id.to_string(),
        kind: customer_kind_message(profile.kind),
        display_name: profile
            .display_name
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
        profile_version: profile.version,
        data_time: Some(timestamp_message(profile.recorded_at)),
        identifiers: known.identifiers.iter().map(identifier).collect(),
        attributes: history.attributes.iter().filter_map(attribute).collect(),
        purchase_days: purchases.iter().map(purchase_day).collect(),
        contact_days: contacts.iter().map(contact_day).collect(),
        unmatched_refund_count: count(history.unmatched_refund_count),
        unmatched_retraction_count: count(history.unmatched_retraction_count),
        contracts: history.contracts.iter().map(contract).collect(),
        purchase_entry_count: length(&history.purchases),
        contact_entry_count: length(&history.contacts),
        unmatched_refunds: history
            .unmatched_refunds
            .iter()
            .map(|it| money_message(*it))
            .collect(),
        merged_customer_ids: profile.members.iter().map(ToString::to_string).collect(),
    }
}

pub(super) fn identifier(known: &KnownIdentifier) -> pb::MaskedIdentifier {
    let kind = match known.kind {
        IdentifierKind::Phone => "phone",
        IdentifierKind::Email => "email",
        IdentifierKind::External => "external",
    };
    pb::MaskedIdentifier {
        kind: kind.to_owned(),
        display: known.display.clone(),
    }
}

/// The message of an observation; `None` where the attribute was cleared.
pub(super) fn attribute(fact: &AttributeFact) -> Option<pb::AttributeValue> {
    use pb::attribute_value::Value;
    let value = match fact.value.as_ref()? {
        AttributeValue::Bool(value) => Value::BoolValue(*value),
        AttributeValue::Int(value) => Value::IntValue(*value),
        AttributeValue::Number(value) => Value::DoubleValue(*value),
        AttributeValue::Text(text) => Value::TextValue(text.to_string()),
        AttributeValue::Money(money) => Value::MoneyValue(money_message(*money)),
        AttributeValue::Day(day) => Value::DayValue(day.to_string()),
        AttributeValue::Tags(tags) => Value::TagsValue(pb::TagSet {
            tags: tags.iter().map(ToString::to_string).collect(),
        }),
    };
    Some(pb::AttributeValue {
        name: fact.name.to_string(),
        value: Some(value),
        observed_on: fact.observed_on.to_string(),
        source: fact.source.to_string(),
    })
}

fn purchase_day(entry: &PurchaseDay) -> pb::PurchaseDay {
    pb::PurchaseDay {
        day: entry.day.to_string(),
        count: count(entry.count),
        amount: Some(money_message(entry.amount())),
        costed_amount_minor: entry.costed_amount_minor,
        cost_minor: entry.cost_minor,
        category: entry.category.as_deref().unwrap_or_default().to_owned(),
        foreign_refunds: entry
            .foreign_refunds
            .as_deref()
            .map_or_else(Vec::new, |it| {
                it.refunds.iter().map(foreign_refund).collect()
            }),
    }
}

fn foreign_refund(refund: &ForeignRefund) -> pb::ForeignRefund {
    pb::ForeignRefund {
        day: refund.day.to_string(),
        amount: Some(money_message(Money {
            amount_minor: refund.amount_minor,
            currency: refund.currency,
        })),
        cost_minor: refund.cost_minor,
    }
}

fn contact_day(entry: &ContactDay) -> pb::ContactDay {
    let cost = entry.currency.map(|currency| Money {
        amount_minor: entry.cost_minor,
        currency,
    });
    pb::ContactDay {
        day: entry.day.to_string(),
        channel: entry.channel.to_string(),
        count: count(entry.count),
        costed_count: if cost.is_some() {
            count(entry.count)
        } else {
            0
        },
        cost: cost.map(money_message),
        duration_seconds: entry.duration_seconds,
    }
}

fn length<T>(entries: &[T]) -> i32 {
    i32::try_from(entries.len()).unwrap_or(i32::MAX)
}

fn contract(fact: &ContractFact) -> pb::ContractState {
    let terms = &fact.terms;
    pb::ContractState {
        source: fact.source.to_string(),
        contract_id: fact.contract_id.to_string(),
        started_on: terms.started_on.to_string(),
        period_months: count(terms.period_months),
        price: Some(money_message(terms.price)),
        cost_minor: terms.cost_minor,
        category: terms.category.as_deref().unwrap_or_default().to_owned(),
        ended_on: terms
            .ended_on
            .map(|day| day.to_string())
            .unwrap_or_default(),
        effective_on: fact.effective_on.to_string(),
    }
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
