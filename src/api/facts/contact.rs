//! Contacts from messages.

use std::fmt::Write as _;

use super::{instant, label, missing_when, money, on_day, required_label, source_key};
use crate::{
    api::{
        Calendar, customer_kind,
        placing::customer,
        violations::{Checker, Violations},
    },
    domain::{
        customer::facts::{
            Contact, ContactContent, Interaction, MAX_DURATION_SECONDS, MAX_LABEL_BYTES,
            MAX_SOURCE_ID_BYTES, MAX_TOPIC_BYTES,
        },
        definitions::Definitions,
        text::Label,
    },
    pb,
    service::ingest::{NewFact, Placement},
};
/// What is wrong with the channel of the contact at a place, if the definitions list channels and not this one. A retraction has none.
pub(crate) fn unlisted_channel(
    message: &pb::Contact,
    at: usize,
    definitions: &Definitions,
) -> Option<pb::Violation> {
    let channel = &*message.channel;
    let similar = definitions.unknown_channel(channel)?;
    if channel.is_empty() {
        return None;
    }
    let mut description = format!("{channel:?} is not a channel of the definitions");
    if let Some(similar) = similar {
        let _ = write!(description, ", did you mean {:?}", &*similar);
    }
    Some(pb::Violation {
        field: format!("contacts[{at}].channel"),
        description,
        reason: "UNKNOWN_CHANNEL".to_owned(),
    })
}

/// A contact, or everything that is wrong with it.
pub(crate) fn contact(
    message: &pb::Contact,
    path: String,
    calendar: &Calendar,
    placement: &Placement,
) -> Result<NewFact<Contact>, Violations> {
    use pb::contact::When;
    let mut violations = Violations::default();
    let mut check = violations.at(path);
    let named = message.customer.as_ref();
    let placed = customer(&message.customer_id, named, placement, &mut check);
    let key = source_key(
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
    let content = if message.retracts_contact_id.is_empty() {
        interaction(message, &mut check).map(ContactContent::Happened)
    } else {
        retracted_id(message, &mut check).map(ContactContent::Retracts)
    };
    let customer_kind = customer_kind(message.customer_kind, &mut check.field("customer_kind"));
    match (placed, key, when, content) {
        (Some(placed), Some(key), Some(when), Some(content)) if violations.is_empty() => {
            let key = key.of(placed.customer_id);
            Ok(NewFact {
                fact: Contact { key, when, content },
                customer_kind,
                found_by: placed.found_by,
                needs_original: false,
            })
        }
        _ => Err(violations),
    }
}

/// What is said of a contact that happened.
fn interaction(message: &pb::Contact, check: &mut Checker<'_>) -> Option<Interaction> {
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
            .refuse("OUT_OF_RANGE", "must be 0 to 604800 seconds (a week)");
    }
    let cost = match &message.cost {
        Some(cost) => money(Some(cost), "set 0 or more", &mut check.field("cost")),
        None => None,
    };
    Some(Interaction {
        channel: channel?,
        topic,
        duration_seconds,
        cost,
        outcome,
    })
}

/// The contact that a retraction takes back; it says nothing else.
fn retracted_id(message: &pb::Contact, check: &mut Checker<'_>) -> Option<Label> {
    for (name, is_said) in [
        ("channel", !message.channel.is_empty()),
        ("topic", !message.topic.is_empty()),
        ("duration_seconds", message.duration_seconds.is_some()),
        ("cost", message.cost.is_some()),
        ("outcome", !message.outcome.is_empty()),
    ] {
        if is_said {
            check.field(name).refuse(
                "NOT_A_CONTACT",
                "is not allowed in a retraction: clear it, or clear retracts_contact_id",
            );
        }
    }
    let mut check = check.field("retracts_contact_id");
    let id = label(
        &message.retracts_contact_id,
        MAX_SOURCE_ID_BYTES,
        &mut check,
    )?;
    if *id == *message.contact_id {
        check.refuse(
            "OWN_ID",
            "is the retraction's own id: set the id of the contact to retract",
        );
    }
    Some(id)
}
