//! Outcomes of contacts, from messages.

use super::short_label;
use crate::{
    api::{
        Calendar, customer_kind,
        facts::{instant, label, missing_when, on_day, required_label, source_key},
        texts,
        violations::{Checker, Violations},
    },
    domain::{
        customer::facts::{MAX_DURATION_SECONDS, MAX_LABEL_BYTES, MAX_TOPIC_BYTES},
        desk::outcome::{ContactOutcome, MAX_EFFORT, MAX_SATISFACTION},
    },
    pb,
    service::ingest::NewFact,
};

/// How a contact ended, or everything that is wrong with it.
pub(crate) fn contact_outcome(
    request: &pb::RecordContactOutcomeRequest,
    calendar: &Calendar,
) -> Result<NewFact<ContactOutcome>, Violations> {
    use pb::contact_outcome::When;
    let mut violations = Violations::default();
    let mut check = violations.at("outcome");
    let Some(message) = &request.outcome else {
        check.refuse(
            "REQUIRED",
            "is required: set customer_id, source, contact_id, time and channel",
        );
        return Err(violations);
    };
    let customer_id = check
        .field("customer_id")
        .ok("INVALID_ID", texts::customer_id(&message.customer_id));
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
    let channel = required_label(
        &message.channel,
        MAX_LABEL_BYTES,
        &mut check.field("channel"),
    );
    let topic = label(&message.topic, MAX_TOPIC_BYTES, &mut check.field("topic"));
    let queue = short_label(&message.queue, &mut check.field("queue"));
    let agent = short_label(&message.agent, &mut check.field("agent"));
    let satisfaction = scale(
        message.satisfaction,
        MAX_SATISFACTION,
        &mut check.field("satisfaction"),
    );
    let effort = scale(message.effort, MAX_EFFORT, &mut check.field("effort"));
    let duration_seconds = message.duration_seconds;
    if duration_seconds.is_some_and(|seconds| !(0..=MAX_DURATION_SECONDS).contains(&seconds)) {
        check
            .field("duration_seconds")
            .refuse("OUT_OF_RANGE", "must be 0 to 604800 seconds (a week)");
    }
    let customer_kind = customer_kind(message.customer_kind, &mut check.field("customer_kind"));
    match (customer_id, key, when, channel) {
        (Some(customer_id), Some(key), Some(when), Some(channel)) if violations.is_empty() => {
            Ok(NewFact {
                fact: ContactOutcome {
                    key: key.of(customer_id),
                    when,
                    channel,
                    topic,
                    queue,
                    agent,
                    transferred: message.transferred,
                    resolved_first: message.resolved_at_first_contact,
                    satisfaction,
                    effort,
                    duration_seconds,
                },
                customer_kind,
                found_by: None,
                needs_original: false,
            })
        }
        _ => Err(violations),
    }
}

/// A step of a scale from 1.
fn scale(step: Option<i32>, most: i16, check: &mut Checker<'_>) -> Option<i16> {
    let step = step?;
    let read = i16::try_from(step).ok();
    let read = read.filter(|step| (1..=most).contains(step));
    if read.is_none() {
        check.refuse("OUT_OF_RANGE", format!("is {step}: set 1 to {most}"));
    }
    read
}
