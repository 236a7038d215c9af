//! Taking an import back: all that it wrote and that was not corrected since.
//!
//! In slices of customers, each in a transaction of its own that notes what it did, so that a further call goes on where one ended. Which facts
//! stay depends on which imports are undone, not on their order. What is left of a customer's facts is folded anew: the answers are those that would be given without the import. Rates, and currencies that only
//! the import brought into use, go in the last transaction, which ends the undoing.

mod ending;
mod left;
mod moving_back;

use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::future::try_join_all;
use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};
use tokio::time::Instant;

use self::left::{change, rename, renew_group_owners};
use super::{
    Ingest,
    commit::{Changes, commit},
    locked::{begin_limited, lock},
};
use crate::{
    domain::text::{CustomerId, Label},
    metrics::{FactKind, FactOutcome},
    service::{error::ServiceError, retry::retry},
    store::{
        self,
        error::StoreError,
        identifiers::IdentifierDigest,
        import_writes::ImportWrite,
        imports::{Import, ImportCount, ImportedKind},
        withdrawn_facts::{self, Withdrawal, WithdrawnCount},
    },
};

/// Customers of a slice: a transaction of a fraction of a second, as long as a call of ingest.
const SLICE: usize = 500;

/// Slices that are undone at a time: one statement keeps one processor of the database busy.
const SLICES: usize = 2;

/// Customers who are listed at a time: a list reads all that are left, since they are not stored in its order.
const LISTED: i64 = 20_000;

/// Whether an import is undone, or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoMode {
    /// It is undone.
    Undo,
    /// Nothing changes.
    Preview,
}

/// What was taken back.
#[derive(Debug)]
pub struct UndoneImport {
    /// The import, with all that was taken back until now, or would be.
    pub import: Import,
    /// Customers that were looked at.
    pub customers: i64,
    /// Customers among them who are not known any more.
    pub removed: i64,
    /// Facts that the import had moved and that went back.
    pub moved_back: u64,
}

/// What a slice took back.
#[derive(Default)]
struct Slice {
    /// By the import that wrote the facts: the one that is being undone, or one undone before, whose facts had stayed.
    counts: BTreeMap<(i64, ImportedKind), ImportCount>,
    customers: i64,
    removed: i64,
}

/// An undoing.
#[derive(Clone, Copy)]
struct Undoing<'a> {
    import: &'a Import,
    mode: UndoMode,
    deadline: Instant,
}

/// Takes an import back, or says what would be taken back.
pub(super) async fn undo(
    ingest: &Ingest,
    import_id: &Label,
    mode: UndoMode,
    deadline: Instant,
) -> Result<UndoneImport, ServiceError> {
    let mut import = find(ingest, import_id).await?;
    if mode == UndoMode::Undo && !import.is_undoing {
        let mut tx = begin_limited(ingest, deadline).await?;
        store::imports::begin_undo(&mut tx, import.number, ingest.clock.now()).await?;
        tx.commit().await?;
        // With all that came until then.
        import = find(ingest, import_id).await?;
    }
    let (mut customers, mut removed, mut moved_back) = (0, 0, 0);
    let mut counts: BTreeMap<ImportedKind, ImportCount> = BTreeMap::new();
    if import.undone_at.is_none() {
        let undoing = Undoing {
            import: &import,
            mode,
            deadline,
        };
        moved_back = moving_back::move_back(ingest, undoing).await?;
        let slice = undo_customers(ingest, undoing).await?;
        (customers, removed) = (slice.customers, slice.removed);
        for ((number, kind), count) in slice.counts {
            if number == import.number {
                add(counts.entry(kind).or_default(), count);
            }
        }
        let rates = retry(&ingest.pool, || ending::end(ingest, undoing)).await?;
        add(counts.entry(ImportedKind::Rate).or_default(), rates);
    }
    match mode {
        UndoMode::Undo => import = find(ingest, import_id).await?,
        UndoMode::Preview => {
            for (kind, count) in &mut import.counts {
                add(count, counts.remove(kind).unwrap_or_default());
            }
            counts.retain(|_, count| *count != ImportCount::default());
            import.counts.extend(counts);
        }
    }
    Ok(UndoneImport {
        import,
        customers,
        removed,
        moved_back,
    })
}

