//! Patches of customers from messages: identifiers and attributes.

use super::{
    Calendar, currency, customer_kind,
    facts::{label, on_day, required_label},
    identifier,
};
use crate::{
    api::{
        texts,
        violations::{Checker, Violations},
    },
    domain::{
        customer::{
            Identifier, IdentifierKind,
            facts::{
                AttributeValue, MAX_LABEL_BYTES, MAX_NAME_BYTES, MAX_TEXT_VALUE_BYTES,
                is_attribute_name,
            },
        },
        definitions::Definitions,
        money::{MAX_AMOUNT_MINOR, Money},
    },
    pb,
    service::ingest::{CustomerPatch, IdentifierStatement, NewAttribute},
};

/// Greatest number of identifiers in one patch, each way.
const MAX_IDENTIFIERS: usize = 32;
/// Greatest number of attributes in one patch.
const MAX_ATTRIBUTES: usize = 128;
/// Greatest number of things wrong with a patch that are listed. A patch can have hundreds, each of up to half a kilobyte: of a
/// thousand patches, eight of each fit an answer of 4 MiB.
const MAX_VIOLATIONS: usize = 8;
/// Greatest number of labels in a set.
const MAX_TAGS: usize = 64;

/// A patch of a customer, or everything that is wrong with it.
pub(crate) fn customer_patch(
    message: &pb::CustomerPatch,
    path: String,
    calendar: &Calendar,
    definitions: Option<&Definitions>,
) -> Result<CustomerPatch, Violations> {
    let mut violations = Violations::at_most(MAX_VIOLATIONS);
    let mut check = violations.at(path);
    let customer_id = check
        .field("customer_id")
        .ok("INVALID_ID", texts::customer_id(&message.customer_id));
    let kind = customer_kind(message.kind, &mut check.field("kind"));
    let display_name = message
        .display_name
        .as_ref()
        .map(|name| label(name, MAX_NAME_BYTES, &mut check.field("display_name")));
    let add_identifiers = identifiers("add_identifiers", &message.add_identifiers, &mut check);
    let end_identifiers = identifiers("end_identifiers", &message.end_identifiers, &mut check);
    for (at, both) in add_identifiers
        .iter()
        .enumerate()
        .filter(|(_, added)| end_identifiers.contains(added))
    {
        let description = format!(
            "{} is both added and ended: remove one of the two",
            both.masked()
        );
        check
            .element("add_identifiers", at)
            .refuse("ADDED_AND_ENDED", description);
    }
    let statement = statement(message, calendar, &mut check);
    let attributes = attributes(&message.attributes, calendar, definitions, &mut check);
    match (customer_id, statement) {
        (Some(customer_id), Some(statement)) if violations.is_empty() => Ok(CustomerPatch {
            customer_id,
            kind,
            display_name,
            add_identifiers,
            end_identifiers,
            statement,
            attributes,
        }),
        _ => Err(violations),
    }
}

/// When and by which source the identifiers of a patch are stated.
fn statement(
    message: &pb::CustomerPatch,
    calendar: &Calendar,
    check: &mut Checker<'_>,
) -> Option<IdentifierStatement> {
    let is_dated = !message.identifiers_observed_on.is_empty();
    let observed_on = if is_dated {
        let day = &message.identifiers_observed_on;
        let mut check = check.field("identifiers_observed_on");
        on_day(day, calendar, &mut check).map(|when| when.day)
    } else {
        Some(calendar.today())
    };
    let source = label(
        &message.identifiers_source,
        MAX_LABEL_BYTES,
        &mut check.field("identifiers_source"),
    );
    let mut replaces = vec![];
    for (at, &number) in message.replace_identifiers.iter().enumerate() {
        match pb::IdentifierKind::try_from(number) {
            Ok(pb::IdentifierKind::PhoneNumber) => replaces.push(IdentifierKind::Phone),
            Ok(pb::IdentifierKind::Email) => replaces.push(IdentifierKind::Email),
            Ok(pb::IdentifierKind::ExternalId) => replaces.push(IdentifierKind::External),
            Ok(pb::IdentifierKind::Unspecified) | Err(_) => {
                let description = format!("{number} is not a kind of identifier");
                check
                    .element("replace_identifiers", at)
                    .refuse("UNKNOWN_ENUM_VALUE", description);
            }
        }
    }
    if source.is_none() && !replaces.is_empty() {
        check.field("identifiers_source").refuse(
            "REQUIRED",
            "is required with replace_identifiers: only what this source stated is replaced",
        );
    }
    Some(IdentifierStatement {
        observed_on: observed_on?,
        is_dated,
        source,
        replaces,
    })
}

