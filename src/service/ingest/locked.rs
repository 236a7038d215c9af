//! The customers whose locks a transaction holds, and what is known of them.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};
use tokio::time::Instant;

use super::Ingest;
use crate::{
    domain::{customer::profile::Profile, text::CustomerId},
    store::{
        self,
        customers::KindAndName,
        error::StoreError,
        former_customers::{FormerCustomer, Gone},
    },
};

/// Customers whose locks a transaction holds.
pub(super) struct Locked {
    /// The profiles of those who are known; of those who are merged, the profiles of the customers who stay.
    pub(super) profiles: HashMap<CustomerId, Profile>,
    /// The last versions of those who were known once.
    pub(super) former: HashMap<CustomerId, FormerCustomer>,
    /// The kinds and names of those who are merged.
    pub(super) merged: HashMap<CustomerId, KindAndName>,
    /// The customers who stay of those who are merged, whose locks are held too; and of all others who are merged into the same ones.
    roots: HashMap<CustomerId, CustomerId>,
}

impl Locked {
    /// The customer with whose profile the facts of a customer are.
    pub(super) fn root<'a>(&'a self, id: &'a CustomerId) -> &'a CustomerId {
        self.roots.get(id).unwrap_or(id)
    }

    /// The profile that contains the facts of a customer.
    pub(super) fn profile(&self, id: &CustomerId) -> Option<&Profile> {
        self.profiles.get(self.root(id))
    }

    /// The version of what is known of a customer; 0 for one who never was.
    pub(super) fn version(&self, id: &CustomerId) -> i64 {
        let known = self.profile(id).map(|profile| profile.version);
        let former = self.former.get(id).map(|former| former.version);
        known.or(former).unwrap_or_default()
    }

    /// When a customer was erased, if nothing is to be recorded of them again.
    pub(super) fn erased_at(&self, id: &CustomerId) -> Option<Timestamp> {
        self.former.get(id).and_then(|former| former.erased_at)
    }

    /// Those who were erased, if nothing is to be recorded of them again.
    pub(super) fn erased(&self) -> HashSet<CustomerId> {
        let former = self.former.iter();
        let erased = former.filter(|(_, former)| former.erased_at.is_some());
        erased.map(|(id, _)| id.clone()).collect()
    }

    /// Kind and name of a customer who is known.
    pub(super) fn naming(&self, id: &CustomerId) -> Option<KindAndName> {
        if let Some(naming) = self.merged.get(id) {
            return Some(naming.clone());
        }
        let profile = self.profiles.get(id)?;
        Some((profile.kind, profile.display_name.clone()))
    }

    /// Whether two ids are of one customer, by merges; one of them is locked.
    pub(super) fn is_one(&self, id: &CustomerId, other: &CustomerId) -> bool {
        self.root(id) == self.root(other)
    }

    /// Whether the profile of a customer contains facts of others: then all of them are folded.
    pub(super) fn is_grouped(&self, id: &CustomerId) -> bool {
        self.profile(id).is_some_and(|it| !it.members.is_empty())
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
) -> Result<(Tx<'static, Postgres>, Locked), StoreError> {
    let tx = begin_limited(ingest, deadline).await?;
    lock(ingest, tx, customers, deadline).await
}

/// Takes the locks of `customers` in `tx`. Where some are merged, the locks of the customers who stay are needed too: all are taken anew,
/// in one order, in another transaction.
///
/// # Errors
/// [`StoreError::Conflict`] when merges change again and again meanwhile.
pub(super) async fn lock(
    ingest: &Ingest,
    mut tx: Tx<'static, Postgres>,
    customers: &[CustomerId],
    deadline: Instant,
) -> Result<(Tx<'static, Postgres>, Locked), StoreError> {
    /// A merge that changes in between costs one; several in a row are no accident.
    const MOST_TRIES: usize = 4;
    let mut keys = customers.to_vec();
    for _ in 0..MOST_TRIES {
        store::locks::lock_customers(&mut tx, &keys).await?;
        let locked = list_locked(ingest, &mut tx, customers).await?;
        let roots = locked.merged.keys().map(|id| locked.root(id));
        let missing: Vec<&CustomerId> = roots.filter(|root| !keys.contains(root)).collect();
        if missing.is_empty() {
            return Ok((tx, locked));
        }
        keys = distinct(customers.iter().chain(missing));
        tx.rollback().await?;
        tx = begin_limited(ingest, deadline).await?;
    }
    Err(StoreError::overtaken("the merges of a customer changed"))
}

/// The profiles of customers whose locks `tx` holds: no other transaction can change them until its end. To change who is merged into a customer, a
/// transaction holds the lock of the one who stays, before and after.
///
/// Memory learns which versions there are, whatever this call comes to write. The answer to the commit that made one may have been lost, a
/// load may since have brought what was before it, and the caller who sends the batch again is told that it is known.
async fn list_locked(
    ingest: &Ingest,
    tx: &mut Tx<'_, Postgres>,
    customers: &[CustomerId],
) -> Result<Locked, StoreError> {
    let mut profiles = store::profiles::list(tx, customers).await?;
    let unknown = customers.iter().filter(|id| !profiles.contains_key(*id));
    let unknown: Vec<CustomerId> = unknown.cloned().collect();
    let (mut former, mut parents) = (HashMap::new(), HashMap::new());
    for (id, gone) in store::former_customers::list(tx, &unknown).await? {
        match gone {
            Gone::Merged(version, into) => {
                ingest.profiles.invalidate_older_than(&id, version);
                parents.insert(id, into);
            }
            Gone::Former(gone) => {
                ingest.profiles.invalidate_older_than(&id, gone.version);
                former.insert(id, gone);
            }
            // Nobody gets one while the lock is held.
            Gone::Back => {}
        }
    }
    let stay = store::merges::list_roots(tx, parents).await?;
    let merged = list_merged(tx, &stay, &mut profiles).await?;
    for (customer, profile) in &profiles {
        ingest
            .profiles
            .invalidate_older_than(customer, profile.version);
    }
    let members = profiles.values().flat_map(|profile| {
        let members = profile.members.iter();
        members.map(|id| (id.clone(), profile.customer_id.clone()))
    });
    let roots = members.chain(stay).collect();
    Ok(Locked {
        profiles,
        former,
        merged,
        roots,
    })
}

/// The kinds and names of those who are merged; `roots` are the customers who stay, whose profiles are added.
async fn list_merged(
    tx: &mut Tx<'_, Postgres>,
    roots: &HashMap<CustomerId, CustomerId>,
    profiles: &mut HashMap<CustomerId, Profile>,
) -> Result<HashMap<CustomerId, KindAndName>, StoreError> {
    if roots.is_empty() {
        return Ok(HashMap::new());
    }
    profiles.extend(store::profiles::list(tx, &distinct(roots.values())).await?);
    let stored = store::customers::list(tx, &distinct(roots.keys())).await?;
    let named = stored.into_iter().map(|customer| {
        let naming = (customer.kind, customer.display_name);
        (customer.customer_id, naming)
    });
    Ok(named.collect())
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