/// Takes back what the import wrote to customers, several slices at a time.
async fn undo_customers(ingest: &Ingest, undoing: Undoing<'_>) -> Result<Slice, ServiceError> {
    let mut sum = Slice::default();
    // An import that is being undone gets no more customers: those before the last one are done.
    let mut after = String::new();
    loop {
        let mut connection = ingest.read_pool.acquire().await?;
        let number = undoing.import.number;
        let open = store::import_writes::list_open(&mut connection, number, &after, LISTED).await?;
        drop(connection);
        let Some(last) = open.last() else {
            return Ok(sum);
        };
        last.as_str().clone_into(&mut after);
        for pair in open.chunks(SLICE * SLICES) {
            let slices = pair.chunks(SLICE);
            let slices =
                slices.map(|slice| retry(&ingest.pool, move || undo_slice(ingest, undoing, slice)));
            for slice in try_join_all(slices).await? {
                sum.add(slice);
            }
        }
    }
}

async fn find(ingest: &Ingest, import_id: &Label) -> Result<Import, ServiceError> {
    let mut connection = ingest.read_pool.acquire().await?;
    let found = store::imports::find(&mut connection, import_id).await?;
    found.ok_or_else(|| ServiceError::ImportNotFound(import_id.clone()))
}

/// Counts what was taken back.
fn count_withdrawn(ingest: &Ingest, kind: ImportedKind, count: ImportCount) {
    let kind = match kind {
        ImportedKind::Transaction => FactKind::Transaction,
        ImportedKind::Contact => FactKind::Contact,
        ImportedKind::Contract => FactKind::Contract,
        ImportedKind::Rate => FactKind::Rate,
        ImportedKind::Customer | ImportedKind::Attribute | ImportedKind::Identifier => {
            FactKind::Customer
        }
    };
    let counter = ingest.metrics.facts(kind, FactOutcome::Withdrawn);
    counter.inc_by(u64::try_from(count.withdrawn).unwrap_or_default());
}

fn add(sum: &mut ImportCount, count: ImportCount) {
    sum.written += count.written;
    sum.withdrawn += count.withdrawn;
    sum.kept += count.kept;
}

