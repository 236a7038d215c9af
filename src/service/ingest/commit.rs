//! The end that every ingest transaction has in common.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};
use tokio::time::Instant;

use super::Ingest;
use crate::{
    cache::profiles::{HeldProfile, ProfileCache},
    domain::{
        calendar::Day,
        customer::{
            CustomerKind,
            profile::{DatedProfile, Profile},
        },
        text::CustomerId,
    },
    service::{answer::profiles::list_earlier, completion::spawn_to_completion},
    store::{self, error::StoreError, identifiers::IdentifierDigest},
};

/// What a transaction changes of what memory may hold.
pub(super) struct Changes {
    /// Profiles, as they now are.
    pub(super) profiles: HashMap<CustomerId, Profile>,
    /// Identifiers that begin or end on a customer.
    pub(super) identifiers: Vec<IdentifierDigest>,
    /// Whether a currency came into use.
    pub(super) new_currency: bool,
}

/// Stores the profiles that the transaction changed, appends them to the change log, commits, and brings memory up to date.
pub(super) async fn commit(
    ingest: &Ingest,
    mut tx: Tx<'static, Postgres>,
    changes: Changes,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    let Changes {
        profiles: written,
        identifiers: digests,
        new_currency,
    } = changes;
    let versions = store::profiles::upsert(&mut tx, written.values()).await?;
    store::change_log::insert(&mut tx, &versions, recorded_at).await?;
    // A day that the zone does not know is none ahead of which anything could be.
    let earlier = match Day::in_zone(recorded_at, &ingest.zone) {
        Ok(today) => list_earlier(&mut tx, &ingest.profiles, &written, today).await?,
        Err(_) => HashMap::new(),
    };
    let (profiles, identifiers) = (
        Arc::clone(&ingest.profiles),
        Arc::clone(&ingest.identifiers),
    );
    let bases = Arc::clone(&ingest.bases);
    let pool = ingest.pool.clone();
    spawn_to_completion(async move {
        pool.check_open()?;
        let committed = tx.commit().await;
        if committed.is_ok() {
            if let Some(day) = last_purchase(&written) {
                bases.note_purchase(day);
            }
            put_in(&profiles, written, earlier);
        } else {
            // The connection broke, so it may be committed or not.
            for customer in written.keys() {
                profiles.invalidate_unsure(customer);
            }
            if new_currency {
                bases.invalidate_unsure();
            }
        }
        identifiers.renew(&digests).await;
        if new_currency && let Err(error) = bases.renew().await {
            tracing::warn!(error.cause = %error, "could not refresh the basis after a new currency appeared; retrying");
        }
        Ok(committed?)
    })
    .await
}

/// The day of the last purchase of persons and companies among these.
fn last_purchase(written: &HashMap<CustomerId, Profile>) -> Option<Day> {
    let customers = written.values();
    let customers = customers.filter(|profile| profile.kind != CustomerKind::Employee);
    let purchases = customers.filter_map(|profile| profile.history.purchases.last());
    purchases.map(|entry| entry.day).max()
}

/// Puts committed profiles in the place of those that memory holds, so that who was answered before the write is answered after it, also
/// when the database goes away.
fn put_in(
    cache: &ProfileCache,
    changed: HashMap<CustomerId, Profile>,
    mut earlier: HashMap<CustomerId, Vec<DatedProfile>>,
) {
    for (customer, profile) in changed {
        let (version, earlier) = (profile.version, earlier.remove(&customer));
        cache.commit(&customer, version, || HeldProfile {
            earlier: earlier.unwrap_or_default().into(),
            ..HeldProfile::from_profile(Some(Arc::new(profile)))
        });
    }
}

/// By how much a statement may outlive the deadline of its call.
const GRACE: Duration = Duration::from_millis(200);

/// No statement of an ingest transaction runs longer, however patient the caller.
const LONGEST_STATEMENT: Duration = Duration::from_secs(30);

/// Begins a transaction that holds the locks of `customers`, none of whose statements outlives `deadline`.
pub(super) async fn begin(
    ingest: &Ingest,
    customers: &[CustomerId],
    deadline: Instant,
) -> Result<Tx<'static, Postgres>, StoreError> {
    let mut tx = begin_limited(ingest, deadline).await?;
    store::locks::lock_customers(&mut tx, customers).await?;
    Ok(tx)
}

/// The profiles of customers whose locks `tx` holds: nobody else can change them until its end.
///
/// Memory learns which versions there are, whatever this call comes to write. The answer to the commit that made one may have been lost, a
/// load may since have brought what was before it, and the caller who sends the batch again is told that it is known.
pub(super) async fn list_locked(
    ingest: &Ingest,
    tx: &mut Tx<'_, Postgres>,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Profile>, StoreError> {
    let profiles = store::profiles::list(tx, customers).await?;
    for (customer, profile) in &profiles {
        ingest
            .profiles
            .invalidate_older_than(customer, profile.version);
    }
    Ok(profiles)
}

/// Begins a transaction none of whose statements outlives `deadline`.
pub(super) async fn begin_limited(
    ingest: &Ingest,
    deadline: Instant,
) -> Result<Tx<'static, Postgres>, StoreError> {
    let mut tx = ingest.pool.begin().await?;
    // A little longer than the call: that the deadline passed is for its own layer to say.
    let left = deadline.saturating_duration_since(Instant::now()) + GRACE;
    let left = left.min(LONGEST_STATEMENT);
    store::locks::limit_statements(&mut tx, left).await?;
    Ok(tx)
}

/// The sorted customers of a batch, each once.
pub(super) fn distinct<'a>(customers: impl Iterator<Item = &'a CustomerId>) -> Vec<CustomerId> {
    let mut ids: Vec<CustomerId> = customers.cloned().collect();
    ids.sort();
    ids.dedup();
    ids
}
