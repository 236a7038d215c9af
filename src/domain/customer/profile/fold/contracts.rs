//! Which observation of each contract holds.
//!
//! It compares days and versions; it does not know what is agreed.

use std::collections::BTreeMap;

use crate::domain::{customer::facts::ContractFact, text::Label};

/// For each contract, the observation effective on the latest day; of those, the one recorded last.
pub(super) fn add_contracts(
    known: Vec<ContractFact>,
    observed: &[ContractFact],
) -> Vec<ContractFact> {
    if observed.is_empty() {
        return known;
    }
    let mut by_key: BTreeMap<(Label, Label), ContractFact> =
        known.into_iter().map(|fact| (key(&fact), fact)).collect();
    for fact in observed {
        let newer = by_key.get(&key(fact)).is_none_or(|held| {
            (held.effective_on, held.profile_version) < (fact.effective_on, fact.profile_version)
        });
        if newer {
            by_key.insert(key(fact), fact.clone());
        }
    }
    by_key.into_values().collect()
}

fn key(fact: &ContractFact) -> (Label, Label) {
    (fact.source.clone(), fact.contract_id.clone())
}
