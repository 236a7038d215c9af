//! The end that every ingest transaction has in common.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};

use super::{
    Call, Ingest,
    locked::{Locked, distinct},
};
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
        profiles::PackedProfile,
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
    /// Customers who are merged with this transaction, with the version and into whom.
    pub(super) merged: Vec<(CustomerId, i64, CustomerId)>,
}

/// What an import writes with a transaction.
pub(super) struct Imported {
    import_id: Label,
    kind: ImportedKind,
    written: usize,
    /// The customers to whom it writes, as they were before.
    before: Vec<Before>,
}

/// A customer before an import writes to them.
struct Before {
    customer_id: CustomerId,
    /// With whose profile their facts are.
    root: CustomerId,
    version: i64,
}

impl Imported {
    /// What the import of a call, if it has one, writes: `written` items to some of the locked customers.
    pub(super) fn begin<'a>(
        call: &Call,
        kind: ImportedKind,
        written: usize,
        customers: impl Iterator<Item = &'a CustomerId>,
        locked: &Locked,
    ) -> Option<Self> {
        let import_id = call.import.clone()?;
        let before = |id: &CustomerId| Before {
            customer_id: id.clone(),
            root: locked.root(id).clone(),
            version: locked.version(id),
        };
        Some(Self {
            import_id,
            kind,
            written,
            before: distinct(customers).iter().map(before).collect(),
        })
    }

    /// The same with another number of items, which are of `customers`.
    pub(super) fn with_written(mut self, written: usize, customers: &HashSet<CustomerId>) -> Self {
        self.written = written;
        self.before.retain(|it| customers.contains(&it.customer_id));
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
        let writes = self.before.iter().filter_map(|before| {
            let profile = profiles.get(&before.root)?;
            Some(ImportWrite {
                customer_id: before.customer_id.clone(),
                import: number,
                first_version: before.version + 1,
                last_version: profile.version,
            })
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
        merged,
    } = changes;
    if let Some(imported) = imported {
        imported.insert(&mut tx, &written, recorded_at).await?;
    }
    store::former_customers::insert(&mut tx, &former).await?;
    let mut versions = store::profiles::upsert(&mut tx, written.values()).await?;
    versions.extend(former.iter().cloned());
    versions.extend(merged.iter().map(|(id, version, _)| (id.clone(), *version)));
    store::change_log::insert(&mut tx, &versions, recorded_at).await?;
    if ingest.bases.announcements().are_heard() {
        store::change_log::insert_identifiers(&mut tx, &digests, recorded_at).await?;
    }
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
        let committing = async { Ok::<_, StoreError>(tx.commit().await?) };
        let committed = pool.endure(committing).await;
        if committed.is_ok() {
            if let Some(day) = last_purchase(&written) {
                bases.note_purchase(day);
            }
            put_in(&profiles, written, earlier);
            for (customer, version) in &former {
                profiles.commit(customer, *version, || HeldProfile::former(*version));
            }
            for (customer, version, into) in &merged {
                let held = || HeldProfile::merged(into.clone(), *version);
                profiles.commit(customer, *version, held);
            }
        } else {
            // The connection broke or leads nowhere, so it may be committed or not.
            let gone = former.iter().map(|(id, _)| id);
            let gone = gone.chain(merged.iter().map(|(id, ..)| id));
            for customer in written.keys().chain(gone) {
                profiles.invalidate_unsure(customer);
            }
            if new_currency {
                bases.invalidate_unsure();
            }
        }
        bases.announcements().announce();
        identifiers.renew(&digests).await;
        if new_currency && let Err(error) = bases.renew().await {
            tracing::warn!(error.cause = %error, "could not refresh the basis after a new currency appeared; retrying");
        }
        committed
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
        let earlier = earlier.remove(&customer).unwrap_or_default();
        let pack = || HeldProfile {
            earlier: earlier.iter().map(Into::into).collect(),
            ..HeldProfile::known(PackedProfile::from_profile(&profile))
        };
        // Not under the lock of the cache, unless somebody asks for the customer just now.
        let packed = cache.is_wanted(&customer).then(pack);
        cache.commit(&customer, profile.version, || packed.unwrap_or_else(pack));
    }
}
