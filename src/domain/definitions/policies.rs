//! What of the definitions depends on the contact and its time: calendars, hours of queues, routing rules.

use jiff::{SignedDuration, Timestamp};

use super::{
    calendars::{Calendar, CalendarId, Calendars},
    routing::{RoutingRule, RuleId},
    treatments::{Sla, Treatment, Treatments},
};
use crate::domain::{
    rules::{
        diagnostic::{Code, Diagnostics},
        nearest::nearest,
    },
    text::Label,
};

/// What depends on the contact and its time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policies {
    calendars: Vec<Calendar>,
    /// By name.
    queues: Vec<(Label, CalendarId)>,
    intents: Vec<Label>,
    rules: Vec<RoutingRule>,
}

impl Policies {
    /// Joins what was read; reports queues with hours that no treatment has.
    pub(super) fn new(
        read: Calendars,
        intents: Vec<Label>,
        rules: Option<Vec<RoutingRule>>,
        treatments: Option<&Treatments>,
        problems: &mut Diagnostics,
    ) -> Option<Self> {
        let (rules, treatments) = (rules?, treatments?);
        let of_rules = rules.iter().map(|rule| &rule.treatment);
        let mut used: Vec<&Label> = treatments.all().chain(of_rules).flat_map(queues).collect();
        used.sort_unstable();
        used.dedup();
        for queue in &read.queues {
            if used.binary_search(&&queue.queue).is_err() {
                let known = used.iter().map(|name| &***name);
                let help = match nearest(&queue.queue, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "name it in a treatment, or remove it".to_owned(),
                };
                let message = format!("no treatment uses the queue `{}`", queue.queue);
                problems.add_with_help(queue.span, Code::UnknownName, message, help);
            }
        }
        let queues = read.queues.into_iter().map(|it| (it.queue, it.calendar));
        let mut queues: Vec<_> = queues.collect();
        queues.sort_unstable();
        Some(Self {
            calendars: read.known,
            queues,
            intents,
            rules,
        })
    }

    /// Whether a treatment can depend on the contact or its time.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calendars.is_empty() && self.rules.is_empty()
    }

    /// The calendars, in the order of the file.
    #[must_use]
    pub fn calendars(&self) -> &[Calendar] {
        &self.calendars
    }

    /// The calendar with this id, which must come from these definitions.
    #[must_use]
    pub fn calendar(&self, id: CalendarId) -> &Calendar {
        &self.calendars[id.0 as usize]
    }

    /// When so many minutes from an instant are over: in the hours of the service level's calendar, or around the clock if it has none.
    /// `None` where that is not within two years.
    #[must_use]
    pub fn due(&self, sla: &Sla, from: Timestamp, minutes: u32) -> Option<Timestamp> {
        match sla.calendar {
            Some(id) => self.calendar(id).due(from, minutes),
            None => from
                .checked_add(SignedDuration::from_mins(minutes.into()))
                .ok(),
        }
    }

    /// The calendar of a queue; `None` for one that is always open.
    #[must_use]
    pub fn queue_calendar(&self, queue: &str) -> Option<&Calendar> {
        let at = self
            .queues
            .binary_search_by(|(name, _)| (**name).cmp(queue));
        at.ok().map(|at| self.calendar(self.queues[at].1))
    }

    /// The reasons of contacts that rules may name.
    #[must_use]
    pub fn intents(&self) -> &[Label] {
        &self.intents
    }

    /// The routing rules, in the order of the file.
    #[must_use]
    pub fn rules(&self) -> &[RoutingRule] {
        &self.rules
    }

    /// The rule with this id, which must come from these definitions.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> &RoutingRule {
        &self.rules[id.0 as usize]
    }
}

/// The queues that a treatment names.
fn queues(treatment: &Treatment) -> impl Iterator<Item = &Label> {
    let fallback = treatment.fallback_queues.iter().flat_map(|it| it.iter());
    treatment.queue.iter().chain(fallback)
}
