//! Merging customers and ending merges.
//!
//! A merge is a link, and no fact moves: the profile of the customer who stays is folded from the facts of all, that of the other one goes.
//! Ending it folds both anew. Both profiles go on with one version, above all before, so that a fact's version stays below those of all
//! profiles that contain it, of either customer.

mod effect;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};
use tokio::time::Instant;

pub use self::effect::{DifferingAttribute, FactsKind, MergeEffect, MergedFacts};
use self::effect::{Sides, effect};
use super::{
    Ingest,
    commit::{Changes, commit},
    fold::fold_whole,
    locked::{Locked, begin, distinct},
};
use crate::{
    domain::{
        customer::{
            group::MAX_MEMBERS,
            profile::{History, Profile},
        },
        text::{CustomerId, Label},
    },
    service::{
        customers::list_identifiers,
        error::{CorrectionError, ServiceError},
        retry::retry,
    },
    store::{
        self,
        error::StoreError,
        identifiers::{HeldIdentifier, IdentifierDigest},
        merges::Merge,
    },
};

/// Whether customers are merged or unmerged, or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeMode {
    /// It is done.
    Apply,
    /// Nothing changes.
    Preview,
}

/// Who is to be merged into whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRequest {
    /// The customer who stays.
    pub customer_id: CustomerId,
    /// The customer who is merged, another one.
    pub merged_id: CustomerId,
    /// Why.
    pub reason: Option<Label>,
}

/// What came of a merge.
#[derive(Debug)]
pub struct MergedCustomers {
    /// The merge; `None` of one that was only looked at.
    pub merge: Option<Merge>,
    /// What changed; `None` if they were merged already.
    pub effect: Option<MergeEffect>,
}

/// Merges a customer into another one, or says what that would change.
pub(super) async fn merge(
    ingest: &Ingest,
    request: &MergeRequest,
    mode: MergeMode,
    deadline: Instant,
) -> Result<MergedCustomers, ServiceError> {
    retry(&ingest.pool, || merge_once(ingest, request, mode, deadline)).await
}

async fn merge_once(
    ingest: &Ingest,
    request: &MergeRequest,
    mode: MergeMode,
    deadline: Instant,
) -> Result<MergedCustomers, ServiceError> {
    let recorded_at = ingest.clock.now();
    let (root, merged) = (&request.customer_id, &request.merged_id);
    let customers = distinct([root, merged].into_iter());
    let (mut tx, locked) = begin(ingest, &customers, deadline).await?;
    if is_merged(&locked, root, merged)? {
        let merge = store::merges::find(&mut tx, merged).await?;
        return Ok(MergedCustomers {
            merge,
            effect: None,
        });
    }
    let [kept, gone] = [root, merged].map(|id| locked.profile(id).cloned());
    let (Some(kept), Some(gone)) = (kept, gone) else {
        return Err(CorrectionError::CustomersNotFound(customers).into());
    };
    let mut together = Profile {
        version: kept.version.max(gone.version) + 1,
        recorded_at,
        members: joined_members(&kept, &gone)?,
        ..kept.clone()
    };
    fold_whole(&mut tx, [&mut together]).await?;
    let of_kept = list_identifiers(&mut tx, &kept).await?;
    let of_gone = list_identifiers(&mut tx, &gone).await?;
    let sides = Sides {
        kept: (&kept, &of_kept),
        merged: (&gone, &of_gone),
        together: &together,
    };
    let (before, after) = ([&kept, &gone], [&together]);
    let effect = effect(ingest, &mut tx, sides, &before, &after).await?;
    let mut merge = None;
    if mode == MergeMode::Apply {
        let version = together.version;
        let reason = request.reason.as_ref();
        store::merges::insert(&mut tx, (merged, root), version, reason, recorded_at).await?;
        merge = store::merges::find(&mut tx, merged).await?;
        store::profiles::delete(&mut tx, merged).await?;
        store::profiles::update_members(&mut tx, &together).await?;
        let identifiers = digests(&of_gone);
        renew_owners(&mut tx, &together, &identifiers).await?;
        let changes = Changes {
            profiles: HashMap::from([(root.clone(), together)]),
            identifiers,
            new_currency: false,
            imported: None,
            former: vec![],
            merged: vec![(merged.clone(), version, root.clone())],
        };
        commit(ingest, tx, changes, recorded_at).await?;
    }
    Ok(MergedCustomers {
        merge,
        effect: Some(effect),
    })
}

/// Whether the two are merged already.
///
/// # Errors
/// One of them is not known, or merged into somebody else.
fn is_merged(
    locked: &Locked,
    root: &CustomerId,
    merged: &CustomerId,
) -> Result<bool, CorrectionError> {
    let ids = [root, merged];
    let unknown = ids.into_iter().filter(|id| locked.profile(id).is_none());
    let unknown: Vec<CustomerId> = unknown.cloned().collect();
    if !unknown.is_empty() {
        return Err(CorrectionError::CustomersNotFound(unknown));
    }
    if locked.merged.contains_key(merged) && locked.root(merged) == locked.root(root) {
        return Ok(true);
    }
    let elsewhere = ids.into_iter().filter_map(|id| {
        let is_merged = locked.merged.contains_key(id);
        is_merged.then(|| (id.clone(), locked.root(id).clone()))
    });
    let elsewhere: Vec<_> = elsewhere.collect();
    if elsewhere.is_empty() {
        Ok(false)
    } else {
        Err(CorrectionError::CustomersMerged(elsewhere))
    }
}

