//! Facts from messages. An item with anything wrong is refused with all of it.

use jiff::Timestamp;

use super::{Calendar, currency, customer_kind, identifier};
use crate::{
    domain::{
        calendar::{Day, EventTime},
        facts::{
            AttributeValue, Contact, FactKey, MAX_DURATION_SECONDS, MAX_LABEL_BYTES,
            MAX_NAME_BYTES, MAX_SOURCE_ID_BYTES, MAX_TEXT_VALUE_BYTES, MAX_TOPIC_BYTES,
            Transaction, TransactionKind, is_attribute_name,
        },
        money::{MAX_AMOUNT_MINOR, Money},
        text::{CustomerId, Label, bounded, required},
    },
    grpc::convert::violations::{Checker, Violations},
    pb,
    service::ingest::{CustomerPatch, NewAttribute, NewFact},
};

/// Greatest number of identifiers in one patch, each way.
const MAX_IDENTIFIERS: usize = 32;
/// Greatest number of attributes in one patch.
const MAX_ATTRIBUTES: usize = 128;
/// Greatest number of labels in a set.
const MAX_TAGS: usize = 64;

/// A transaction, or everything that is wrong with it.
pub(in crate::grpc) fn transaction(
    message: &pb::Transaction,
    path: String,
    calendar: &Calendar,
) -> Result<NewFact<Transaction>, Violations> {
    use pb::transaction::{Kind, When};
    let mut violations = Violations::default();
    let mut check = violations.at(path);
    let kind = match Kind::try_from(message.kind) {
        Ok(Kind::Unspecified | Kind::Purchase) => Some(TransactionKind::Purchase),
        Ok(Kind::Refund) => Some(TransactionKind::Refund),
        Ok(Kind::Reversal) => Some(TransactionKind::Reversal),
        Err(_) => {
            check.field("kind").refuse(
                "UNKNOWN_ENUM_VALUE",
                format!("{} is no kind of transaction", message.kind),
            );
            None
        }
    };
    let key = key(
        &message.customer_id,
        &message.source,
        ("transaction_id", &message.transaction_id),
        &mut check,
    );
    let when = match &message.when {
        Some(When::OccurredTime(time)) => {
            instant(time, calendar, &mut check.field("occurred_time"))
        }
        Some(When::OccurredOn(day)) => on_day(day, calendar, &mut check.field("occurred_on")),
        None => missing_when(&mut check),
    };
    let amount = money(message.amount.as_ref(), &mut check.field("amount"));
    let original_id = label(
        &message.original_transaction_id,
        MAX_SOURCE_ID_BYTES,
        &mut check.field("original_transaction_id"),
    );
    if original_id.is_some() && kind == Some(TransactionKind::Purchase) {
        check.field("original_transaction_id").refuse(
            "NOT_A_REFUND",
            "is for refunds and reversals: leave it empty, or set kind",
        );
    }
    if original_id
        .as_deref()
        .is_some_and(|id| id == message.transaction_id)
    {
        check.field("original_transaction_id").refuse(
            "OWN_ID",
            "is the transaction's own id: name the one it takes back",
        );
    }
    let cost_minor = message.cost_minor;
    if let Some(cost_minor) = cost_minor {
        check_amount(cost_minor, &mut check.field("cost_minor"));
    }
    let category = label(
        &message.category,
        MAX_LABEL_BYTES,
        &mut check.field("category"),
    );
    let channel = label(
        &message.channel,
        MAX_LABEL_BYTES,
        &mut check.field("channel"),
    );
    let customer_kind = customer_kind(message.customer_kind, &mut check.field("customer_kind"));
    match (key, kind, when, amount) {
        (Some(key), Some(kind), Some(when), Some(amount)) if violations.is_empty() => Ok(NewFact {
            fact: Transaction {
                key,
                kind,
                when,
                amount,
                cost_minor,
                category,
                channel,
                original_id,
            },
            customer_kind,
        }),
        _ => Err(violations),
    }
}

/// A contact, or everything that is wrong with it.
pub(in crate::grpc) fn contact(
    message: &pb::Contact,
    path: String,
    calendar: &Calendar,
) -> Result<NewFact<Contact>, Violations> {
    use pb::contact::When;
    let mut violations = Violations::default();
    let mut check = violations.at(path);
    let key = key(
        &message.customer_id,
        &message.source,
        ("contact_id", &message.contact_id),
        &mut check,
    );
    let when = match &message.when {
        Some(When::OccurredTime(time)) => {
            instant(time, calendar, &mut check.field("occurred_time"))
        }
        Some(When::OccurredOn(day)) => on_day(day, calendar, &mut check.field("occurred_on")),
        None => missing_when(&mut check),
    };
    let channel = required_label(
        &message.channel,
        MAX_LABEL_BYTES,
        &mut check.field("channel"),
    );
    let topic = label(&message.topic, MAX_TOPIC_BYTES, &mut check.field("topic"));
    let outcome = label(
        &message.outcome,
        MAX_LABEL_BYTES,
        &mut check.field("outcome"),
    );
    let duration_seconds = message.duration_seconds;
    if duration_seconds.is_some_and(|seconds| !(0..=MAX_DURATION_SECONDS).contains(&seconds)) {
        check
            .field("duration_seconds")
            .refuse("OUT_OF_RANGE", "must be from 0 to 604800, which is a week");
    }
    let cost = match &message.cost {
        Some(cost) => money(Some(cost), &mut check.field("cost")),
        None => None,
    };
    let customer_kind = customer_kind(message.customer_kind, &mut check.field("customer_kind"));
    match (key, when, channel) {
        (Some(key), Some(when), Some(channel)) if violations.is_empty() => Ok(NewFact {
            fact: Contact {
                key,
                when,
                channel,
                topic,
                duration_seconds,
                cost,
                outcome,
            },
            customer_kind,
        }),
        _ => Err(violations),
    }
}

