//! Taking an import back: all that it wrote and that was not corrected since.
//!
//! In slices of customers, each in a transaction of its own that notes what it did, so that a further call goes on where one ended. What is
//! left of a customer's facts is folded anew: the answers are those that would be given without the import. Rates, and currencies that only
//! the import brought into use, go in the last transaction, which ends the undoing.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};
use tokio::time::Instant;

use super::{
    Ingest,
    commit::{Changes, commit},
    fold::fold_groups,
    locked::{Locked, begin_limited, lock},
};
use crate::{
    domain::text::{CustomerId, Label},
    metrics::{FactKind, FactOutcome},
    service::{answer::profiles::fold_all, error::ServiceError, retry::retry},
    store::{
        self,
        customers::Customer,
        error::StoreError,
        identifiers::IdentifierDigest,
        import_writes::{ImportWrite, Naming},
        imports::{Import, ImportCount, ImportedKind},
        locks::{Single, lock_single},
        withdrawn_facts::{self, Withdrawal},
    },
};

/// Customers of a slice: a transaction of a fraction of a second, as long as a call of ingest.
const SLICE: i64 = 500;

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
}

/// What a slice took back.
#[derive(Default)]
struct Slice {
    counts: BTreeMap<ImportedKind, ImportCount>,
    customers: i64,
    removed: i64,
    /// The last customer; `None`: there are no more.
    last: Option<CustomerId>,
}

/// Takes an import back, or says what would be taken back.
pub(super) async fn undo(
    ingest: &Ingest,
    import_id: &Label,
    mode: UndoMode,
    deadline: Instant,
) -> Result<UndoneImport, ServiceError> {
    let mut import = find(ingest, import_id).await?;
    let number = import.number;
    if mode == UndoMode::Undo && !import.is_undoing {
        let mut tx = begin_limited(ingest, deadline).await?;
        store::imports::begin_undo(&mut tx, number, ingest.clock.now()).await?;
        tx.commit().await?;
    }
    let (mut customers, mut removed) = (0, 0);
    let mut counts: BTreeMap<ImportedKind, ImportCount> = BTreeMap::new();
    let mut after = String::new();
    while import.undone_at.is_none() {
        let slice = retry(|| undo_slice(ingest, number, mode, &after, deadline)).await?;
        customers += slice.customers;
        removed += slice.removed;
        for (kind, count) in slice.counts {
            add(counts.entry(kind).or_default(), count);
        }
        let Some(last) = slice.last else {
            break;
        };
        // What is undone is noted; what is looked at is passed by.
        if mode == UndoMode::Preview {
            last.as_str().clone_into(&mut after);
        }
    }
    if import.undone_at.is_none() {
        let rates = retry(|| end(ingest, &import, mode, deadline)).await?;
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
    })
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

/// Takes back what the import wrote to the next customers after `after`. One try.
async fn undo_slice(
    ingest: &Ingest,
    number: i64,
    mode: UndoMode,
    after: &str,
    deadline: Instant,
) -> Result<Slice, StoreError> {
    let recorded_at = ingest.clock.now();
    let mut tx = begin_limited(ingest, deadline).await?;
    let customers = store::import_writes::list_open(&mut tx, number, after, SLICE).await?;
    if customers.is_empty() {
        tx.rollback().await?;
        return Ok(Slice::default());
    }
    let (mut tx, locked) = lock(ingest, tx, &customers, deadline).await?;
    // Another call may have taken them back while this one waited for the locks.
    let writes = store::import_writes::list(&mut tx, number, &customers).await?;
    let versions: HashMap<CustomerId, i64> = writes
        .keys()
        .map(|id| (id.clone(), locked.version(id) + 1))
        .collect();
    let withdrawal = Withdrawal {
        import: number,
        versions: &versions,
        recorded_at,
    };
    let withdrawn = withdrawn_facts::insert(&mut tx, withdrawal).await?;
    store::identifiers::renew_owners(&mut tx, &withdrawn.identifiers).await?;
    renew_group_owners(&mut tx, &withdrawn.identifiers, &locked).await?;
    let kept = withdrawn_facts::count_kept(&mut tx, number, &customers).await?;
    let mut slice = Slice {
        customers: i64::try_from(writes.len()).unwrap_or(i64::MAX),
        last: customers.last().cloned(),
        ..Slice::default()
    };
    for (kind, _) in &withdrawn.facts {
        slice.counts.entry(*kind).or_default().withdrawn += 1;
    }
    for (kind, kept) in kept {
        slice.counts.entry(kind).or_default().kept += kept;
    }
    let affected = withdrawn.facts.iter();
    let affected = affected.map(|(_, id)| locked.root(id).clone()).collect();
    let changes = change(&mut tx, locked, &writes, affected, &mut slice, recorded_at).await?;
    if mode == UndoMode::Preview {
        tx.rollback().await?;
        return Ok(slice);
    }
    note(&mut tx, number, &slice, &customers, recorded_at).await?;
    let identifiers: HashSet<IdentifierDigest> =
        withdrawn.identifiers.iter().map(|(_, it)| *it).collect();
    let changes = Changes {
        identifiers: identifiers.into_iter().collect(),
        ..changes
    };
    commit(ingest, tx, changes, recorded_at).await?;
    for (kind, count) in &slice.counts {
        count_withdrawn(ingest, *kind, *count);
    }
    Ok(slice)
}

/// Notes what a slice took back.
async fn note(
    tx: &mut Tx<'_, Postgres>,
    number: i64,
    slice: &Slice,
    customers: &[CustomerId],
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    for (kind, count) in &slice.counts {
        if *count != ImportCount::default() {
            store::imports::insert_call(tx, number, *kind, *count, None, recorded_at).await?;
        }
    }
    store::import_writes::update_undone(tx, number, customers).await
}

