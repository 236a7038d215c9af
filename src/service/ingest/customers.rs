//! Creating and changing customers: their kind and name, the identifiers they are found by, and their attributes.

mod apply;
mod attributes;
mod identifiers;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};

use self::{apply::apply, attributes::past_days};
use super::{
    Call, Ingest, Outcome,
    commit::{Changes, Imported, commit, end_unwritten},
    fold::fold_groups,
    locked::{Locked, begin, distinct},
};
use crate::{
    domain::{
        calendar::Day,
        customer::{
            CustomerKind, Identifier, IdentifierKind,
            facts::{AttributeFact, AttributeValue},
            profile::Profile,
        },
        text::{CustomerId, Label},
    },
    service::{error::ServiceError, retry::retry},
    store::{
        self,
        attributes::ObservationDay,
        customers::Customer,
        customers::KindAndName,
        error::StoreError,
        identifiers::{IdentifierDigest, IdentifierFact, IdentifierState},
        import_writes::ImportWrite,
        imports::ImportedKind,
        namings::Naming,
        repeats::{NO_IMPORT, RepeatedFact},
    },
};

/// What is now known of a customer. What is absent stays as it is.
#[derive(Debug, Clone)]
pub struct CustomerPatch {
    /// The customer.
    pub customer_id: CustomerId,
    /// What the customer is; for a new customer a person when it is `None`.
    pub kind: Option<CustomerKind>,
    /// Name to show to people; the inner `None` clears it.
    pub display_name: Option<Option<Label>>,
    /// Found by these from now on.
    pub add_identifiers: Vec<Identifier>,
    /// No longer found by these, whichever source states them.
    pub end_identifiers: Vec<Identifier>,
    /// What the source says of these identifiers.
    pub statement: IdentifierStatement,
    /// Observed properties, one value for a name.
    pub attributes: Vec<NewAttribute>,
}

/// When and by which source identifiers are stated.
#[derive(Debug, Clone)]
pub struct IdentifierStatement {
    /// Day on which the source saw them.
    pub observed_on: Day,
    /// Whether the source stated that day; otherwise it is today.
    pub is_dated: bool,
    /// The source.
    pub source: Option<Label>,
    /// Kinds of which the added identifiers are all that the source knows.
    pub replaces: Vec<IdentifierKind>,
}

/// An observation of an attribute, before it is recorded.
#[derive(Debug, Clone)]
pub struct NewAttribute {
    /// Name of the attribute.
    pub name: Label,
    /// The value; `None` clears it.
    pub value: Option<AttributeValue>,
    /// Day of the observation.
    pub observed_on: Day,
    /// Where it comes from.
    pub source: Label,
}

/// What is stored of the customers of a batch, while its patches are being applied.
struct Known {
    locked: Locked,
    /// The import of the call, or none.
    import: i64,
    identifiers: HashMap<CustomerId, Vec<IdentifierState>>,
    namings: HashMap<CustomerId, Vec<Naming>>,
    /// Of attributes observed on a later day too: what was recorded last for a day.
    past: HashMap<ObservationDay, AttributeFact>,
}

/// What the patches of a batch add.
#[derive(Default)]
struct Additions {
    identifiers: Vec<IdentifierFact>,
    attributes: Vec<(CustomerId, AttributeFact)>,
    namings: Vec<(CustomerId, Naming)>,
    /// Recorded facts that the patches state too.
    repeated: Vec<RepeatedFact>,
    /// By the customer with whose profile the facts are.
    changed: HashMap<CustomerId, Profile>,
    /// Those whose patches change something.
    patched: HashSet<CustomerId>,
    /// Kinds and names of those among them who are merged.
    named: HashMap<CustomerId, KindAndName>,
}

