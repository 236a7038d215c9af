//! Recording exchange rates, and listing them. They belong to no customer: no profile changes, but the basis does.

use std::collections::HashMap;

use super::{Call, Ingest, Outcome, locked::begin_limited};
use crate::{
    domain::{
        basis::Basis,
        calendar::Day,
        money::Currency,
        rates::{ExchangeRate, Rate, RateFilter, RecordedRate},
    },
    service::{error::ServiceError, retry::retry},
    store::{
        self,
        error::StoreError,
        imports::{ImportCount, ImportedKind},
        locks::{Single, lock_single},
    },
};

/// The rates that hold, by what they are for.
type Holding = HashMap<(Currency, Currency, Day), Rate>;

/// Records a batch. One outcome for each item, in their order. The rate that holds already is a duplicate; another one for its pair and
/// day is recorded after it, and holds from then on. When this returns, answers are given by the new rates.
pub(super) async fn write(
    ingest: &Ingest,
    batch: &[ExchangeRate],
    call: &Call,
) -> Result<Vec<Outcome>, ServiceError> {
    if batch.is_empty() {
        return Ok(vec![]);
    }
    retry(|| write_once(ingest, batch, call)).await
}

/// One try.
async fn write_once(
    ingest: &Ingest,
    batch: &[ExchangeRate],
    call: &Call,
) -> Result<Vec<Outcome>, ServiceError> {
    let mut tx = begin_limited(ingest, call.deadline).await?;
    // Rates are numbered without gaps, in the order in which they become visible: who knows a number knows all below it.
    lock_single(&mut tx, Single::Rates).await?;
    let holding = store::rates::list_holding(&mut tx, batch).await?;
    let mut holding: Holding = holding.iter().map(|rate| (key(rate), rate.rate)).collect();
    let mut new = Vec::with_capacity(batch.len());
    let mut outcomes = Vec::with_capacity(batch.len());
    for rate in batch {
        if holding.insert(key(rate), rate.rate) == Some(rate.rate) {
            outcomes.push(Outcome::Duplicate);
        } else {
            new.push(*rate);
            outcomes.push(Outcome::Written);
        }
    }
    let last = store::rates::last_number(&mut tx).await?;
    if new.is_empty() {
        tx.rollback().await.map_err(StoreError::from)?;
        // They may have come with a commit whose answer was lost, after the basis was renewed.
        let is_known = |basis: &Basis| basis.rates.generation() >= last;
        ingest.bases.renew_unless(is_known).await?;
        return Ok(outcomes);
    }
    let recorded_at = ingest.clock.now();
    store::rates::insert(&mut tx, &new, last, recorded_at).await?;
    if let Some(import_id) = &call.import {
        let number = store::imports::find_or_insert(&mut tx, import_id, recorded_at).await?;
        let written = i64::try_from(new.len()).unwrap_or(i64::MAX);
        let count = ImportCount {
            written,
            ..ImportCount::default()
        };
        let (kind, rates) = (ImportedKind::Rate, Some((last + 1, last + written)));
        store::imports::insert_call(&mut tx, number, kind, count, rates, recorded_at).await?;
    }
    ingest.bases.commit_and_renew(tx).await?;
    Ok(outcomes)
}

/// At most `limit` recorded rates with numbers below `before`, the last recorded first.
pub(super) async fn list(
    ingest: &Ingest,
    filter: RateFilter,
    before: i64,
    limit: i64,
) -> Result<Vec<RecordedRate>, ServiceError> {
    let mut connection = ingest.read_pool.acquire().await?;
    Ok(store::rates::list(&mut connection, filter, before, limit).await?)
}

fn key(rate: &ExchangeRate) -> (Currency, Currency, Day) {
    (rate.from(), rate.to(), rate.day)
}
