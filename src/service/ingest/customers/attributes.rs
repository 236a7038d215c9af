//! Which observed attributes say something new.

use std::collections::HashMap;

use super::{CustomerPatch, Locked};
use crate::{
    domain::{customer::facts::AttributeFact, text::Label},
    store::{attributes::ObservationDay, repeats::RepeatedFact},
};

/// The observations of days before the one that the profile holds, and all where it contains those of several customers. Only for these must the facts be asked: of the day that it holds it
/// holds the last observation, and of a later day there is none.
pub(super) fn past_days(batch: &[CustomerPatch], locked: &Locked) -> Vec<ObservationDay> {
    let mut past = vec![];
    for patch in batch {
        let Some(profile) = locked.profile(&patch.customer_id) else {
            continue;
        };
        let is_grouped = !profile.members.is_empty();
        for new in &patch.attributes {
            let held = held_attribute(&profile.history.attributes, &new.name);
            if is_grouped || held.is_some_and(|held| held.observed_on > new.observed_on) {
                past.push(ObservationDay {
                    customer_id: patch.customer_id.clone(),
                    name: new.name.clone(),
                    observed_on: new.observed_on,
                });
            }
        }
    }
    past
}

/// The observation that a profile holds of an attribute.
fn held_attribute<'a>(held: &'a [AttributeFact], name: &Label) -> Option<&'a AttributeFact> {
    held.iter().find(|fact| fact.name == *name)
}

/// The observations of a patch.
pub(super) struct Observations {
    /// To be recorded.
    pub(super) new: Vec<AttributeFact>,
    /// Recorded already.
    pub(super) repeated: Vec<RepeatedFact>,
}

/// The observations that say something new: not what was recorded last for that attribute and day. `past` is brought up to date.
pub(super) fn new_attributes(
    patch: &CustomerPatch,
    held: &[AttributeFact],
    past: &mut HashMap<ObservationDay, AttributeFact>,
    profile_version: i64,
) -> Observations {
    let mut repeated = vec![];
    let mut facts = vec![];
    for new in &patch.attributes {
        let on = |observed_on| ObservationDay {
            customer_id: patch.customer_id.clone(),
            name: new.name.clone(),
            observed_on,
        };
        let held = held_attribute(held, &new.name);
        let of_the_day = held
            .filter(|held| held.observed_on == new.observed_on)
            .or_else(|| past.get(&on(new.observed_on)));
        let is_same = |last: &&AttributeFact| last.value == new.value && last.source == new.source;
        if let Some(last) = of_the_day.filter(is_same) {
            let (id, version) = (&patch.customer_id, last.profile_version);
            repeated.push(RepeatedFact::attribute(id, &new.name, version));
            continue;
        }
        let fact = AttributeFact {
            name: new.name.clone(),
            value: new.value.clone(),
            observed_on: new.observed_on,
            source: new.source.clone(),
            profile_version,
        };
        // For the patches after this one, either may be of a past day.
        for fact in held.into_iter().chain([&fact]) {
            past.insert(on(fact.observed_on), fact.clone());
        }
        facts.push(fact);
    }
    Observations {
        new: facts,
        repeated,
    }
}
