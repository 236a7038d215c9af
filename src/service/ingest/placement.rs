//! Whose a fact is that names its customer as the source does: by a phone number, an e-mail address or an id of another system.
//!
//! Customers are looked up before the transaction that writes, because it locks them in one order, and looked at again under their
//! locks: what an identifier named meanwhile may have changed. Nothing here reads memory, whose owners may lag behind a lost commit.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use sqlx::{PgConnection, Postgres, Transaction as Tx};

use super::{Ingest, locked::Locked};
use crate::{
    domain::{calendar::Day, customer::Identifier, text::CustomerId},
    service::{answer::subjects::Subject, error::ServiceError},
    store::{
        self,
        error::StoreError,
        identifiers::{IdentifierDigest, IdentifierFact, IdentifierKey, IdentifierState},
    },
};

/// What happens to a fact whose subject names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownCustomer {
    /// It is refused.
    Refuse,
    /// The customer is created.
    Create,
}

/// The customer of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The customer.
    pub customer_id: CustomerId,
    /// By which identifier they were found; `None` for those who are named by id.
    pub found_by: Option<Arc<FoundBy>>,
}

/// The identifier by which the customer of a fact was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBy {
    digest: IdentifierDigest,
    /// What may be shown of it.
    display: String,
    /// Whether nobody had it, so that the customer is to be created with it.
    creates: bool,
    /// Day on which the fact that names it came.
    seen_on: Day,
}

impl Placed {
    fn by_identifier(
        customer_id: CustomerId,
        identifier: &Identifier,
        digest: IdentifierDigest,
        creates: bool,
        seen_on: Day,
    ) -> Self {
        let display = identifier.masked();
        Self {
            customer_id,
            found_by: Some(Arc::new(FoundBy {
                digest,
                display,
                creates,
                seen_on,
            })),
        }
    }
}

/// Why a subject does not say whose a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unplaced {
    /// Nobody has it.
    Unknown,
    /// So many customers share it.
    Shared(usize),
}

/// The customers of the subjects of a call.
#[derive(Debug, Default)]
pub struct Placement {
    found: HashMap<Subject, Result<Placed, Unplaced>>,
}

impl Placement {
    /// The customer of a subject; one that was not asked for is unknown.
    ///
    /// # Errors
    /// When it names nobody, or several customers.
    pub fn get(&self, subject: &Subject) -> Result<Placed, Unplaced> {
        let found = self.found.get(subject).cloned();
        found.unwrap_or(Err(Unplaced::Unknown))
    }
}

/// Looks up the customers of distinct subjects; those that nobody has get the id that they would be created with, if they may be.
pub(super) async fn place(
    ingest: &Ingest,
    subjects: &[Subject],
    unknown: UnknownCustomer,
) -> Result<Placement, ServiceError> {
    if subjects.is_empty() {
        return Ok(Placement::default());
    }
    let seen_on = Day::in_zone(ingest.clock.now(), &ingest.zone);
    let seen_on = seen_on.map_err(|error| ServiceError::Internal(Box::new(error)))?;
    let mut connection = ingest.read_pool.acquire().await?;
    let (mut by_id, mut by_identifier) = (vec![], vec![]);
    for subject in subjects {
        match subject {
            Subject::Customer(id) => by_id.push(id.clone()),
            Subject::Identifier(one) => by_identifier.push((one, ingest.key.digest(one))),
        }
    }
    let mut found = place_ids(&mut connection, by_id, unknown).await?;
    let digests: Vec<IdentifierDigest> = by_identifier.iter().map(|(_, digest)| *digest).collect();
    let owners = store::identifiers::list_owners(&mut connection, &digests).await?;
    let mut nobody = vec![];
    for (identifier, digest) in by_identifier {
        let placed = match owners.get(&digest).map_or(&[][..], Vec::as_slice) {
            [] if unknown == UnknownCustomer::Create => {
                nobody.push((identifier, digest));
                continue;
            }
            [] => Err(Unplaced::Unknown),
            [owner] => Ok(Placed::by_identifier(
                owner.clone(),
                identifier,
                digest,
                false,
                seen_on,
            )),
            several => Err(Unplaced::Shared(several.len())),
        };
        found.insert(Subject::Identifier(identifier.clone()), placed);
    }
    let ids = new_ids(&mut connection, &ingest.key, &nobody).await?;
    for ((identifier, digest), id) in nobody.into_iter().zip(ids) {
        let placed = Placed::by_identifier(id, identifier, digest, true, seen_on);
        found.insert(Subject::Identifier(identifier.clone()), Ok(placed));
    }
    Ok(Placement { found })
}

