//! Stored customers as messages.

use super::{customer_kind_message, money_message, timestamp_message};
use crate::{
    domain::{
        customer::{IdentifierKind, KnownIdentifier},
        facts::{AttributeFact, AttributeValue, ContractFact},
        money::Money,
        profile::{ContactDay, PurchaseDay},
    },
    pb,
    service::customers::KnownCustomer,
};

/// The message of a customer.
pub(in crate::grpc) fn customer(known: &KnownCustomer) -> pb::Customer {
    let profile = &known.profile;
    let history = &profile.history;
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
        purchase_days: history.purchases.iter().map(purchase_day).collect(),
        contact_days: history.contacts.iter().map(contact_day).collect(),
        unmatched_refund_count: count(history.unmatched_refund_count),
        contracts: history.contracts.iter().map(contract).collect(),
    }
}

fn identifier(known: &KnownIdentifier) -> pb::KnownIdentifier {
    let kind = match known.kind {
        IdentifierKind::Phone => "phone",
        IdentifierKind::Email => "email",
        IdentifierKind::External => "external",
    };
    pb::KnownIdentifier {
        kind: kind.to_owned(),
        display: known.display.clone(),
    }
}

/// The message of an observation; `None` where the attribute was cleared.
fn attribute(fact: &AttributeFact) -> Option<pb::AttributeValue> {
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

fn contract(fact: &ContractFact) -> pb::HeldContract {
    let terms = &fact.terms;
    pb::HeldContract {
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