/// The customers whose facts are in the profile of `kept` after `gone` is merged into it.
fn joined_members(kept: &Profile, gone: &Profile) -> Result<Box<[CustomerId]>, CorrectionError> {
    let new = std::iter::once(&gone.customer_id);
    let all = kept.members.iter().chain(&gone.members).chain(new);
    let members = distinct(all);
    if members.len() > MAX_MEMBERS {
        return Err(CorrectionError::GroupTooLarge {
            count: members.len(),
            most: MAX_MEMBERS,
        });
    }
    Ok(members.into())
}

fn digests(identifiers: &[HeldIdentifier]) -> Vec<IdentifierDigest> {
    identifiers.iter().map(|it| it.digest).collect()
}

async fn renew_owners(
    tx: &mut Tx<'_, Postgres>,
    profile: &Profile,
    digests: &[IdentifierDigest],
) -> Result<(), StoreError> {
    let (root, members) = (&profile.customer_id, &profile.members);
    store::identifiers::renew_group_owners(tx, root, members, digests).await
}

/// Ends the merge of a customer, or says what that would change.
pub(super) async fn unmerge(
    ingest: &Ingest,
    merged: &CustomerId,
    mode: MergeMode,
    deadline: Instant,
) -> Result<MergedCustomers, ServiceError> {
    retry(&ingest.pool, || {
        unmerge_once(ingest, merged, mode, deadline)
    })
    .await
}

async fn unmerge_once(
    ingest: &Ingest,
    merged: &CustomerId,
    mode: MergeMode,
    deadline: Instant,
) -> Result<MergedCustomers, ServiceError> {
    let recorded_at = ingest.clock.now();
    let customers = std::slice::from_ref(merged);
    let (mut tx, locked) = begin(ingest, customers, deadline).await?;
    let Some(together) = locked.profile(merged) else {
        return Err(CorrectionError::CustomersNotFound(customers.to_vec()).into());
    };
    if !locked.merged.contains_key(merged) {
        return Err(CorrectionError::NotMerged(merged.clone()).into());
    }
    let (mut kept, mut back) = part(&mut tx, &locked, together, merged, recorded_at).await?;
    fold_whole(&mut tx, [&mut kept, &mut back]).await?;
    let of_kept = list_identifiers(&mut tx, &kept).await?;
    let of_back = list_identifiers(&mut tx, &back).await?;
    let sides = Sides {
        kept: (&kept, &of_kept),
        merged: (&back, &of_back),
        together,
    };
    let (before, after) = ([together], [&kept, &back]);
    let effect = effect(ingest, &mut tx, sides, &before, &after).await?;
    let mut merge = store::merges::find(&mut tx, merged).await?;
    if mode == MergeMode::Apply {
        let version = kept.version;
        store::merges::update_ended(&mut tx, merged, version, recorded_at).await?;
        if let Some(merge) = &mut merge {
            merge.unmerged_version = Some(version);
            merge.unmerged_at = Some(recorded_at);
        }
        store::profiles::upsert(&mut tx, [&kept, &back]).await?;
        for profile in [&kept, &back] {
            store::profiles::update_members(&mut tx, profile).await?;
        }
        let identifiers = digests(&of_back);
        for profile in [&kept, &back] {
            renew_owners(&mut tx, profile, &identifiers).await?;
        }
        let profiles = [kept, back].map(|profile| (profile.customer_id.clone(), profile));
        let changes = Changes {
            profiles: HashMap::from(profiles),
            identifiers,
            new_currency: false,
            imported: None,
            former: vec![],
            merged: vec![],
        };
        commit(ingest, tx, changes, recorded_at).await?;
    }
    Ok(MergedCustomers {
        merge,
        effect: Some(effect),
    })
}

/// The profile `together` without `merged` and those who are merged into that one, and the profile of these; not folded yet.
async fn part(
    tx: &mut Tx<'_, Postgres>,
    locked: &Locked,
    together: &Profile,
    merged: &CustomerId,
    recorded_at: Timestamp,
) -> Result<(Profile, Profile), StoreError> {
    let parents = store::merges::list_parents(tx, &together.members).await?;
    let is_below = |id: &CustomerId| {
        let mut at = Some(id);
        while let Some(id) = at {
            if id == merged {
                return true;
            }
            at = parents.get(id);
        }
        false
    };
    let (below, staying): (Vec<_>, Vec<_>) = together.members.iter().cloned().partition(is_below);
    let version = together.version + 1;
    let kept = Profile {
        version,
        recorded_at,
        members: staying.into(),
        ..together.clone()
    };
    let of_merged: HashSet<CustomerId> = below.into_iter().filter(|id| id != merged).collect();
    let (kind, display_name) = locked.naming(merged).unwrap_or((together.kind, None));
    let back = Profile {
        customer_id: merged.clone(),
        version,
        kind,
        display_name,
        recorded_at,
        members: distinct(of_merged.iter()).into(),
        history: History::default(),
    };
    Ok((kept, back))
}