fn identifiers(
    name: &str,
    messages: &[pb::Identifier],
    check: &mut Checker<'_>,
) -> Vec<Identifier> {
    if messages.len() > MAX_IDENTIFIERS {
        check.field(name).refuse(
            "TOO_MANY",
            format!(
                "has {} entries; at most {MAX_IDENTIFIERS} are allowed",
                messages.len()
            ),
        );
        return vec![];
    }
    let read = messages.iter().enumerate();
    read.filter_map(|(at, message)| identifier(message, &mut check.element(name, at)))
        .collect()
}

fn attributes(
    messages: &[pb::AttributeValue],
    calendar: &Calendar,
    definitions: Option<&Definitions>,
    check: &mut Checker<'_>,
) -> Vec<NewAttribute> {
    if messages.len() > MAX_ATTRIBUTES {
        check.field("attributes").refuse(
            "TOO_MANY",
            format!(
                "has {} entries; at most {MAX_ATTRIBUTES} are allowed",
                messages.len()
            ),
        );
        return vec![];
    }
    let mut read: Vec<NewAttribute> = Vec::with_capacity(messages.len());
    for (at, message) in messages.iter().enumerate() {
        let mut check = check.element("attributes", at);
        let Some(new) = attribute(message, calendar, &mut check) else {
            continue;
        };
        let value = new.value.as_ref();
        let contradiction = value
            .zip(definitions)
            .and_then(|(value, definitions)| definitions.contradiction(&new.name, value));
        if let Some(contradiction) = contradiction {
            check.refuse("CONTRADICTS_DEFINITIONS", contradiction.to_string());
        }
        if read.iter().any(|known| known.name == new.name) {
            check.field("name").refuse(
                "REPEATED",
                format!("{} appears twice: send one value per name", new.name),
            );
        }
        read.push(new);
    }
    read
}

fn attribute(
    message: &pb::AttributeValue,
    calendar: &Calendar,
    check: &mut Checker<'_>,
) -> Option<NewAttribute> {
    let named = is_attribute_name(&message.name);
    if !named {
        check.field("name").refuse(
            "INVALID_NAME",
            "must be a lower-case letter followed by lower-case letters, digits and _, at most 64 bytes",
        );
    }
    let value = match &message.value {
        Some(value) => Some(attribute_value(value, check)?),
        None => None,
    };
    let observed_on = if message.observed_on.is_empty() {
        Some(calendar.today())
    } else {
        on_day(
            &message.observed_on,
            calendar,
            &mut check.field("observed_on"),
        )
        .map(|when| when.day)
    };
    let source = label(&message.source, MAX_LABEL_BYTES, &mut check.field("source"));
    named.then_some(NewAttribute {
        name: message.name.as_str().into(),
        value,
        observed_on: observed_on?,
        source: source.unwrap_or_else(|| "unknown".into()),
    })
}

fn attribute_value(
    value: &pb::attribute_value::Value,
    check: &mut Checker<'_>,
) -> Option<AttributeValue> {
    use pb::attribute_value::Value;
    match value {
        Value::BoolValue(value) => Some(AttributeValue::Bool(*value)),
        Value::IntValue(value) => Some(AttributeValue::Int(*value)),
        Value::DoubleValue(value) if value.is_finite() => Some(AttributeValue::Number(*value)),
        Value::DoubleValue(value) => {
            check.field("double_value").refuse(
                "NOT_FINITE",
                format!("{value} is not a finite number: remove it"),
            );
            None
        }
        Value::TextValue(text) => {
            let text = check
                .field("text_value")
                .ok("INVALID_TEXT", texts::bounded(text, MAX_TEXT_VALUE_BYTES))?;
            Some(AttributeValue::Text(text.into()))
        }
        Value::MoneyValue(value) => {
            let mut check = check.field("money_value");
            let currency = currency(&value.currency, &mut check.field("currency"))?;
            if value.amount_minor.unsigned_abs() > MAX_AMOUNT_MINOR.unsigned_abs() {
                check
                    .field("amount_minor")
                    .refuse("OUT_OF_RANGE", "must be within 10^15 minor units of 0");
            }
            Some(AttributeValue::Money(Money {
                amount_minor: value.amount_minor,
                currency,
            }))
        }
        Value::DayValue(text) => check
            .field("day_value")
            .ok("INVALID_DAY", text.parse())
            .map(AttributeValue::Day),
        Value::TagsValue(set) => tags(&set.tags, &mut check.field("tags_value")),
    }
}

fn tags(texts: &[String], check: &mut Checker<'_>) -> Option<AttributeValue> {
    if texts.len() > MAX_TAGS {
        check.field("tags").refuse(
            "TOO_MANY",
            format!("has {} labels; at most {MAX_TAGS} are allowed", texts.len()),
        );
        return None;
    }
    let mut tags = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        tags.push(required_label(
            text,
            MAX_LABEL_BYTES,
            &mut check.element("tags", at),
        )?);
    }
    tags.sort();
    tags.dedup();
    Some(AttributeValue::Tags(tags.into()))
}
