//! What becomes of recorded contacts under routing rules: load, waits and missed times by queue, and what changes between two documents.
//!
//! The model of a queue: a number of agents, each with one contact at a time, who work in the hours of the queue's calendar and finish what they
//! have begun. Of the contacts that wait the one with the highest priority is next, then the earliest. A contact is answered when an agent takes
//! it, and lasts as long as was recorded. Nobody hangs up, and nothing overflows to another queue.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use jiff::{SignedDuration, Timestamp};

use crate::domain::{
    definitions::{Policies, calendars::Calendar},
    stop,
    text::Label,
};

/// Hours of a day.
pub const HOURS: usize = 24;

/// A recorded contact as it would have been routed.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutedContact {
    /// When it came.
    pub at: Timestamp,
    /// The hour of that in the zone of the deployment.
    pub hour: usize,
    /// How long it takes.
    pub lasts: SignedDuration,
    /// Its queue; `None` where no treatment sets one.
    pub queue: Option<Label>,
    /// Its priority.
    pub priority: u32,
    /// When it must be answered.
    pub due: Option<Timestamp>,
}

/// What happens at a queue.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueueLoad {
    /// Contacts that come.
    pub contacts: u64,
    /// Those who come while it is closed.
    pub closed_at_arrival: u64,
    /// Those with an agreed time.
    pub with_due: u64,
    /// Those of them who are answered later.
    pub breached: u64,
    /// Those who are not answered within a year, for the queue does not open.
    pub unserved: u64,
    /// How long all who are answered wait.
    pub waited: SignedDuration,
    /// Contacts by hour of their arrival.
    pub by_hour: [u64; HOURS],
}

impl QueueLoad {
    /// The mean wait of those who are answered, in seconds; `None` without any.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "bounded by the number of contacts"
    )]
    pub fn mean_wait_seconds(&self) -> Option<f64> {
        let served = self.contacts - self.unserved;
        (served > 0).then(|| self.waited.as_secs_f64() / served as f64)
    }
}

/// The load of each queue, by name; contacts without a queue come under the empty name. `contacts` are in the order of their arrival; a queue
/// that `agents` does not name has as many as it needs.
#[must_use]
pub fn simulate(
    contacts: &[RoutedContact],
    policies: &Policies,
    agents: &BTreeMap<Label, u32>,
) -> BTreeMap<Label, QueueLoad> {
    let mut by_queue: BTreeMap<Label, Vec<&RoutedContact>> = BTreeMap::new();
    for contact in contacts {
        let queue = contact.queue.clone().unwrap_or_else(|| "".into());
        by_queue.entry(queue).or_default().push(contact);
    }
    let loads = by_queue.into_iter().map(|(queue, contacts)| {
        let desk = Desk {
            hours: policies.queue_calendar(&queue),
            agents: agents.get(&queue).copied(),
        };
        let load = desk.serve(&contacts);
        (queue, load)
    });
    loads.collect()
}

/// Contacts that another document sends to another queue, by both queues.
#[must_use]
pub fn changes(before: &[RoutedContact], after: &[RoutedContact]) -> BTreeMap<(Label, Label), u64> {
    let mut changes = BTreeMap::new();
    let name = |queue: &Option<Label>| queue.clone().unwrap_or_else(|| "".into());
    for (before, after) in before.iter().zip(after) {
        if before.queue != after.queue {
            let key = (name(&before.queue), name(&after.queue));
            *changes.entry(key).or_default() += 1;
        }
    }
    changes
}

/// Who serves a queue.
struct Desk<'a> {
    hours: Option<&'a Calendar>,
    /// As many as it needs when it is `None`.
    agents: Option<u32>,
}

/// A contact that waits: the greatest is next.
type Waiting = (u32, Reverse<usize>);

impl Desk<'_> {
    fn serve(&self, contacts: &[&RoutedContact]) -> QueueLoad {
        let mut load = QueueLoad::default();
        for contact in contacts {
            load.contacts += 1;
            load.by_hour[contact.hour.min(HOURS - 1)] += 1;
            load.closed_at_arrival += u64::from(!self.is_open(contact.at));
            load.with_due += u64::from(contact.due.is_some());
        }
        match self.agents {
            None => {
                for contact in contacts {
                    stop::check();
                    load.answer(contact, self.next_open(contact.at));
                }
            }
            Some(agents) => self.queue_up(contacts, agents, &mut load),
        }
        load
    }

    /// Every agent takes the next contact as soon as they are free.
    fn queue_up(&self, contacts: &[&RoutedContact], agents: u32, load: &mut QueueLoad) {
        let mut free: BinaryHeap<Reverse<Timestamp>> =
            (0..agents).map(|_| Reverse(Timestamp::MIN)).collect();
        let mut waiting: BinaryHeap<Waiting> = BinaryHeap::new();
        let (mut arrived, mut now) = (0, Timestamp::MIN);
        while arrived < contacts.len() || !waiting.is_empty() {
            stop::check();
            let Some(Reverse(idle_from)) = free.pop() else {
                // No agents: nobody is ever answered.
                contacts[arrived..]
                    .iter()
                    .for_each(|it| load.answer(it, None));
                return;
            };
            if waiting.is_empty() {
                now = contacts[arrived].at;
            }
            let Some(takes_at) = self.next_open(idle_from.max(now)) else {
                let left = waiting.drain().map(|(_, Reverse(at))| contacts[at]);
                let left = left.chain(contacts[arrived..].iter().copied());
                left.for_each(|it| load.answer(it, None));
                return;
            };
            now = takes_at;
            while let Some(contact) = contacts.get(arrived).filter(|it| it.at <= takes_at) {
                waiting.push((contact.priority, Reverse(arrived)));
                arrived += 1;
            }
            if let Some((_, Reverse(at))) = waiting.pop() {
                load.answer(contacts[at], Some(takes_at));
                let free_at = takes_at.saturating_add(contacts[at].lasts);
                free.push(Reverse(free_at.unwrap_or(Timestamp::MAX)));
            } else {
                free.push(Reverse(idle_from));
            }
        }
    }

    fn is_open(&self, at: Timestamp) -> bool {
        self.hours.is_none_or(|hours| hours.is_open(at))
    }

    /// The first instant from `at` on when it is open; `None` if not within a year.
    fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        match self.hours {
            Some(hours) if !hours.is_open(at) => hours.opening(at).changes_at,
            Some(_) | None => Some(at),
        }
    }
}

impl QueueLoad {
    /// Counts a contact that is answered at an instant, or never.
    fn answer(&mut self, contact: &RoutedContact, answered: Option<Timestamp>) {
        match answered {
            Some(answered) => self.waited += answered.duration_since(contact.at),
            None => self.unserved += 1,
        }
        let is_late = |due: Timestamp| answered.is_none_or(|answered| answered > due);
        self.breached += u64::from(contact.due.is_some_and(is_late));
    }
}

#[cfg(test)]
mod tests;
