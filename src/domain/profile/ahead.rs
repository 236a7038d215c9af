//! The profiles of the days before facts that lie ahead: sources run ahead of the clock by a zone or so, and until the day of such a fact
//! comes, answers are made from what is known without it.

use std::sync::Arc;

use super::{Facts, Profile, fold::fold};
use crate::domain::calendar::Day;

/// A profile as it is until the day before the next of its facts.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlierProfile {
    /// The profile without the facts that lie ahead; of the same version as the whole one.
    pub profile: Arc<Profile>,
    /// The last day for which it holds.
    pub until: Day,
}

impl EarlierProfile {
    /// Whether this is the profile as of a day.
    #[must_use]
    pub fn answers(&self, as_of: Day) -> bool {
        let last = self.profile.history.last_event_day;
        last.is_none_or(|last| last <= as_of) && as_of <= self.until
    }
}

/// The profiles from `from` on until the day before the last of `facts`, which are all of the customer of `whole` that it is folded from.
/// With it they answer every day from `from` on. None when nothing lies after `from`.
#[must_use]
pub fn earlier_profiles(whole: &Profile, facts: &Facts, from: Day) -> Vec<EarlierProfile> {
    let ahead = facts.days_after(from);
    let begins = std::iter::once(from).chain(ahead.iter().copied());
    let earlier = begins.zip(&ahead).map(|(begin, next)| {
        // An empty history holds nothing that the facts could touch.
        let history = fold(super::History::default(), &facts.until(begin)).unwrap_or_default();
        EarlierProfile {
            profile: Arc::new(Profile {
                history,
                ..whole.clone()
            }),
            until: next.plus_days(-1),
        }
    });
    earlier.collect()
}

impl Facts {
    /// The days after `from` of any of them, each once, in order.
    fn days_after(&self, from: Day) -> Vec<Day> {
        let transactions = self.transactions.iter().map(|fact| fact.when.day);
        let contacts = self.contacts.iter().map(|fact| fact.when.day);
        let attributes = self.attributes.iter().map(|fact| fact.observed_on);
        let agreed = self.contracts.iter().map(|fact| fact.effective_on);
        let days = transactions.chain(contacts).chain(attributes).chain(agreed);
        let mut days: Vec<Day> = days.filter(|day| *day > from).collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// Those until a day, itself included.
    fn until(&self, day: Day) -> Self {
        fn kept<T: Clone>(facts: &[T], keeps: impl Fn(&T) -> bool) -> Vec<T> {
            facts.iter().filter(|fact| keeps(fact)).cloned().collect()
        }
        Self {
            transactions: kept(&self.transactions, |fact| fact.when.day <= day),
            contacts: kept(&self.contacts, |fact| fact.when.day <= day),
            attributes: kept(&self.attributes, |fact| fact.observed_on <= day),
            contracts: kept(&self.contracts, |fact| fact.effective_on <= day),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::{
        customer::CustomerKind,
        facts::AttributeFact,
        profile::History,
        text::{CustomerId, Label},
    };

    fn observed(day: i32) -> AttributeFact {
        AttributeFact {
            name: Label::from(format!("a{day}")),
            value: None,
            observed_on: Day::EPOCH.plus_days(day),
            source: Label::from("test".to_owned()),
            profile_version: 1,
        }
    }

    fn whole(facts: &Facts) -> Profile {
        Profile {
            customer_id: CustomerId::new("ada").unwrap(),
            version: 7,
            kind: CustomerKind::Person,
            display_name: None,
            recorded_at: Timestamp::UNIX_EPOCH,
            history: fold(History::default(), facts).unwrap(),
        }
    }

    #[test]
    fn every_day_from_today_on_has_the_profile_of_the_facts_until_then() {
        let facts = Facts {
            attributes: [-3, 0, 1, 2].map(observed).to_vec(),
            ..Facts::default()
        };
        let whole = whole(&facts);
        let earlier = earlier_profiles(&whole, &facts, Day::EPOCH);
        for (day, known) in [(0, 2), (1, 3)] {
            let as_of = Day::EPOCH.plus_days(day);
            let found: Vec<_> = earlier.iter().filter(|one| one.answers(as_of)).collect();
            let [one] = &found[..] else {
                panic!("{found:?} of day {day}");
            };
            assert_eq!(one.profile.history.attributes.len(), known, "day {day}");
            assert_eq!(one.profile.version, 7);
        }
        let last = Day::EPOCH.plus_days(2);
        assert!(earlier.iter().all(|one| !one.answers(last)));
        assert_eq!(earlier_profiles(&whole, &facts, last), []);
    }

    #[test]
    fn a_day_without_facts_has_the_profile_of_the_day_before() {
        let facts = Facts {
            attributes: [0, 2].map(observed).to_vec(),
            ..Facts::default()
        };
        let earlier = earlier_profiles(&whole(&facts), &facts, Day::EPOCH);
        assert_eq!(earlier.len(), 1);
        let answers = |day: i32| earlier[0].answers(Day::EPOCH.plus_days(day));
        assert_eq!([-1, 0, 1, 2].map(answers), [false, true, true, false]);
    }
}
