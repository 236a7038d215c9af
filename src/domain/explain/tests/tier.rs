//! Tiers, explained by the value against the thresholds around it.

use std::sync::Arc;

use super::Customer;
use crate::domain::{
    basis::{Basis, Revision},
    customer::CustomerKind,
    explain::tier::explain_tier,
};

#[test]
fn a_tier_is_explained_by_the_distances_to_its_neighbours() {
    let basis = Basis::new(
        Revision::built_in().unwrap(),
        None,
        Some("EUR".parse().unwrap()),
        Arc::default(),
    );
    let tiers = &basis.revision.tiers;
    let gold = Customer::new(CustomerKind::Person)
        .worth(650.0, 0.9)
        .valued();
    let held = explain_tier(&gold, &basis, None);
    assert_eq!(held.tier, tiers.find("gold"));
    assert_eq!(held.minimum_value.unwrap().to_string(), "250.00 EUR");
    assert_eq!(*held.outcome_text.en, *"held");
    let platinum = explain_tier(&gold, &basis, tiers.find("platinum")).outcome_text;
    assert_eq!(*platinum.en, *"not held, the customer holds gold");
    assert_eq!(
        platinum.de.as_deref(),
        Some("nicht erreicht, der Kunde hat gold")
    );
    let (better, missing) = held.next_better.unwrap();
    assert_eq!(
        (Some(better), missing.to_string().as_str()),
        (tiers.find("platinum"), "350.00 EUR")
    );
    let (lower, surplus) = held.next_lower.unwrap();
    assert_eq!(
        (Some(lower), surplus.to_string().as_str()),
        (tiers.find("silver"), "400.00 EUR")
    );
    let codes = |named| -> Vec<&str> {
        let explanation = explain_tier(&gold, &basis, tiers.find(named));
        explanation
            .reasons
            .iter()
            .map(|reason| reason.code)
            .collect()
    };
    assert_eq!(
        codes("gold"),
        ["LIFETIME_VALUE_AT_LEAST", "BELOW_NEXT_TIER"]
    );
    assert_eq!(codes("platinum"), ["LIFETIME_VALUE_BELOW"]);
    assert_eq!(
        codes("silver"),
        ["LIFETIME_VALUE_AT_LEAST", "HOLDS_BETTER_TIER"]
    );
    assert_eq!(codes("bronze"), ["HOLDS_BETTER_TIER"]);
}

#[test]
fn the_tier_of_who_cannot_be_valued_is_explained_by_the_reason() {
    let basis = Basis::new(
        Revision::built_in().unwrap(),
        None,
        Some("EUR".parse().unwrap()),
        Arc::default(),
    );
    let lead = Customer::new(CustomerKind::Person).valued();
    let explanation = explain_tier(&lead, &basis, None);
    assert_eq!((explanation.tier, explanation.next_better), (None, None));
    assert_eq!(explanation.reasons[0].code, "NO_PURCHASE");
    assert!(explanation.reasons[0].text.de.is_some());
    assert_eq!(
        *explanation.outcome_text.en,
        *"not rated: no purchase yet, or everything was refunded"
    );
}
