//! How a contact changed the treatment, and opening hours and due times.

use jiff::Timestamp;
use serde::Serialize;

use super::Text;
use crate::{http::parameters::Language, pb};

/// Opening hours and due times.
#[derive(Debug, Default, Serialize)]
pub(super) struct Times<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    calendar: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_now: Option<bool>,
    #[serde(skip_serializing_if = "String::is_empty")]
    opens_time: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    closes_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    holiday: Option<Text<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    response_due_time: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    resolution_due_time: String,
}

/// How a contact changed the treatment.
#[derive(Debug, Default, Serialize)]
pub(super) struct Decision<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rules: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    priority_reasons: Vec<Reason<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    closed_queues: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unknown_fields: &'a [String],
}

/// A part of a priority.
#[derive(Debug, Serialize)]
struct Reason<'a> {
    source: &'a str,
    amount: i32,
}

impl<'a> From<&'a pb::ServiceTimes> for Times<'a> {
    fn from(times: &'a pb::ServiceTimes) -> Self {
        Self {
            calendar: &times.calendar,
            open_now: times.open_now,
            opens_time: time(times.opens_time.as_ref()),
            closes_time: time(times.closes_time.as_ref()),
            holiday: times.holiday.as_ref().map(Text::from),
            response_due_time: time(times.response_due_time.as_ref()),
            resolution_due_time: time(times.resolution_due_time.as_ref()),
        }
    }
}

impl Times<'_> {
    /// As keys and texts, the same keys every time.
    pub(super) fn pairs(&self, language: Language) -> Vec<(&'static str, String)> {
        let open_now = self.open_now.map(|it| it.to_string());
        let holiday = self.holiday.map_or("", |it| it.in_language(language));
        vec![
            ("calendar", self.calendar.to_owned()),
            ("open_now", open_now.unwrap_or_default()),
            ("opens_time", self.opens_time.clone()),
            ("closes_time", self.closes_time.clone()),
            ("holiday", holiday.to_owned()),
            ("response_due_time", self.response_due_time.clone()),
            ("resolution_due_time", self.resolution_due_time.clone()),
        ]
    }
}

impl<'a> From<&'a pb::RoutingDecision> for Decision<'a> {
    fn from(decision: &'a pb::RoutingDecision) -> Self {
        let reasons = decision.priority_reasons.iter();
        Self {
            rules: &decision.rules,
            priority_reasons: reasons
                .map(|reason| Reason {
                    source: &reason.source,
                    amount: reason.amount,
                })
                .collect(),
            closed_queues: &decision.closed_queues,
            unknown_fields: &decision.unknown_fields,
        }
    }
}

impl Decision<'_> {
    /// As keys and texts, the same keys every time.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let reasons = self.priority_reasons.iter();
        let reasons: Vec<String> = reasons
            .map(|reason| format!("{} {}", reason.source, reason.amount))
            .collect();
        vec![
            ("rules", self.rules.join(",")),
            ("priority_reasons", reasons.join(",")),
            ("closed_queues", self.closed_queues.join(",")),
            ("unknown_fields", self.unknown_fields.join(",")),
        ]
    }
}

/// An instant as RFC 3339 has it, in UTC; empty without one.
fn time(time: Option<&prost_types::Timestamp>) -> String {
    let instant = time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
    instant
        .map(|instant| instant.to_string())
        .unwrap_or_default()
}
