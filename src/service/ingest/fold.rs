//! New facts into the profiles of their customers.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};

use super::{
    NewFact,
    creation::{empty_profile, new_customer},
    facts::CustomerFact,
    locked::Locked,
};
use crate::{
    domain::{
        customer::{
            group::Groups,
            profile::{Facts, History, NeedsHistory, NeedsRelated, Profile, fold, fold_related},
        },
        text::CustomerId,
    },
    service::answer::profiles::fold_all,
    store::{self, error::StoreError},
};

/// Folds the new facts into the profiles of their customers: what was folded stands, except where a refund asks for earlier facts, or where
/// the profile contains facts of several customers.
pub(super) async fn fold_new<F: CustomerFact>(
    tx: &mut Tx<'_, Postgres>,
    written: &[&NewFact<F>],
    mut locked: Locked,
    recorded_at: Timestamp,
) -> Result<HashMap<CustomerId, Profile>, StoreError> {
    let mut new: HashMap<CustomerId, (Facts, &NewFact<F>, i64)> = HashMap::new();
    for item in written {
        let id = locked.root(item.fact.customer_id()).clone();
        let version = locked.version(&id) + 1;
        let entry = new.entry(id);
        let (facts, _, last) = entry.or_insert_with(|| (Facts::default(), item, version));
        *last = item
            .fact
            .version()
            .map_or(*last, |version| version.max(*last));
        item.fact.clone().add_to(facts);
    }
    let mut changed = HashMap::with_capacity(new.len());
    let mut unfolded: HashMap<CustomerId, (Box<History>, Facts)> = HashMap::new();
    for (id, (facts, first, version)) in new {
        let mut profile = locked
            .profiles
            .remove(&id)
            .unwrap_or_else(|| empty_profile(&new_customer(first), recorded_at));
        profile.version = version;
        profile.recorded_at = recorded_at;
        if !profile.members.is_empty() {
            changed.insert(id, profile);
            continue;
        }
        match fold(std::mem::take(&mut profile.history), &facts) {
            Ok(history) => profile.history = history,
            Err(NeedsRelated { history }) => {
                unfolded.insert(id.clone(), (history, facts));
            }
        }
        changed.insert(id, profile);
    }
    for (id, history) in fold_stored(tx, unfolded).await? {
        if let Some(profile) = changed.get_mut(&id) {
            profile.history = history;
        }
    }
    fold_groups(tx, &mut changed).await?;
    Ok(changed)
}

/// Folds all facts, which are stored already, of those profiles that contain facts of several customers.
pub(super) async fn fold_groups(
    tx: &mut Tx<'_, Postgres>,
    profiles: &mut HashMap<CustomerId, Profile>,
) -> Result<(), StoreError> {
    let grouped = profiles.values_mut().filter(|it| !it.members.is_empty());
    fold_whole(tx, grouped).await
}

/// Folds all facts of customers, with those of the customers who are merged into them.
pub(super) async fn fold_whole<'a>(
    tx: &mut Tx<'_, Postgres>,
    profiles: impl IntoIterator<Item = &'a mut Profile>,
) -> Result<(), StoreError> {
    let profiles: Vec<&mut Profile> = profiles.into_iter().collect();
    if profiles.is_empty() {
        return Ok(());
    }
    let groups = Groups::from_profiles(profiles.iter().map(|it| &**it));
    let ids: Vec<CustomerId> = profiles.iter().map(|it| it.customer_id.clone()).collect();
    let mut facts = store::facts::list_joined(tx, &ids, None, &groups).await?;
    for profile in profiles {
        profile.history = fold_all(&facts.remove(&profile.customer_id).unwrap_or_default());
    }
    Ok(())
}

/// Folds new facts, which are stored already, with those that they take back or are taken back by; and where that does not suffice, all
/// facts of the customer.
async fn fold_stored(
    tx: &mut Tx<'_, Postgres>,
    unfolded: HashMap<CustomerId, (Box<History>, Facts)>,
) -> Result<HashMap<CustomerId, History>, StoreError> {
    if unfolded.is_empty() {
        return Ok(HashMap::new());
    }
    let new = unfolded.values().map(|(_, facts)| facts);
    let mut related = store::related::list(tx, new).await?;
    let mut folded = HashMap::with_capacity(unfolded.len());
    let mut refold = vec![];
    for (id, (history, facts)) in unfolded {
        let related = related.remove(&id).unwrap_or_default();
        match fold_related(*history, &facts, &related) {
            Ok(history) => drop(folded.insert(id, history)),
            Err(NeedsHistory) => refold.push(id),
        }
    }
    let all = store::facts::list(tx, &refold, None).await?;
    folded.extend(all.into_iter().map(|(id, facts)| (id, fold_all(&facts))));
    Ok(folded)
}
