//! How a contact ended, as a telephone or ticket system reports it, in one call or in several.

use crate::domain::{calendar::EventTime, customer::facts::FactKey, text::Label};

/// The greatest satisfaction; 1 is the least.
pub const MAX_SATISFACTION: i16 = 5;
/// The greatest effort; 1 is the least.
pub const MAX_EFFORT: i16 = 7;

/// How a contact ended. Parts that are not known are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactOutcome {
    /// Customer, source and id of the contact.
    pub key: FactKey,
    /// When it began.
    pub when: EventTime,
    /// How: phone, chat, email, visit ...
    pub channel: Label,
    /// What about.
    pub topic: Option<Label>,
    /// The queue that handled it last.
    pub queue: Option<Label>,
    /// Who handled it last.
    pub agent: Option<Label>,
    /// Whether it was passed on.
    pub transferred: Option<bool>,
    /// Whether it was resolved at the first contact.
    pub resolved_first: Option<bool>,
    /// 1 to [`MAX_SATISFACTION`].
    pub satisfaction: Option<i16>,
    /// 1 to [`MAX_EFFORT`].
    pub effort: Option<i16>,
    /// How long, in seconds.
    pub duration_seconds: Option<i32>,
}

/// An outcome that differs from the recorded one: the names of its fields in the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs(pub Vec<&'static str>);

/// A part: the known value, else the new one.
fn part<T: Clone + PartialEq>(
    known: Option<&T>,
    new: Option<&T>,
    name: &'static str,
    differing: &mut Vec<&'static str>,
) -> Option<T> {
    if known.is_some() && new.is_some() && known != new {
        differing.push(name);
    }
    known.or(new).cloned()
}

impl ContactOutcome {
    /// This recorded outcome with the parts that `new` adds. The same where it adds none.
    ///
    /// # Errors
    /// A part is known with another value, which stays.
    pub fn completed_by(&self, new: &Self) -> Result<Self, Differs> {
        let mut differing = vec![];
        if self.when != new.when {
            differing.push("occurred_time");
        }
        if self.channel != new.channel {
            differing.push("channel");
        }
        let all = &mut differing;
        let completed = Self {
            key: self.key.clone(),
            when: self.when,
            channel: self.channel.clone(),
            topic: part(self.topic.as_ref(), new.topic.as_ref(), "topic", all),
            queue: part(self.queue.as_ref(), new.queue.as_ref(), "queue", all),
            agent: part(self.agent.as_ref(), new.agent.as_ref(), "agent", all),
            transferred: part(
                self.transferred.as_ref(),
                new.transferred.as_ref(),
                "transferred",
                all,
            ),
            resolved_first: part(
                self.resolved_first.as_ref(),
                new.resolved_first.as_ref(),
                "resolved_at_first_contact",
                all,
            ),
            satisfaction: part(
                self.satisfaction.as_ref(),
                new.satisfaction.as_ref(),
                "satisfaction",
                all,
            ),
            effort: part(self.effort.as_ref(), new.effort.as_ref(), "effort", all),
            duration_seconds: part(
                self.duration_seconds.as_ref(),
                new.duration_seconds.as_ref(),
                "duration_seconds",
                all,
            ),
        };
        if differing.is_empty() {
            Ok(completed)
        } else {
            Err(Differs(differing))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};

    use super::*;
    use crate::domain::{calendar::Day, text::CustomerId};

    fn bare() -> ContactOutcome {
        ContactOutcome {
            key: FactKey {
                customer_id: CustomerId::new("c").unwrap(),
                source: "acd".into(),
                id: "1".into(),
            },
            when: EventTime {
                day: Day::EPOCH,
                instant: None,
            },
            channel: "phone".into(),
            topic: None,
            queue: None,
            agent: None,
            transferred: None,
            resolved_first: None,
            satisfaction: None,
            effort: None,
            duration_seconds: None,
        }
    }

    #[test]
    fn a_recorded_part_never_changes_and_all_that_differ_are_named() {
        let known = ContactOutcome {
            transferred: Some(false),
            satisfaction: Some(4),
            ..bare()
        };
        let other = ContactOutcome {
            channel: "chat".into(),
            transferred: Some(true),
            satisfaction: Some(4),
            effort: Some(2),
            ..bare()
        };
        assert_eq!(
            known.completed_by(&other),
            Err(Differs(vec!["channel", "transferred"]))
        );
    }

    fn outcome() -> impl Strategy<Value = ContactOutcome> {
        let flag = || option::of(any::<bool>());
        let queue = option::of(prop_oneof![Just("a"), Just("b")]);
        (flag(), flag(), option::of(1..6_i16), queue).prop_map(
            |(transferred, resolved_first, satisfaction, queue)| ContactOutcome {
                transferred,
                resolved_first,
                satisfaction,
                queue: queue.map(Label::from),
                ..bare()
            },
        )
    }

    proptest! {
        /// Whatever the order and however often, parts that do not contradict each other come to the same.
        #[test]
        fn parts_add_up_in_any_order(whole in outcome(), one in any::<u8>(), other in any::<u8>()) {
            let cut = |mask: u8| ContactOutcome {
                transferred: whole.transferred.filter(|_| mask & 1 > 0),
                resolved_first: whole.resolved_first.filter(|_| mask & 2 > 0),
                satisfaction: whole.satisfaction.filter(|_| mask & 4 > 0),
                queue: whole.queue.clone().filter(|_| mask & 8 > 0),
                ..bare()
            };
            let (one, other) = (cut(one), cut(other));
            let there = one.completed_by(&other).unwrap();
            prop_assert_eq!(&there, &other.completed_by(&one).unwrap());
            prop_assert_eq!(&there.completed_by(&one).unwrap(), &there);
            prop_assert_eq!(there.completed_by(&whole).unwrap(), whole);
        }
    }
}
