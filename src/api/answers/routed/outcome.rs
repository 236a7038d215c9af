//! What came of a contact besides the treatment, as messages.

use crate::{
    api::{timestamp_message, treatments::localized},
    domain::assess::routing::RoutingOutcome,
    pb,
};

pub(super) fn decision(outcome: &RoutingOutcome) -> pb::RoutingDecision {
    let reasons = outcome.priority.iter();
    let reasons = reasons.map(|(source, amount)| pb::PriorityReason {
        source: source.to_string(),
        amount: i32::try_from(*amount).unwrap_or(i32::MAX),
    });
    let unknown = outcome.undefined.iter();
    pb::RoutingDecision {
        rules: outcome.rules.iter().map(ToString::to_string).collect(),
        priority_reasons: reasons.collect(),
        closed_queues: outcome
            .closed_queues
            .iter()
            .map(ToString::to_string)
            .collect(),
        unknown_fields: unknown.map(|&name| name.to_owned()).collect(),
    }
}

pub(super) fn times(outcome: &RoutingOutcome) -> pb::ServiceTimes {
    let times = &outcome.times;
    let hours = times.hours.as_ref();
    let changes = |to_open: bool| {
        let hours = hours.filter(|hours| hours.is_open != to_open)?;
        hours.changes_at.map(timestamp_message)
    };
    pb::ServiceTimes {
        calendar: hours
            .map(|hours| hours.calendar.to_string())
            .unwrap_or_default(),
        open_now: hours.map(|hours| hours.is_open),
        opens_time: changes(true),
        closes_time: changes(false),
        holiday: hours
            .and_then(|hours| hours.holiday.as_ref())
            .map(localized),
        response_due_time: times.response_due.map(timestamp_message),
        resolution_due_time: times.resolution_due.map(timestamp_message),
    }
}
