//! Making stored profiles anew where an earlier version of the program folded the same facts otherwise.
//!
//! Run before anything is served, by who brings the database to the schema of this program; a further run does nothing.

use jiff::Timestamp;

use crate::{
    domain::{
        clv::history::LogGaps,
        customer::{
            group::Groups,
            profile::{FOLD_VERSION, Profile},
        },
        text::CustomerId,
    },
    service::answer::profiles::fold_all,
    store::{self, error::StoreError, pool::Pool},
};

/// How many customers are folded in one transaction.
const BATCH: i64 = 1_000;

/// Whether profiles are stored that an earlier version of the fold made.
///
/// # Errors
/// When the database cannot be asked.
pub async fn is_due(pool: &Pool) -> Result<bool, StoreError> {
    let mut connection = pool.acquire().await?;
    Ok(!store::profile_fold::is_current(&mut connection, FOLD_VERSION).await?)
}

/// Folds the customers whose profiles may be other ones by now from all their facts. A profile that changes has a new version, as after any
/// write. Returns how many did.
///
/// # Errors
/// When the database cannot be asked; then it can be run again.
pub async fn refold(pool: &Pool, recorded_at: Timestamp) -> Result<u64, StoreError> {
    let mut changed = 0;
    // A start that changes nothing writes nothing: the database may take no writes.
    let mut connection = pool.acquire().await?;
    if store::profile_fold::is_noted(&mut connection, FOLD_VERSION).await? {
        return Ok(0);
    }
    drop(connection);
    if is_due(pool).await? {
        for affected in [Affected::Refunded, Affected::MergedInto] {
            changed += refold_affected(pool, affected, recorded_at).await?;
        }
        sum_log_gaps(pool).await?;
    }
    let mut tx = pool.begin().await?;
    store::profile_fold::upsert(&mut tx, FOLD_VERSION).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Customers whose profiles an earlier version may have made otherwise.
#[derive(Debug, Clone, Copy)]
enum Affected {
    /// Those with a refund or reversal.
    Refunded,
    /// Those into whom others are merged.
    MergedInto,
}

async fn refold_affected(
    pool: &Pool,
    affected: Affected,
    recorded_at: Timestamp,
) -> Result<u64, StoreError> {
    let mut changed = 0;
    let mut after = String::new();
    loop {
        // The customers are listed in the transaction that folds them: a pool of one connection is enough.
        let mut tx = pool.begin().await?;
        let customers = match affected {
            Affected::Refunded => {
                store::profile_fold::list_refunded(&mut tx, &after, BATCH).await?
            }
            Affected::MergedInto => {
                store::profile_fold::list_merged_into(&mut tx, &after, BATCH).await?
            }
        };
        let Some(last) = customers.last() else {
            return Ok(changed);
        };
        last.as_str().clone_into(&mut after);
        let customers = with_roots(&mut tx, customers).await?;
        store::locks::lock_customers(&mut tx, &customers).await?;
        let profiles = changed_profiles(&mut tx, &customers, recorded_at).await?;
        let versions = store::profiles::upsert(&mut tx, &profiles).await?;
        store::change_log::insert(&mut tx, &versions, recorded_at).await?;
        tx.commit().await?;
        changed += versions.len() as u64;
    }
}

/// Sums the gaps between purchase days where an earlier program did not. No profile changes by that.
async fn sum_log_gaps(pool: &Pool) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let mut tx = pool.begin().await?;
        let customers = store::profile_fold::list_without_log_gaps(&mut tx, &after, BATCH).await?;
        let Some((last, _)) = customers.last() else {
            return Ok(());
        };
        last.as_str().clone_into(&mut after);
        let sums: Vec<(CustomerId, LogGaps)> = customers
            .into_iter()
            .map(|(id, history)| (id, history.log_gaps()))
            .collect();
        store::profile_fold::update_log_gaps(&mut tx, &sums).await?;
        tx.commit().await?;
    }
}

/// `customers`, and those into whom some of them are merged. Nobody merges customers before anything is served.
async fn with_roots(
    tx: &mut sqlx::PgConnection,
    mut customers: Vec<CustomerId>,
) -> Result<Vec<CustomerId>, StoreError> {
    let parents = store::merges::list_parents(tx, &customers).await?;
    let roots = store::merges::list_roots(tx, parents).await?;
    customers.extend(roots.into_values());
    customers.sort();
    customers.dedup();
    Ok(customers)
}

/// The profiles that are other ones when folded anew.
async fn changed_profiles(
    tx: &mut sqlx::PgConnection,
    customers: &[CustomerId],
    recorded_at: Timestamp,
) -> Result<Vec<Profile>, StoreError> {
    let profiles = store::profiles::list(tx, customers).await?;
    let groups = Groups::from_profiles(profiles.values());
    let mut facts = store::facts::list_joined(tx, customers, None, &groups).await?;
    let anew = profiles.into_values().filter_map(|profile| {
        let facts = facts.remove(&profile.customer_id).unwrap_or_default();
        let history = fold_all(&facts);
        (history != profile.history).then(|| Profile {
            version: profile.version + 1,
            recorded_at,
            history,
            ..profile
        })
    });
    Ok(anew.collect())
}
