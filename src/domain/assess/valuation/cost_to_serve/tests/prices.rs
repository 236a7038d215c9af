//! Where the price of a contact comes from: what was recorded, what the definitions state, or nowhere.

use super::*;
use crate::domain::text::Label;

/// Half a call in 20 weeks is usual; of a thousand calls `recorded` had a cost, of 500 EUR.
fn calls(recorded: f64) -> UsualContacts {
    UsualContacts {
        cost: Some((
            ContactCost {
                mean: 500.0,
                weight_contacts: recorded,
            },
            euro(),
        )),
        recorded_cost_share: recorded / 1_000.0,
        ..usual(CustomerKind::Company, "phone", 0.5, 20.0)
    }
}

fn on_channel(mut profile: Profile, channel: &str) -> Profile {
    for day in &mut profile.history.contacts {
        day.channel = channel.into();
    }
    profile
}

/// Calls a month of the subscriber, by hand: (0.5 + 120) / (20 + 1461/7) a week.
fn monthly() -> f64 {
    120.5 / (20.0 + f64::from(DAYS) / 7.0) * 30.4375 / 7.0
}

fn unpriced(profile: Profile, basis: &Basis) -> Vec<Label> {
    let dated = DatedProfile::new(Arc::new(profile), day(DAYS)).unwrap();
    unpriced_channels(dated.view(), basis)
}

#[test]
fn one_recorded_cost_does_not_replace_the_one_that_is_stated() {
    let of = |usual: Vec<UsualContacts>| basis(faithful(), usual, 1);
    // 999 calls at the 45 EUR of the channel and one at 500 are 45.455 each, which counts for one call beside 120 of 45.
    let valued = valued(subscriber(None), &of(vec![calls(1.0)]));
    assert_cost(&valued, monthly() * (45.455 + 120.0 * 45.0) / 121.0);
    // Who never called is expected to cost that mean.
    let mut silent = subscriber(None);
    silent.history.contacts.clear();
    let valued = super::valued(silent, &of(vec![calls(1.0)]));
    let a_week = 0.5 / (20.0 + f64::from(DAYS) / 7.0);
    assert_cost(&valued, a_week * 30.4375 / 7.0 * 45.455);
    // A version that did not count recorded costs says nothing against what is stated.
    let uncounted = UsualContacts {
        recorded_cost_share: 0.0,
        ..calls(1.0)
    };
    let valued = super::valued(subscriber(None), &of(vec![uncounted]));
    assert_cost(&valued, monthly() * 45.0);
}

#[test]
fn own_contacts_without_a_cost_have_the_stated_one_beside_those_that_have_their_own() {
    // 119 calls at 45 and one at 500.
    let mut profile = subscriber(None);
    let odd = &mut profile.history.contacts[7];
    (odd.currency, odd.cost_minor) = (Some(euro()), 50_000);
    let valued = valued(profile, &basis(faithful(), vec![], 1));
    assert_cost(&valued, 2.5 * (119.0 * 45.0 + 500.0) / 120.0);
}

#[test]
fn where_nothing_is_stated_what_is_usual_of_recorded_costs_holds() {
    let visits = UsualContacts {
        channel: "visit".into(),
        ..calls(4.0)
    };
    let basis = basis(faithful(), vec![visits], 1);
    let profile = on_channel(subscriber(None), "visit");
    assert_cost(&valued(profile.clone(), &basis), monthly() * 500.0);
    assert_eq!(unpriced(profile, &basis), []);
}

#[test]
fn contacts_of_which_nothing_says_the_cost_are_left_out_and_named() {
    let portal = usual(CustomerKind::Company, "portal", 2.0, 20.0);
    let basis = basis(faithful(), vec![portal], 1);
    // The calls cost 45 each by the definitions; of visits and the portal nothing is known.
    let mut profile = subscriber(None);
    let mut visits = on_channel(subscriber(None), "visit").history.contacts;
    profile.history.contacts.append(&mut visits);
    profile.history.contacts.sort_by_key(|entry| entry.day);
    assert_cost(&valued(profile.clone(), &basis), 112.50);
    assert_eq!(unpriced(profile, &basis), ["portal".into(), "visit".into()]);
    let calls_only = super::basis(faithful(), vec![], 1);
    assert_eq!(unpriced(subscriber(None), &calls_only), []);
}