/// Takes back what the import wrote to `customers`. One try.
async fn undo_slice(
    ingest: &Ingest,
    undoing: Undoing<'_>,
    customers: &[CustomerId],
) -> Result<Slice, StoreError> {
    let number = undoing.import.number;
    let recorded_at = ingest.clock.now();
    let tx = begin_limited(ingest, undoing.deadline).await?;
    let (mut tx, locked) = lock(ingest, tx, customers, undoing.deadline).await?;
    // Another call may have taken them back while this one waited for the locks.
    let writes = store::import_writes::list(&mut tx, number, customers).await?;
    if writes.is_empty() {
        tx.rollback().await?;
        return Ok(Slice::default());
    }
    let versions: HashMap<CustomerId, i64> = writes
        .keys()
        .map(|id| (id.clone(), locked.version(id) + 1))
        .collect();
    let kinds = list_kinds(&mut tx, undoing.import, &writes).await?;
    let withdrawal = Withdrawal {
        import: number,
        kinds: &kinds,
        writes: &writes,
        versions: &versions,
        recorded_at,
    };
    let withdrawn = withdrawn_facts::insert(&mut tx, withdrawal).await?;
    store::fact_keys::free_withdrawn(&mut tx, &versions).await?;
    store::identifiers::renew_owners(&mut tx, &withdrawn.identifiers).await?;
    renew_group_owners(&mut tx, &withdrawn.identifiers, &locked).await?;
    let mut slice = Slice {
        customers: i64::try_from(writes.len()).unwrap_or(i64::MAX),
        ..Slice::default()
    };
    let mut affected = HashSet::new();
    for count in &withdrawn.counts {
        slice.count(number, count);
        if count.withdrawn > 0 {
            affected.insert(count.customer_id.clone());
        }
    }
    let named = store::namings::withdraw(&mut tx, number, &versions).await?;
    let roots = affected.iter().map(|id| locked.root(id).clone());
    let mut affected: HashSet<CustomerId> = roots.collect();
    let renamed = rename(&mut tx, locked, &named, &mut affected).await?;
    let count = i64::try_from(renamed.count).unwrap_or(i64::MAX);
    let key = (number, ImportedKind::Customer);
    slice.counts.entry(key).or_default().withdrawn += count;
    let open: Vec<CustomerId> = versions.into_keys().collect();
    let changes = change(&mut tx, renamed, &open, affected, recorded_at).await?;
    slice.removed = i64::try_from(changes.former.len()).unwrap_or(i64::MAX);
    if undoing.mode == UndoMode::Preview {
        tx.rollback().await?;
        return Ok(slice);
    }
    slice.note(&mut tx, recorded_at).await?;
    let kept = withdrawn.counts.iter().filter(|it| it.kept > 0);
    let kept: Vec<_> = kept.map(|it| (it.import, it.customer_id.clone())).collect();
    store::import_writes::update_undone(&mut tx, number, &open, &kept).await?;
    let identifiers: HashSet<IdentifierDigest> =
        withdrawn.identifiers.iter().map(|(_, it)| *it).collect();
    let changes = Changes {
        identifiers: identifiers.into_iter().collect(),
        ..changes
    };
    commit(ingest, tx, changes, recorded_at).await?;
    for ((import, kind), count) in &slice.counts {
        if *import == number {
            count_withdrawn(ingest, *kind, *count);
        }
    }
    Ok(slice)
}

/// The kinds of facts to look at: those that the import wrote or repeated, which it did not repeat from now on, and all where facts of other
/// undone imports had stayed.
async fn list_kinds(
    tx: &mut Tx<'_, Postgres>,
    import: &Import,
    writes: &HashMap<CustomerId, Vec<ImportWrite>>,
) -> Result<Vec<ImportedKind>, StoreError> {
    let customers: Vec<CustomerId> = writes.keys().cloned().collect();
    let mut kinds = store::repeats::delete(tx, import.number, &customers).await?;
    kinds.extend(import.counts.iter().map(|(kind, _)| *kind));
    let mut all = writes.values().flatten();
    if all.any(|write| write.import != import.number) {
        kinds = ImportedKind::ALL.to_vec();
    }
    Ok(kinds)
}

impl Slice {
    fn add(&mut self, other: Self) {
        self.customers += other.customers;
        self.removed += other.removed;
        for (key, count) in other.counts {
            add(self.counts.entry(key).or_default(), count);
        }
    }

    /// Counts facts. Those of an import undone before had stayed until now; they go with the undoing of `number`.
    fn count(&mut self, number: i64, count: &WithdrawnCount) {
        let &WithdrawnCount {
            kind,
            import,
            withdrawn,
            kept,
            ..
        } = count;
        let own = self.counts.entry((number, kind)).or_default();
        own.withdrawn += withdrawn;
        if import == number {
            own.kept += kept;
        } else {
            let other = self.counts.entry((import, kind)).or_default();
            other.withdrawn += withdrawn;
            other.kept -= withdrawn;
        }
    }

    /// Notes what was taken back.
    async fn note(
        &self,
        tx: &mut Tx<'_, Postgres>,
        recorded_at: Timestamp,
    ) -> Result<(), StoreError> {
        for ((import, kind), count) in &self.counts {
            if *count != ImportCount::default() {
                store::imports::insert_call(tx, *import, *kind, *count, None, recorded_at).await?;
            }
        }
        Ok(())
    }
}
