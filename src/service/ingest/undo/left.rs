//! What is left of customers once facts, kinds and names of them were taken back.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};

use crate::{
    domain::{customer::profile::Profile, text::CustomerId},
    service::ingest::{commit::Changes, fold::fold_whole, locked::Locked},
    store::{
        self, customers::Customer, error::StoreError, identifiers::IdentifierDigest,
        namings::Naming,
    },
};

/// Profiles with the kinds and names that are left of what was stated.
pub(super) struct Renamed {
    profiles: HashMap<CustomerId, Profile>,
    /// Customers who are merged into others, with the kinds and names that come back when the merge ends.
    merged: Vec<Customer>,
    /// How many have another kind or name.
    pub(super) count: usize,
}

/// Gives the customers of `named`, whom the import named, the kinds and names that others stated.
pub(super) async fn rename(
    tx: &mut Tx<'_, Postgres>,
    locked: Locked,
    named: &[CustomerId],
    changed: &mut HashSet<CustomerId>,
) -> Result<Renamed, StoreError> {
    let stated = store::namings::list(tx, named).await?;
    let mut left = Renamed {
        profiles: locked.profiles,
        merged: vec![],
        count: 0,
    };
    for id in named {
        let (kind, display_name) = Naming::fold(stated.get(id).map_or(&[], Vec::as_slice));
        if let Some(profile) = left.profiles.get_mut(id) {
            if (profile.kind, &profile.display_name) != (kind, &display_name) {
                profile.kind = kind;
                profile.display_name = display_name;
                changed.insert(id.clone());
                left.count += 1;
            }
        } else if let Some(now) = locked.merged.get(id)
            && (now.0, &now.1) != (kind, &display_name)
        {
            left.merged.push(Customer {
                customer_id: id.clone(),
                kind,
                display_name,
            });
            left.count += 1;
        }
    }
    Ok(left)
}

/// The new profiles of customers who lost facts, or their kind or name: all facts that are left folded anew. Those of `open` without any
/// fact left go. Who is merged, or into whom others are merged, stays known: the merge names them.
pub(super) async fn change(
    tx: &mut Tx<'_, Postgres>,
    left: Renamed,
    open: &[CustomerId],
    mut changed: HashSet<CustomerId>,
    recorded_at: Timestamp,
) -> Result<Changes, StoreError> {
    let Renamed {
        mut profiles,
        merged,
        ..
    } = left;
    let alone = open.iter().filter(|id| {
        let profile = profiles.get(*id);
        profile.is_some_and(|profile| profile.members.is_empty())
    });
    let alone: Vec<CustomerId> = alone.cloned().collect();
    let gone = store::former_customers::list_without_facts(tx, &alone).await?;
    let mut former = Vec::with_capacity(gone.len());
    for id in gone {
        changed.remove(&id);
        if let Some(profile) = profiles.remove(&id) {
            former.push((id, profile.version + 1));
        }
    }
    profiles.retain(|id, _| changed.contains(id));
    for profile in profiles.values_mut() {
        profile.version += 1;
        profile.recorded_at = recorded_at;
    }
    fold_whole(tx, profiles.values_mut()).await?;
    let customers = profiles.values().map(|profile| Customer {
        customer_id: profile.customer_id.clone(),
        kind: profile.kind,
        display_name: profile.display_name.clone(),
    });
    let customers: Vec<Customer> = customers.chain(merged).collect();
    store::customers::upsert(tx, &customers, recorded_at).await?;
    Ok(Changes {
        profiles,
        identifiers: vec![],
        new_currency: false,
        imported: None,
        former,
        merged: vec![],
    })
}

/// Lets the customers who stay be found by what is left of the identifiers of those who were merged into them.
pub(super) async fn renew_group_owners(
    tx: &mut Tx<'_, Postgres>,
    withdrawn: &[(CustomerId, IdentifierDigest)],
    locked: &Locked,
) -> Result<(), StoreError> {
    for (id, digest) in withdrawn {
        if let Some(profile) = locked.profile(id).filter(|it| !it.members.is_empty()) {
            let (root, members) = (&profile.customer_id, &profile.members);
            store::identifiers::renew_group_owners(tx, root, members, &[*digest]).await?;
        }
    }
    Ok(())
}
