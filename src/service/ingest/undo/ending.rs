//! The end of an undoing: what belongs to no customer.

use tokio::time::Instant;

use super::{UndoMode, Undoing, count_withdrawn};
use crate::{
    service::{
        error::ServiceError,
        ingest::{Ingest, locked::begin_limited},
    },
    store::{
        self,
        currencies::{RecentCurrencies, UnusedCurrencies},
        error::StoreError,
        imports::{ImportCount, ImportedKind},
        locks::{Single, lock_single},
    },
};

/// Takes back the rates of the import, and the currencies that only undone imports brought into use; and ends the undoing. One try.
pub(super) async fn end(
    ingest: &Ingest,
    undoing: Undoing<'_>,
) -> Result<ImportCount, ServiceError> {
    let number = undoing.import.number;
    let recorded_at = ingest.clock.now();
    let unused = match undoing.mode {
        UndoMode::Undo => find_unused_currencies(ingest, undoing.deadline).await?,
        UndoMode::Preview => UnusedCurrencies::default(),
    };
    let mut tx = begin_limited(ingest, undoing.deadline).await?;
    lock_single(&mut tx, Single::Rates).await?;
    // Another call may have ended it in the meantime.
    if store::imports::is_undone(&mut tx, number).await? {
        tx.rollback().await.map_err(StoreError::from)?;
        return Ok(ImportCount::default());
    }
    let last = store::rates::last_number(&mut tx).await?;
    let (withdrawn, kept) = store::rates::take_back(&mut tx, number, last, recorded_at).await?;
    let count = ImportCount {
        written: 0,
        withdrawn,
        kept,
    };
    if undoing.mode == UndoMode::Preview {
        tx.rollback().await.map_err(StoreError::from)?;
        return Ok(count);
    }
    if count != ImportCount::default() {
        let kind = ImportedKind::Rate;
        store::imports::insert_call(&mut tx, number, kind, count, None, recorded_at).await?;
    }
    store::currencies::delete_unused(&mut tx, &unused).await?;
    store::imports::end_undo(&mut tx, number, recorded_at).await?;
    ingest.bases.commit_and_renew(tx).await?;
    ingest.bases.recount_last_purchase().await?;
    count_withdrawn(ingest, ImportedKind::Rate, count);
    Ok(count)
}

/// The currencies that came into use since the first undone import began and in which nothing is booked. Every fact may have to be read for
/// that, so it is done before anything is locked.
async fn find_unused_currencies(
    ingest: &Ingest,
    deadline: Instant,
) -> Result<UnusedCurrencies, ServiceError> {
    let mut connection = ingest.read_pool.acquire().await?;
    let since = store::imports::find_first_undone(&mut connection).await?;
    let recent = match since {
        Some(since) => store::currencies::list_recent(&mut connection, since).await?,
        None => RecentCurrencies::default(),
    };
    drop(connection);
    if recent.is_empty() {
        return Ok(UnusedCurrencies::default());
    }
    let mut tx = begin_limited(ingest, deadline).await?;
    let last_change = store::currencies::wait_for_writers(&mut tx).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let mut tx = begin_limited(ingest, deadline).await?;
    let unused = store::currencies::list_unused(&mut tx, recent, last_change).await;
    tx.rollback().await.map_err(StoreError::from)?;
    Ok(unused?)
}
