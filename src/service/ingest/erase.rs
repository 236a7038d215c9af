//! Erasing a customer: everything that is stored of them goes, and what comes of them again is refused.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    Ingest,
    commit::{Changes, begin, commit, list_locked},
};
use crate::{
    domain::text::CustomerId,
    service::{error::ServiceError, retry::retry},
    store::{
        self,
        erasure::{self, ErasedRows},
        error::StoreError,
    },
};

/// What may come of an erased customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// Nothing: facts that name them are refused.
    Refused,
    /// Facts that name them make a new customer.
    Allowed,
}

/// What was erased, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedCustomer {
    /// How many rows of each sort.
    pub rows: ErasedRows,
    /// When the customer was erased, now or before; `None` where nothing refuses their facts.
    pub erased_at: Option<Timestamp>,
}

/// Erases a customer, or says what would be erased. Of one who was erased before, changes what may come again.
pub(super) async fn erase(
    ingest: &Ingest,
    customer: &CustomerId,
    then: Return,
    validate_only: bool,
    deadline: Instant,
) -> Result<ErasedCustomer, ServiceError> {
    let erased = retry(|| try_erase(ingest, customer, then, validate_only, deadline)).await?;
    erased.ok_or_else(|| ServiceError::UnknownCustomer(customer.clone()))
}

/// `None` for a customer of whom nothing was ever known.
async fn try_erase(
    ingest: &Ingest,
    customer: &CustomerId,
    then: Return,
    validate_only: bool,
    deadline: Instant,
) -> Result<Option<ErasedCustomer>, StoreError> {
    let now = ingest.clock.now();
    let customers = [customer.clone()];
    let mut tx = begin(ingest, &customers, deadline).await?;
    let locked = list_locked(ingest, &mut tx, &customers).await?;
    let is_known = locked.profiles.contains_key(customer);
    let earlier = locked.erased_at(customer);
    if locked.version(customer) == 0 {
        return Ok(None);
    }
    // Facts of one who is not known any more were withdrawn, and are still on record.
    let version = locked.version(customer) + i64::from(is_known);
    let held = store::identifiers::list_states(&mut tx, &customers).await?;
    let digests = held.into_values().flatten().map(|state| state.digest);
    let held: Vec<_> = digests.map(|digest| (customer.clone(), digest)).collect();
    let rows = erasure::delete_all(&mut tx, customer).await?;
    store::identifiers::renew_owners(&mut tx, &held).await?;
    let erased_at = match then {
        Return::Refused => Some(earlier.unwrap_or(now)),
        Return::Allowed => None,
    };
    let erased = ErasedCustomer { rows, erased_at };
    if validate_only {
        tx.rollback().await?;
        return Ok(Some(erased));
    }
    store::former_customers::set_erased(&mut tx, customer, version, erased_at).await?;
    let former = is_known.then(|| (customer.clone(), version));
    let changes = Changes {
        profiles: HashMap::new(),
        identifiers: held.into_iter().map(|(_, digest)| digest).collect(),
        new_currency: false,
        imported: None,
        former: former.into_iter().collect(),
    };
    commit(ingest, tx, changes, now).await?;
    if is_known {
        ingest.metrics.erased_customers.inc();
    }
    Ok(Some(erased))
}
