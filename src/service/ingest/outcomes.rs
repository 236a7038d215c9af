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
    service::{
        error::{CorrectionError, ServiceError},
        retry::retry,
    },
    store,
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
    retry(&ingest.pool, || write_once(ingest, outcome, deadline)).await
}

async fn write_once(
    ingest: &Ingest,
    item: &NewFact<ContactOutcome>,
    deadline: Instant,
) -> Result<Outcome, ServiceError> {
    let recorded_at = ingest.clock.now();
    let customers = [item.fact.key.customer_id.clone()];
    let (mut tx, locked) = begin(ingest, &customers, deadline).await?;
    let customer = &item.fact.key.customer_id;
    if locked.erased_at(customer).is_some() {
        return Err(CorrectionError::CustomerErased(customer.clone()).into());
    }
    let known = store::contact_outcomes::find(&mut tx, &item.fact.key).await?;
    let completed = match &known {
        None => item.fact.clone(),
        Some(known) => match known.completed_by(&item.fact) {
            Ok(completed) => completed,
            Err(Differs(fields)) => return Err(ServiceError::OutcomeDiffers(fields)),
        },
    };
    if known.as_ref() == Some(&completed) {
        return Ok(Outcome::Duplicate);
    }
    store::contact_outcomes::upsert(&mut tx, &completed, recorded_at).await?;
    let created = if locked.profile(customer).is_none() {
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
    Ok(Outcome::Written)
}
