//! Recording how contacts ended. Outcomes are no part of profiles: only a customer who is created by one gets a profile, an empty one.

use std::collections::HashMap;

use tokio::time::Instant;

use super::{
    Ingest, NewFact, Outcome,
    commit::{Changes, commit},
    creation::create_customers,
    facts::CustomerFact,
    fold::fold_new,
    locked::begin,
};
use crate::{
    domain::{
        customer::profile::Facts,
        desk::outcome::{ContactOutcome, Differs},
        money::Currency,
        text::CustomerId,
    },
    service::{error::ServiceError, retry::retry},
    store::{self, error::StoreError},
};

impl CustomerFact for ContactOutcome {
    fn customer_id(&self) -> &CustomerId {
        &self.key.customer_id
    }

    fn currency(&self) -> Option<Currency> {
        None
    }

    fn add_to(self, _facts: &mut Facts) {}
}

/// Records an outcome, or what of it is new.
pub(super) async fn write(
    ingest: &Ingest,
    outcome: &NewFact<ContactOutcome>,
    deadline: Instant,
) -> Result<Outcome, ServiceError> {
    let result = retry(|| write_once(ingest, outcome, deadline)).await?;
    result.map_err(|refused| match refused {
        NotRecorded::Differs(Differs(fields)) => ServiceError::OutcomeDiffers(fields),
        NotRecorded::Erased => ServiceError::CustomerErased(outcome.fact.key.customer_id.clone()),
    })
}

/// Why an outcome is refused.
enum NotRecorded {
    /// Another one is recorded.
    Differs(Differs),
    /// The customer was erased.
    Erased,
}

async fn write_once(
    ingest: &Ingest,
    item: &NewFact<ContactOutcome>,
    deadline: Instant,
) -> Result<Result<Outcome, NotRecorded>, StoreError> {
    let recorded_at = ingest.clock.now();
    let customers = [item.fact.key.customer_id.clone()];
    let (mut tx, locked) = begin(ingest, &customers, deadline).await?;
    if locked.erased_at(&item.fact.key.customer_id).is_some() {
        return Ok(Err(NotRecorded::Erased));
    }
    let known = store::contact_outcomes::find(&mut tx, &item.fact.key).await?;
    let completed = match &known {
        None => item.fact.clone(),
        Some(known) => match known.completed_by(&item.fact) {
            Ok(completed) => completed,
            Err(differs) => return Ok(Err(NotRecorded::Differs(differs))),
        },
    };
    if known.as_ref() == Some(&completed) {
        return Ok(Ok(Outcome::Duplicate));
    }
    store::contact_outcomes::upsert(&mut tx, &completed, recorded_at).await?;
    let created = if locked.profile(&customers[0]).is_none() {
        create_customers(&mut tx, None, &[item], &locked, recorded_at).await?;
        fold_new(&mut tx, &[item], locked, recorded_at).await?
    } else {
        HashMap::new()
    };
    let changes = Changes {
        profiles: created,
        identifiers: vec![],
        new_currency: false,
        imported: None,
        former: vec![],
        merged: vec![],
    };
    commit(ingest, tx, changes, recorded_at).await?;
    Ok(Ok(Outcome::Written))
}
