//! Contacts as the desk counts them: those that were not retracted, each with its outcome, and outcomes without an ingested contact.

use std::collections::{HashMap, HashSet};

use super::{outcome::ContactOutcome, window::Window};
use crate::domain::{
    calendar::{Day, EventTime},
    customer::{
        facts::{Contact, ContactContent, FactKey, Interaction},
        group::{Groups, namesakes::Namesakes},
        profile::retracted_keys,
    },
    money::Money,
    text::Label,
};

/// A recorded outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedOutcome {
    /// What was recorded.
    pub outcome: ContactOutcome,
    /// Whether the contact itself was ingested, on whatever day.
    pub has_contact: bool,
}

impl RecordedOutcome {
    /// Outcomes, by customer of record, as those of the customers as whose they count: each key once, that of the customer with the contact
    /// first.
    #[must_use]
    pub fn join(outcomes: Vec<Self>, groups: &Groups, namesakes: &Namesakes) -> Vec<Self> {
        let join = |outcomes| {
            let counting = |mut recorded: Self| {
                recorded.outcome.key = groups.contact_key(&recorded.outcome.key, namesakes);
                recorded
            };
            groups.join_keyed(outcomes, counting, |recorded| &recorded.outcome.key)
        };
        let (with_contact, alone) = outcomes.into_iter().partition(|it| it.has_contact);
        let mut joined: Vec<Self> = join(with_contact);
        let known: HashSet<FactKey> = joined.iter().map(|it| it.outcome.key.clone()).collect();
        let alone = join(alone).into_iter();
        joined.extend(alone.filter(|it| !known.contains(&it.outcome.key)));
        joined
    }
}

/// A contact that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskContact {
    /// Its day.
    pub day: Day,
    /// How.
    pub channel: Label,
    /// What about.
    pub topic: Option<Label>,
    /// The queue that handled it last.
    pub queue: Option<Label>,
    /// How long, in seconds.
    pub duration_seconds: Option<i32>,
    /// What it cost, where it was recorded.
    pub cost: Option<Money>,
    /// How it ended, in the words of the source.
    pub outcome: Option<Label>,
    /// Whether it was passed on.
    pub transferred: Option<bool>,
    /// Whether it was resolved at the first contact.
    pub resolved_first: Option<bool>,
    /// Stated satisfaction.
    pub satisfaction: Option<i16>,
    /// Stated effort.
    pub effort: Option<i16>,
}

/// The contacts of one customer that count within a window, by day and time, then by source and id.
///
/// `contacts` has at least those of the window, and all retractions. What an ingested contact says goes before what its outcome says.
#[must_use]
pub fn counted(
    contacts: &[Contact],
    outcomes: Vec<RecordedOutcome>,
    window: Window,
) -> Vec<DeskContact> {
    let retracted = retracted_keys(contacts);
    let mut alone = vec![];
    let mut with_contact: HashMap<FactKey, ContactOutcome> = HashMap::new();
    for recorded in outcomes {
        if recorded.has_contact {
            with_contact.insert(recorded.outcome.key.clone(), recorded.outcome);
        } else if !retracted.contains(&recorded.outcome.key) {
            alone.push(recorded.outcome);
        }
    }
    let happened = contacts.iter().filter_map(|fact| match &fact.content {
        ContactContent::Happened(contact) if !retracted.contains(&fact.key) => {
            Some((fact, contact))
        }
        ContactContent::Happened(_) | ContactContent::Retracts(_) => None,
    });
    let mut counted: Vec<((EventTime, FactKey), DeskContact)> = happened
        .map(|(fact, contact)| {
            let outcome = with_contact.get(&fact.key);
            let key = (fact.when, fact.key.clone());
            (key, ingested(fact.when.day, contact, outcome))
        })
        .collect();
    counted.extend(alone.into_iter().map(|outcome| {
        let key = (outcome.when, outcome.key.clone());
        (key, known_by_outcome(outcome))
    }));
    counted.retain(|((when, _), _)| window.contains(when.day));
    counted.sort_by(|one, other| one.0.cmp(&other.0));
    counted.into_iter().map(|(_, contact)| contact).collect()
}