/// A patch of a customer, or everything that is wrong with it.
pub(in crate::grpc) fn customer_patch(
    message: &pb::CustomerPatch,
    path: String,
    calendar: &Calendar,
) -> Result<CustomerPatch, Violations> {
    let mut violations = Violations::default();
    let mut check = violations.at(path);
    let customer_id = check
        .field("customer_id")
        .ok("INVALID_ID", CustomerId::new(&message.customer_id));
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
            "{} is both added and ended: leave one of the two out",
            both.masked()
        );
        check
            .element("add_identifiers", at)
            .refuse("ADDED_AND_ENDED", description);
    }
    let attributes = attributes(&message.attributes, calendar, &mut check);
    match customer_id {
        Some(customer_id) if violations.is_empty() => Ok(CustomerPatch {
            customer_id,
            kind,
            display_name,
            add_identifiers,
            end_identifiers,
            attributes,
        }),
        _ => Err(violations),
    }
}

fn identifiers(
    name: &str,
    messages: &[pb::Identifier],
    check: &mut Checker<'_>,
) -> Vec<crate::domain::customer::Identifier> {
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
        if read.iter().any(|known| known.name == new.name) {
            check.field("name").refuse(
                "REPEATED",
                format!("{} is given twice: send one value for a name", new.name),
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
            "must begin with a lower-case letter and go on with lower-case letters, digits and _, at most 64 bytes",
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
                format!("{value} is no number that can be compared: leave it out"),
            );
            None
        }
        Value::TextValue(text) => {
            let text = check
                .field("text_value")
                .ok("INVALID_TEXT", bounded(text, MAX_TEXT_VALUE_BYTES))?;
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

fn key(
    customer_id: &str,
    source: &str,
    (id_name, id): (&str, &str),
    check: &mut Checker<'_>,
) -> Option<FactKey> {
    let customer_id = check
        .field("customer_id")
        .ok("INVALID_ID", CustomerId::new(customer_id));
    let source = required_label(source, MAX_LABEL_BYTES, &mut check.field("source"));
    let id = required_label(id, MAX_SOURCE_ID_BYTES, &mut check.field(id_name));
    Some(FactKey {
        customer_id: customer_id?,
        source: source?,
        id: id?,
    })
}

fn missing_when(check: &mut Checker<'_>) -> Option<EventTime> {
    check.refuse("REQUIRED", "has no time: set occurred_time or occurred_on");
    None
}

fn instant(
    time: &prost_types::Timestamp,
    calendar: &Calendar,
    check: &mut Checker<'_>,
) -> Option<EventTime> {
    let valid_nanos = (0..1_000_000_000).contains(&time.nanos);
    let instant = Timestamp::new(time.seconds, if valid_nanos { time.nanos } else { 0 });
    let (true, Ok(instant)) = (valid_nanos, instant) else {
        check.refuse(
            "INVALID_TIME",
            "is no instant: seconds must lie within the years 1 to 9999, nanos from 0 to 999999999",
        );
        return None;
    };
    // Kept to the microsecond, as the database keeps it, so that the same fact sent again compares equal.
    let microsecond = instant.as_microsecond();
    let day = check.ok("DAY_OUT_OF_RANGE", Day::of(instant, &calendar.zone))?;
    let instant = check.ok("INVALID_TIME", Timestamp::from_microsecond(microsecond))?;
    in_range(day, calendar, check).then_some(EventTime {
        day,
        instant: Some(instant),
    })
}

fn on_day(text: &str, calendar: &Calendar, check: &mut Checker<'_>) -> Option<EventTime> {
    let day: Day = check.ok("INVALID_DAY", text.parse())?;
    in_range(day, calendar, check).then_some(EventTime { day, instant: None })
}

fn in_range(day: Day, calendar: &Calendar, check: &mut Checker<'_>) -> bool {
    let last = calendar.last_day();
    let inside = (Day::EPOCH..=last).contains(&day);
    if !inside {
        check.refuse(
            "DAY_OUT_OF_RANGE",
            format!("{day} is not from 1970-01-01 to {last}, two days from now"),
        );
    }
    inside
}

fn money(message: Option<&pb::Money>, check: &mut Checker<'_>) -> Option<Money> {
    let Some(message) = message else {
        check.refuse("REQUIRED", "is required: set amount_minor and currency");
        return None;
    };
    let currency = currency(&message.currency, &mut check.field("currency"));
    check_amount(message.amount_minor, &mut check.field("amount_minor"));
    Some(Money {
        amount_minor: message.amount_minor,
        currency: currency?,
    })
}

fn check_amount(amount_minor: i64, check: &mut Checker<'_>) {
    if amount_minor < 0 {
        check.refuse(
            "NEGATIVE",
            "is negative: a refund is a transaction of kind KIND_REFUND with the amount paid back",
        );
    } else if amount_minor > MAX_AMOUNT_MINOR {
        check.refuse(
            "OUT_OF_RANGE",
            "is more than 10^15 minor units: check the unit, 19.99 EUR is 1999",
        );
    }
}

fn label(text: &str, limit: usize, check: &mut Checker<'_>) -> Option<Label> {
    let text = check.ok("INVALID_TEXT", bounded(text, limit))?;
    (!text.is_empty()).then(|| text.into())
}

fn required_label(text: &str, limit: usize, check: &mut Checker<'_>) -> Option<Label> {
    check
        .ok("INVALID_TEXT", required(text, limit))
        .map(Label::from)
}