/// The customers of subjects that are customer ids.
async fn place_ids(
    connection: &mut PgConnection,
    ids: Vec<CustomerId>,
    unknown: UnknownCustomer,
) -> Result<HashMap<Subject, Result<Placed, Unplaced>>, StoreError> {
    let known = match unknown {
        UnknownCustomer::Refuse => store::profiles::list_known(connection, &ids).await?,
        UnknownCustomer::Create => ids.iter().cloned().collect(),
    };
    let place = |customer_id: CustomerId| {
        let placed = Placed {
            customer_id: customer_id.clone(),
            found_by: None,
        };
        let placed = known.contains(&customer_id).then_some(placed);
        (
            Subject::Customer(customer_id),
            placed.ok_or(Unplaced::Unknown),
        )
    };
    Ok(ids.into_iter().map(place).collect())
}

/// The ids of customers who are created with `identifiers`, in their order: the same one for the same identifier, unless a customer of
/// that id has lost the identifier since. Then it is somebody else's now, and their facts are not to be mixed.
async fn new_ids(
    connection: &mut PgConnection,
    key: &IdentifierKey,
    identifiers: &[(&Identifier, IdentifierDigest)],
) -> Result<Vec<CustomerId>, StoreError> {
    let mut ids = Vec::with_capacity(identifiers.len());
    for (identifier, _) in identifiers {
        ids.push(key.customer_id(identifier, 1)?);
    }
    for number in 2.. {
        let states = store::identifiers::list_states(connection, &ids).await?;
        let mut all_free = true;
        for (id, (identifier, digest)) in ids.iter_mut().zip(identifiers) {
            if has_stated(&states, id, digest) {
                *id = key.customer_id(identifier, number)?;
                all_free = false;
            }
        }
        if all_free {
            break;
        }
    }
    Ok(ids)
}

/// Whether an identifier ever began or ended on a customer, as far as is recorded. Of one that nobody has, it ended: the customer has lost it.
/// Nothing is recorded where the import that named it first was undone.
fn has_stated(
    states: &HashMap<CustomerId, Vec<IdentifierState>>,
    customer: &CustomerId,
    digest: &IdentifierDigest,
) -> bool {
    let mut states = states.get(customer).into_iter().flatten();
    states.any(|state| state.digest == *digest)
}

/// The identifiers by which the customers of a batch were found.
#[derive(Default)]
pub(super) struct Confirmed {
    /// Those that begin with this transaction if their customers, who are created, get a fact.
    pub(super) begun: Vec<IdentifierFact>,
    /// Those with which their customers are or were created. Memory looks again for them also where nothing is written: they may have come
    /// with a commit whose answer was lost.
    pub(super) creating: Vec<IdentifierDigest>,
}

/// Checks, under the locks of the customers, that each of `placed` is still the one whom the identifier names.
///
/// # Errors
/// [`StoreError::Conflict`] when an identifier names somebody else by now: the subjects must be looked up again.
pub(super) async fn confirm<'a>(
    tx: &mut Tx<'_, Postgres>,
    placed: impl Iterator<Item = (&'a CustomerId, Option<&'a Arc<FoundBy>>)>,
    locked: &Locked,
) -> Result<Confirmed, StoreError> {
    let placed: HashMap<IdentifierDigest, (&CustomerId, &FoundBy)> = placed
        .filter_map(|(customer, found_by)| found_by.map(|it| (it.digest, (customer, &**it))))
        .collect();
    if placed.is_empty() {
        return Ok(Confirmed::default());
    }
    let digests: Vec<IdentifierDigest> = placed.keys().copied().collect();
    let owners = store::identifiers::list_owners(tx, &digests).await?;
    let known = placed.values().map(|(customer, _)| *customer);
    let known = known.filter(|customer| locked.profile(customer).is_some());
    let known: Vec<CustomerId> = known.cloned().collect();
    let states = store::identifiers::list_states(tx, &known).await?;
    let (mut begun, mut creating) = (vec![], vec![]);
    for (digest, (customer, found_by)) in placed {
        if found_by.creates {
            creating.push(digest);
        }
        match owners.get(&digest).map_or(&[][..], Vec::as_slice) {
            [owner] if owner == customer => {}
            [] if found_by.creates && !has_stated(&states, customer, &digest) => {
                begun.push(IdentifierFact {
                    customer_id: customer.clone(),
                    digest,
                    display: found_by.display.clone(),
                    begins: true,
                    observed_on: found_by.seen_on,
                    source: None,
                    of_all_sources: false,
                    profile_version: locked.version(customer) + 1,
                });
            }
            _ => return Err(StoreError::overtaken("the owner of an identifier changed")),
        }
    }
    Ok(Confirmed { begun, creating })
}

/// Records the identifiers that customers are created with: those of the customers who get a fact.
pub(super) async fn insert_begun(
    tx: &mut Tx<'_, Postgres>,
    mut begun: Vec<IdentifierFact>,
    created: &HashSet<&CustomerId>,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    begun.retain(|fact| created.contains(&fact.customer_id));
    store::identifiers::insert(tx, &begun, recorded_at).await
}