/// Applies a batch of patches. One outcome for each, in their order.
pub(super) async fn write(
    ingest: &Ingest,
    batch: &[CustomerPatch],
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
    batch: &[CustomerPatch],
    call: &Call,
) -> Result<Vec<Outcome>, StoreError> {
    let recorded_at = ingest.clock.now();
    let customers = distinct(batch.iter().map(|patch| &patch.customer_id));
    let (mut tx, locked) = begin(ingest, &customers, call.deadline).await?;
    let past = past_days(batch, &locked);
    let import = store::imports::number_of(&mut tx, call.import.as_ref(), recorded_at).await?;
    let mut known = Known {
        import,
        namings: store::namings::list(&mut tx, &customers).await?,
        identifiers: store::identifiers::list_states(&mut tx, &customers).await?,
        past: store::attributes::list_last(&mut tx, &past).await?,
        locked,
    };
    // Before the patches are applied: how many of them write is known after it.
    let kind = ImportedKind::Customer;
    let imported = Imported::begin(call, kind, 0, customers.iter(), &known.locked);
    let mut additions = Additions::default();
    let mut outcomes = Vec::with_capacity(batch.len());
    let erased = known.locked.erased();
    for patch in batch {
        if erased.contains(&patch.customer_id) {
            outcomes.push(Outcome::CustomerErased);
            continue;
        }
        let is_known = known.locked.profile(&patch.customer_id).is_some();
        let changes = apply(ingest, patch, &mut known, &mut additions, recorded_at);
        outcomes.push(match (changes, is_known) {
            (true, true) => Outcome::Written,
            (true, false) => Outcome::Created,
            (false, _) => Outcome::Duplicate,
        });
    }
    let identifiers = list_changed(ingest, batch, &additions);
    let notes = store_notes(&mut tx, import, &additions).await?;
    if additions.changed.is_empty() {
        end_unwritten(ingest, tx, notes).await?;
        ingest.identifiers.renew(&identifiers).await;
        return Ok(outcomes);
    }
    let written = outcomes.iter().filter(|it| **it != Outcome::Duplicate);
    let written = written.count();
    store_additions(&mut tx, &additions, recorded_at).await?;
    store_group_additions(&mut tx, &mut additions, &known.locked).await?;
    let Additions {
        changed, patched, ..
    } = additions;
    let changes = Changes {
        profiles: changed,
        identifiers,
        new_currency: false,
        imported: imported.map(|it| it.with_written(written, &patched)),
        former: vec![],
        merged: vec![],
    };
    commit(ingest, tx, changes, recorded_at).await?;
    Ok(outcomes)
}

/// The identifiers that a batch names, whether it changes them or not, and those that it ends without naming them: who has them may have been
/// changed by a commit whose answer was lost, and this batch may be what is sent again after it.
fn list_changed(
    ingest: &Ingest,
    batch: &[CustomerPatch],
    additions: &Additions,
) -> Vec<IdentifierDigest> {
    let named = batch.iter().flat_map(|patch| {
        let (begin, end) = (patch.add_identifiers.iter(), patch.end_identifiers.iter());
        begin.chain(end)
    });
    let named = named.map(|identifier| ingest.key.digest(identifier));
    let changed = additions.identifiers.iter().map(|fact| fact.digest);
    let digests: HashSet<IdentifierDigest> = named.chain(changed).collect();
    digests.into_iter().collect()
}

/// Notes what the patches state of kinds and names, and of facts that are recorded. Says whether any note is new.
async fn store_notes(
    tx: &mut Tx<'_, Postgres>,
    import: i64,
    additions: &Additions,
) -> Result<bool, StoreError> {
    let has_repeated = store::repeats::insert(tx, import, &additions.repeated).await?;
    store::namings::insert(tx, &additions.namings).await?;
    if import != NO_IMPORT {
        // The undoing comes to the customers, too, for whom nothing else is written.
        let named = additions.namings.iter().map(|(id, _)| id);
        let named = named.filter(|id| !additions.patched.contains(*id));
        let writes = named.map(|id| ImportWrite::nothing(id.clone(), import));
        store::import_writes::insert(tx, &writes.collect::<Vec<_>>()).await?;
    }
    Ok(has_repeated || !additions.namings.is_empty())
}

async fn store_additions(
    tx: &mut Tx<'_, Postgres>,
    additions: &Additions,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    let customers = additions.changed.values().map(|profile| Customer {
        customer_id: profile.customer_id.clone(),
        kind: profile.kind,
        display_name: profile.display_name.clone(),
    });
    let merged = additions.named.iter().map(|(id, (kind, name))| Customer {
        customer_id: id.clone(),
        kind: *kind,
        display_name: name.clone(),
    });
    let customers: Vec<Customer> = customers.chain(merged).collect();
    store::customers::upsert(tx, &customers, recorded_at).await?;
    store::identifiers::insert(tx, &additions.identifiers, recorded_at).await?;
    store::attributes::insert(
        tx,
        additions.attributes.iter().map(|(id, fact)| (id, fact)),
        recorded_at,
    )
    .await
}

/// Brings what depends on all facts of several customers up to date: who is found by their identifiers, and their profiles.
async fn store_group_additions(
    tx: &mut Tx<'_, Postgres>,
    additions: &mut Additions,
    locked: &Locked,
) -> Result<(), StoreError> {
    let mut digests: HashMap<&CustomerId, Vec<IdentifierDigest>> = HashMap::new();
    for fact in &additions.identifiers {
        if locked.is_grouped(&fact.customer_id) {
            let of_group = digests.entry(locked.root(&fact.customer_id)).or_default();
            of_group.push(fact.digest);
        }
    }
    for (root, digests) in digests {
        if let Some(profile) = additions.changed.get(root) {
            let members = &profile.members;
            store::identifiers::renew_group_owners(tx, root, members, &digests).await?;
        }
    }
    fold_groups(tx, &mut additions.changed).await
}
