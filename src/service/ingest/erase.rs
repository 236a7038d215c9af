//! Erasing a customer: everything that is stored of them goes, and what comes of them again is refused.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    Ingest,
    commit::{Changes, commit},
    locked::begin,
};
use crate::{
    domain::text::CustomerId,
    service::{
        error::{CorrectionError, ServiceError},
        retry::retry,
    },
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
    /// The customer, and all who are merged into them: they are one.
    pub customers: Vec<CustomerId>,
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
    let erased = retry(&ingest.pool, || {
        try_erase(ingest, customer, then, validate_only, deadline)
    })
    .await?;
    let Some((erased, bought_last)) = erased else {
        return Err(CorrectionError::CustomersNotFound(vec![customer.clone()]).into());
    };
    if bought_last && !validate_only {
        ingest.bases.recount_last_purchase().await?;
    }
    Ok(erased)
}

/// What was erased, and whether the last purchase of all customers may have been among it; `None` for a customer who was never known.
async fn try_erase(
    ingest: &Ingest,
    customer: &CustomerId,
    then: Return,
    validate_only: bool,
    deadline: Instant,
) -> Result<Option<(ErasedCustomer, bool)>, StoreError> {
    let now = ingest.clock.now();
    let customers = [customer.clone()];
    let (mut tx, locked) = begin(ingest, &customers, deadline).await?;
    if locked.version(customer) == 0 {
        return Ok(None);
    }
    let earlier = locked.erased_at(customer);
    let profile = locked.profile(customer);
    let is_known = profile.is_some();
    // Also of one who is not known any more: the call that erased them may have ended before it was counted.
    let bought_last = profile.is_none_or(|profile| {
        let last = profile.history.purchases.last();
        last.is_some_and(|entry| Some(entry.day) >= ingest.bases.last_purchase())
    });
    // Who is merged is the same person: nothing of any of them stays.
    let records: Vec<CustomerId> = match profile {
        Some(profile) => std::iter::once(&profile.customer_id)
            .chain(&profile.members)
            .cloned()
            .collect(),
        None => customers.to_vec(),
    };
    // Facts of one who is not known any more were withdrawn, and are still on record.
    let version = locked.version(customer) + i64::from(is_known);
    let held = store::identifiers::list_states(&mut tx, &records).await?;
    let digests: HashSet<_> = held.into_values().flatten().map(|it| it.digest).collect();
    let owned: Vec<_> = records
        .iter()
        .flat_map(|id| digests.iter().map(move |digest| (id.clone(), *digest)))
        .collect();
    let erased_at = match then {
        Return::Refused => Some(earlier.unwrap_or(now)),
        Return::Allowed => None,
    };
    let mut rows = ErasedRows::default();
    for id in &records {
        rows += erasure::delete_all(&mut tx, id).await?;
        store::former_customers::set_erased(&mut tx, id, version, erased_at).await?;
    }
    store::identifiers::renew_owners(&mut tx, &owned).await?;
    let erased = ErasedCustomer {
        customers: records.clone(),
        rows,
        erased_at,
    };
    if validate_only {
        tx.rollback().await?;
        return Ok(Some((erased, bought_last)));
    }
    let former = records.into_iter().map(|id| (id, version));
    let changes = Changes {
        profiles: HashMap::new(),
        identifiers: digests.into_iter().collect(),
        new_currency: false,
        imported: None,
        former: former.filter(|_| is_known).collect(),
        merged: vec![],
    };
    commit(ingest, tx, changes, now).await?;
    if is_known {
        ingest.metrics.erased_customers.inc();
    }
    Ok(Some((erased, bought_last)))
}