/// The new profiles of customers who lost facts: kinds and names as before, unless they were changed since, and all facts that
/// are left folded anew. Customers whom only the import had named go.
async fn change(
    tx: &mut Tx<'_, Postgres>,
    locked: Locked,
    writes: &HashMap<CustomerId, Vec<ImportWrite>>,
    mut changed: HashSet<CustomerId>,
    slice: &mut Slice,
    recorded_at: Timestamp,
) -> Result<Changes, StoreError> {
    let Locked {
        mut profiles,
        merged,
        ..
    } = locked;
    let mut renamed = vec![];
    for (id, writes) in writes {
        let names = slice.counts.entry(ImportedKind::Customer).or_default();
        if let Some(profile) = profiles.get_mut(id) {
            let now = (profile.kind, profile.display_name.clone());
            if let Some((kind, name)) = name_before(&now, writes, names) {
                profile.kind = kind;
                profile.display_name = name;
                changed.insert(id.clone());
            }
        } else if let Some((root, now)) = merged.get(id)
            && let Some((kind, display_name)) = name_before(now, writes, names)
        {
            renamed.push(Customer {
                customer_id: id.clone(),
                kind,
                display_name,
            });
            changed.insert(root.clone());
        }
    }
    let written: Vec<CustomerId> = writes.keys().cloned().collect();
    let mut created = store::import_writes::list_created(tx, &written).await?;
    // A name that somebody else gave is known of a customer without facts.
    created.retain(|id, (kind, name)| {
        let profile = profiles.get(id);
        // Who is merged, or others are merged into, stays known: the merge named them.
        profile
            .is_some_and(|it| (it.kind, &it.display_name) == (*kind, name) && it.members.is_empty())
    });
    let created: Vec<CustomerId> = created.into_keys().collect();
    let gone = store::former_customers::list_without_facts(tx, &created).await?;
    slice.removed = i64::try_from(gone.len()).unwrap_or(i64::MAX);
    let mut former = Vec::with_capacity(gone.len());
    for id in gone {
        changed.remove(&id);
        if let Some(profile) = profiles.remove(&id) {
            former.push((id, profile.version + 1));
        }
    }
    let ids: Vec<CustomerId> = changed.iter().cloned().collect();
    let mut facts = store::facts::list(tx, &ids, None).await?;
    profiles.retain(|id, _| changed.contains(id));
    for (id, profile) in &mut profiles {
        profile.version += 1;
        profile.recorded_at = recorded_at;
        profile.history = fold_all(&facts.remove(id).unwrap_or_default());
    }
    fold_groups(tx, &mut profiles).await?;
    let customers = profiles.values().map(|profile| Customer {
        customer_id: profile.customer_id.clone(),
        kind: profile.kind,
        display_name: profile.display_name.clone(),
    });
    let customers: Vec<Customer> = customers.chain(renamed).collect();
    store::customers::upsert(tx, &customers, recorded_at).await?;
    Ok(Changes {
        profiles,
        identifiers: vec![],
        new_currency: false,
        imported: None,
        former,
        merged: vec![],
    })
}

/// The kind and name that the import changed, as they were before; `None` if it changed none, or they were changed since.
fn name_before(now: &Naming, writes: &[ImportWrite], count: &mut ImportCount) -> Option<Naming> {
    let before = writes.iter().find_map(|write| write.before.as_ref())?;
    let last = writes.iter().rev().find_map(|write| write.after.as_ref())?;
    if now != last {
        count.kept += 1;
        return None;
    }
    count.withdrawn += 1;
    Some(before.clone())
}

/// Lets the customers who stay be found by what is left of the identifiers of those who were merged into them.
async fn renew_group_owners(
    tx: &mut Tx<'_, Postgres>,
    withdrawn: &[(CustomerId, IdentifierDigest)],
    locked: &Locked,
) -> Result<(), StoreError> {
    for (id, digest) in withdrawn {
        if let Some(profile) = locked.profile(id).filter(|it| !it.members.is_empty()) {
            let (root, members) = (&profile.customer_id, &profile.members);
            store::identifiers::renew_group_owners(tx, root, members, &[*digest]).await?;
        }
    }
    Ok(())
}

/// Takes back the rates of the import, and the currencies that only it brought into use; and ends its undoing. One try.
async fn end(
    ingest: &Ingest,
    import: &Import,
    mode: UndoMode,
    deadline: Instant,
) -> Result<ImportCount, ServiceError> {
    let recorded_at = ingest.clock.now();
    let mut tx = begin_limited(ingest, deadline).await?;
    lock_single(&mut tx, Single::Rates).await?;
    // Another call may have ended it in the meantime.
    if store::imports::is_undone(&mut tx, import.number).await? {
        tx.rollback().await.map_err(StoreError::from)?;
        return Ok(ImportCount::default());
    }
    let last = store::rates::last_number(&mut tx).await?;
    let (withdrawn, kept) =
        store::rates::take_back(&mut tx, import.number, last, recorded_at).await?;
    let count = ImportCount {
        written: 0,
        withdrawn,
        kept,
    };
    if mode == UndoMode::Preview {
        tx.rollback().await.map_err(StoreError::from)?;
        return Ok(count);
    }
    if count != ImportCount::default() {
        let (number, kind) = (import.number, ImportedKind::Rate);
        store::imports::insert_call(&mut tx, number, kind, count, None, recorded_at).await?;
    }
    store::currencies::delete_unused(&mut tx, import.began_at).await?;
    store::imports::end_undo(&mut tx, import.number, recorded_at).await?;
    ingest.bases.commit_and_renew(tx).await?;
    count_withdrawn(ingest, ImportedKind::Rate, count);
    Ok(count)
}
