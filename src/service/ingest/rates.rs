//! Recording exchange rates, and listing them. They belong to no customer: no profile changes, but the basis does.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{Call, Ingest, Outcome, commit::end_unwritten, locked::begin_limited};
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
    retry(&ingest.pool, || write_once(ingest, batch, call)).await
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
    let mut repeated = vec![];
    let stored = holding.clone();
    for rate in batch {
        if stored.get(&key(rate)) == Some(&rate.rate) {
            repeated.push(*rate);
        }
        if holding.insert(key(rate), rate.rate) == Some(rate.rate) {
            outcomes.push(Outcome::Duplicate);
        } else {
            new.push(*rate);
            outcomes.push(Outcome::Written);
        }
    }
    let recorded_at = ingest.clock.now();
    let notes = note_repeats(&mut tx, call, &repeated, recorded_at).await?;
    let last = store::rates::last_number(&mut tx).await?;
    if new.is_empty() {
        end_unwritten(ingest, tx, notes).await?;
        // They may have come with a commit whose answer was lost, after the basis was renewed.
        let is_known = |basis: &Basis| basis.rates.generation() >= last;
        ingest.bases.renew_unless(is_known).await?;
        return Ok(outcomes);
    }
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

/// Notes that a call stated rates that hold already. Says whether any note is new.
async fn note_repeats(
    tx: &mut PgConnection,
    call: &Call,
    repeated: &[ExchangeRate],
    recorded_at: Timestamp,
) -> Result<bool, StoreError> {
    if repeated.is_empty() {
        return Ok(false);
    }
    let import = store::imports::number_of(tx, call.import.as_ref(), recorded_at).await?;
    store::rates::insert_repeats(tx, import, repeated).await
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