fn ingested(day: Day, contact: &Interaction, ended: Option<&ContactOutcome>) -> DeskContact {
    DeskContact {
        day,
        channel: contact.channel.clone(),
        topic: (contact.topic.clone()).or_else(|| ended.and_then(|it| it.topic.clone())),
        queue: ended.and_then(|it| it.queue.clone()),
        duration_seconds: (contact.duration_seconds)
            .or_else(|| ended.and_then(|it| it.duration_seconds)),
        cost: contact.cost,
        outcome: contact.outcome.clone(),
        transferred: ended.and_then(|it| it.transferred),
        resolved_first: ended.and_then(|it| it.resolved_first),
        satisfaction: ended.and_then(|it| it.satisfaction),
        effort: ended.and_then(|it| it.effort),
    }
}

fn known_by_outcome(outcome: ContactOutcome) -> DeskContact {
    DeskContact {
        day: outcome.when.day,
        channel: outcome.channel,
        topic: outcome.topic,
        queue: outcome.queue,
        duration_seconds: outcome.duration_seconds,
        cost: None,
        outcome: None,
        transferred: outcome.transferred,
        resolved_first: outcome.resolved_first,
        satisfaction: outcome.satisfaction,
        effort: outcome.effort,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::CustomerId;

    fn key(id: &str) -> FactKey {
        FactKey {
            customer_id: CustomerId::new("c").unwrap(),
            source: "acd".into(),
            id: id.into(),
        }
    }

    fn on(day: i32) -> EventTime {
        EventTime {
            day: Day::from_number(day).unwrap(),
            instant: None,
        }
    }

    fn call(id: &str, day: i32) -> Contact {
        Contact {
            key: key(id),
            when: on(day),
            content: ContactContent::Happened(Interaction {
                channel: "phone".into(),
                topic: None,
                duration_seconds: None,
                cost: None,
                outcome: None,
            }),
        }
    }

    fn retraction(id: &str, day: i32, of: &str) -> Contact {
        Contact {
            content: ContactContent::Retracts(of.into()),
            ..call(id, day)
        }
    }

    fn ended(id: &str, day: i32, has_contact: bool) -> RecordedOutcome {
        RecordedOutcome {
            outcome: ContactOutcome {
                key: key(id),
                when: on(day),
                channel: "chat".into(),
                topic: Some("invoice".into()),
                queue: Some("service".into()),
                agent: None,
                transferred: Some(true),
                resolved_first: None,
                satisfaction: Some(2),
                effort: None,
                duration_seconds: Some(60),
            },
            has_contact,
        }
    }

    fn window() -> Window {
        Window {
            first: on(10).day,
            last: on(20).day,
        }
    }

    #[test]
    fn a_contact_and_its_outcome_are_one_whatever_came_first() {
        let counted = counted(
            &[call("1", 12), call("2", 13)],
            vec![ended("1", 12, true), ended("3", 14, false)],
            window(),
        );
        let seen: Vec<_> = counted
            .iter()
            .map(|it| (&*it.channel, it.satisfaction))
            .collect();
        assert_eq!(
            seen,
            [("phone", Some(2)), ("phone", None), ("chat", Some(2))]
        );
        assert_eq!(counted[0].topic.as_deref(), Some("invoice"));
        assert_eq!(counted[0].duration_seconds, Some(60));
    }

    #[test]
    fn the_day_of_the_contact_decides_where_both_state_one() {
        let outside = counted(&[call("1", 9)], vec![ended("1", 12, true)], window());
        assert_eq!(outside, []);
        // The contact lies outside the window, so that it was not read.
        assert_eq!(counted(&[], vec![ended("1", 12, true)], window()), []);
    }

    #[test]
    fn retracted_contacts_do_not_count_with_or_without_their_outcome() {
        let contacts = [
            call("1", 12),
            retraction("r", 30, "1"),
            retraction("s", 12, "3"),
        ];
        let outcomes = vec![ended("1", 12, true), ended("3", 13, false)];
        assert_eq!(counted(&contacts, outcomes.clone(), window()), []);
        let mut again = contacts.to_vec();
        again.push(retraction("t", 31, "r"));
        assert_eq!(counted(&again, outcomes, window()).len(), 1);
    }
}
