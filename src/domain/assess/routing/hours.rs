//! Which queues are open at a contact, and when an answer to it is due.

use jiff::Timestamp;

use super::{ContactTerms, RuledTreatment};
use crate::domain::{
    assess::AssignedTreatment,
    definitions::{
        Definitions, LocalizedText, Policies, Treatment, TreatmentField, calendars::Calendar,
    },
    text::Label,
};

/// What came of a contact besides the treatment.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutingOutcome {
    /// The names of the rules that apply, in the order of the file.
    pub rules: Vec<Label>,
    /// As in [`RuledTreatment::priority`]: where each part comes from, and how much it is.
    pub priority: Vec<(Label, u32)>,
    /// The queues of the treatment that are closed now. They were left out of it, unless all are closed.
    pub closed_queues: Vec<Label>,
    /// The fields of the contact that the definitions do not know.
    pub undefined: Vec<&'static str>,
    /// Opening hours and due times.
    pub times: ServiceTimes,
}

/// Opening hours and due times of a contact.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceTimes {
    /// Of the queue, or of the service level if the queue has none; `None` if neither has.
    pub hours: Option<OpeningHours>,
    /// When the response is due; `None` where none is agreed.
    pub response_due: Option<Timestamp>,
    /// When the resolution is due; `None` where none is agreed.
    pub resolution_due: Option<Timestamp>,
}

/// Whether a calendar is open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpeningHours {
    /// Its name.
    pub calendar: Label,
    /// Whether it is.
    pub is_open: bool,
    /// When that changes, if soon.
    pub changes_at: Option<Timestamp>,
    /// The holiday of the day.
    pub holiday: Option<LocalizedText>,
}

impl RuledTreatment {
    /// The treatment at the time of the contact: with the queues that are open, the first in place of a closed one.
    #[must_use]
    pub fn at_contact(
        self,
        definitions: &Definitions,
        contact: &ContactTerms,
    ) -> (AssignedTreatment, RoutingOutcome) {
        let Self {
            mut assigned,
            rules,
            priority,
        } = self;
        let policies = definitions.policies();
        let closed_queues = leave_out_closed(&mut assigned, policies, contact.at);
        let times = times(&assigned.treatment, policies, contact.at);
        let priority = priority.iter();
        let outcome = RoutingOutcome {
            rules: rules
                .iter()
                .map(|&id| policies.rule(id).name.clone())
                .collect(),
            priority: priority
                .map(|part| (part.source.source(definitions), part.amount))
                .collect(),
            closed_queues,
            undefined: contact.undefined(definitions),
            times,
        };
        (assigned, outcome)
    }
}

/// Takes the closed queues out of a treatment, unless all are closed, and returns them.
fn leave_out_closed(
    assigned: &mut AssignedTreatment,
    policies: &Policies,
    at: Timestamp,
) -> Vec<Label> {
    let treatment = &mut assigned.treatment;
    let fallback = treatment.fallback_queues.iter().flat_map(|it| it.iter());
    let queues = treatment.queue.iter().chain(fallback).cloned();
    let is_open = |queue: &Label| {
        let calendar = policies.queue_calendar(queue);
        calendar.is_none_or(|calendar| calendar.is_open(at))
    };
    let (open, closed): (Vec<Label>, Vec<Label>) = queues.partition(is_open);
    if let (Some((first, others)), false) = (open.split_first(), closed.is_empty()) {
        if treatment.queue.as_ref() != Some(first) {
            assigned.choices[TreatmentField::Queue.place()] =
                assigned.choices[TreatmentField::FallbackQueues.place()];
        }
        treatment.queue = Some(first.clone());
        treatment.fallback_queues = Some(others.into());
    }
    closed
}

fn times(treatment: &Treatment, policies: &Policies, at: Timestamp) -> ServiceTimes {
    let sla = treatment.sla.as_ref();
    let of_sla = sla
        .and_then(|sla| sla.calendar)
        .map(|id| policies.calendar(id));
    let of_queue = treatment.queue.as_ref();
    let of_queue = of_queue.and_then(|queue| policies.queue_calendar(queue));
    let due = |minutes: u32| policies.due(sla?, at, minutes);
    ServiceTimes {
        hours: of_queue.or(of_sla).map(|calendar| opening(calendar, at)),
        response_due: sla.and_then(|sla| due(sla.response_minutes)),
        resolution_due: sla.and_then(|sla| sla.resolution_minutes).and_then(due),
    }
}

fn opening(calendar: &Calendar, at: Timestamp) -> OpeningHours {
    let opening = calendar.opening(at);
    OpeningHours {
        calendar: calendar.name.clone(),
        is_open: opening.is_open,
        changes_at: opening.changes_at,
        holiday: opening.holiday.cloned(),
    }
}
