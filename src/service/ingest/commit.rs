//! The end that every ingest transaction has in common.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};
use tokio::time::Instant;

use super::{Call, Ingest};
use crate::{
    cache::profiles::{HeldProfile, ProfileCache},
    domain::{
        calendar::Day,
        customer::{
            CustomerKind,
            profile::{DatedProfile, Profile},
        },
        text::{CustomerId, Label},
    },
    service::{answer::profiles::list_earlier, completion::spawn_to_completion},
    store::{
        self,
        error::StoreError,
        identifiers::IdentifierDigest,
        import_writes::ImportWrite,
        imports::{ImportCount, ImportedKind},
    },
};

/// What a transaction changes of what memory may hold.
pub(super) struct Changes {
    /// Profiles, as they now are.
    pub(super) profiles: HashMap<CustomerId, Profile>,
    /// Identifiers that begin or end on a customer.
    pub(super) identifiers: Vec<IdentifierDigest>,
    /// Whether a currency came into use, or went out of it.
    pub(super) new_currency: bool,
    /// The import that the facts belong to.
    pub(super) imported: Option<Imported>,
    /// Customers without any fact left, with their last versions.
    pub(super) former: Vec<(CustomerId, i64)>,
}

/// Customers whose locks a transaction holds.
pub(super) struct Locked {
    /// The profiles of those who are known.
    pub(super) profiles: HashMap<CustomerId, Profile>,
    /// The last versions of those who were known once.
    former: HashMap<CustomerId, i64>,
}

impl Locked {
    /// The version of what is known of a customer; 0 for one who never was.
    pub(super) fn version(&self, id: &CustomerId) -> i64 {
        let known = self.profiles.get(id).map(|profile| profile.version);
        let former = self.former.get(id).copied();
        known.or(former).unwrap_or_default()
    }
}

/// What an import writes with a transaction.
pub(super) struct Imported {
    import_id: Label,
    kind: ImportedKind,
    written: usize,
    /// Of each customer the version before.
    before: HashMap<CustomerId, i64>,
}

impl Imported {
    /// What the import of a call, if it has one, writes: `written` items to some of the locked customers.
    pub(super) fn begin(
        call: &Call,
        kind: ImportedKind,
        written: usize,
        customers: &[CustomerId],
        locked: &Locked,
    ) -> Option<Self> {
        let before = |id: &CustomerId| (id.clone(), locked.version(id));
        Some(Self {
            import_id: call.import.clone()?,
            kind,
            written,
            before: customers.iter().map(before).collect(),
        })
    }

    /// The same with another number of items.
    pub(super) fn with_written(mut self, written: usize) -> Self {
        self.written = written;
        self
    }

    /// Notes it: `profiles` are as the transaction makes them.
    async fn insert(
        &self,
        tx: &mut Tx<'_, Postgres>,
        profiles: &HashMap<CustomerId, Profile>,
        recorded_at: Timestamp,
    ) -> Result<(), StoreError> {
        let number = store::imports::find_or_insert(tx, &self.import_id, recorded_at).await?;
        let count = ImportCount {
            written: i64::try_from(self.written).unwrap_or(i64::MAX),
            ..ImportCount::default()
        };
        store::imports::insert_call(tx, number, self.kind, count, None, recorded_at).await?;
        let writes = profiles.values().map(|profile| {
            let before = self.before.get(&profile.customer_id);
            ImportWrite {
                customer_id: profile.customer_id.clone(),
                import: number,
                first_version: before.copied().unwrap_or_default() + 1,
                last_version: profile.version,
            }
        });
        let writes: Vec<ImportWrite> = writes.collect();
        store::import_writes::insert(tx, &writes).await
    }
}

/// Ends a transaction that writes no fact: with a commit if it noted that facts were sent again.
pub(super) async fn end_unwritten(
    ingest: &Ingest,
    tx: Tx<'static, Postgres>,
    notes: bool,
) -> Result<(), StoreError> {
    if notes {
        ingest.pool.check_open()?;
        return Ok(tx.commit().await?);
    }
    Ok(tx.rollback().await?)
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
        imported,
        former,
    } = changes;
    if let Some(imported) = imported {
        imported.insert(&mut tx, &written, recorded_at).await?;
    }
    store::former_customers::insert(&mut tx, &former).await?;
    let mut versions = store::profiles::upsert(&mut tx, written.values()).await?;
    versions.extend(former.iter().cloned());
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
            for (customer, version) in &former {
                profiles.commit(customer, *version, || HeldProfile::former(*version));
            }
        } else {
            // The connection broke, so it may be committed or not.
            for customer in written.keys().chain(former.iter().map(|(id, _)| id)) {
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
) -> Result<Locked, StoreError> {
    let profiles = store::profiles::list(tx, customers).await?;
    let unknown = customers.iter().filter(|id| !profiles.contains_key(*id));
    let unknown: Vec<CustomerId> = unknown.cloned().collect();
    let former = store::former_customers::list(tx, &unknown).await?;
    let known = profiles
        .iter()
        .map(|(id, profile)| (id, profile.version))
        .chain(former.iter().map(|(id, version)| (id, *version)));
    for (customer, version) in known {
        ingest.profiles.invalidate_older_than(customer, version);
    }
    Ok(Locked { profiles, former })
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
