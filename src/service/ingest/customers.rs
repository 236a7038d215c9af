//! Creating and changing customers: their kind and name, the identifiers they are found by, and their attributes.

mod attributes;
mod identifiers;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};

use self::attributes::{new_attributes, past_days};
use super::{
    Call, Ingest, Outcome,
    commit::{Changes, Imported, commit, end_unwritten},
    creation::empty_profile,
    fold::fold_groups,
    locked::{Locked, begin, distinct},
};
use crate::{
    domain::{
        calendar::Day,
        customer::{
            CustomerKind, Identifier, IdentifierKind,
            facts::{AttributeFact, AttributeValue},
            profile::{Facts, Profile, fold},
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
    retry(|| write_once(ingest, batch, call)).await
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
        // The undoing comes to the customers of whom nothing else is written.
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

/// Applies one patch to what is known. Says whether it changed anything; then the profile is of the next version.
#[expect(
    clippy::too_many_lines,
    reason = "what a patch changes, part by part, of one profile"
)]
fn apply(
    ingest: &Ingest,
    patch: &CustomerPatch,
    known: &mut Known,
    additions: &mut Additions,
    recorded_at: Timestamp,
) -> bool {
    let id = &patch.customer_id;
    let version = known.locked.version(id) + 1;
    let root = known.locked.root(id).clone();
    let is_merged = root != *id;
    let is_grouped = known.locked.is_grouped(id);
    let naming = known.locked.naming(id);
    let stored = known.locked.profiles.remove(&root);
    let created = stored.is_none();
    let mut profile = stored.unwrap_or_else(|| empty_profile(&customer_of(patch), recorded_at));
    let (kind_before, name_before) =
        naming.unwrap_or_else(|| (profile.kind, profile.display_name.clone()));
    let kind = patch.kind.unwrap_or(kind_before);
    let display_name = patch.display_name.clone();
    let display_name = display_name.unwrap_or_else(|| name_before.clone());
    let states = known.identifiers.entry(id.clone()).or_default();
    let identifiers = identifiers::state(ingest, patch, states, version);
    // The profile of several customers does not tell what was observed of one of them: `past` has that.
    let held = if is_grouped {
        &[][..]
    } else {
        &profile.history.attributes
    };
    let attributes = new_attributes(patch, held, &mut known.past, version);
    let states_facts = !(patch.attributes.is_empty() && identifiers::is_unstated(patch));
    let naming = Naming {
        import: known.import,
        kind: patch.kind,
        display_name: patch.display_name.clone(),
    };
    let namings = known.namings.entry(id.clone()).or_default();
    let is_named = naming.kind.is_some() || naming.display_name.is_some();
    if (created || is_named || !states_facts) && naming.is_new(namings) {
        namings.push(naming.clone());
        additions.namings.push((id.clone(), naming));
    }
    additions.repeated.extend(identifiers.repeated);
    additions.repeated.extend(attributes.repeated);
    let (identifiers, attributes) = (identifiers.new, attributes.new);
    let changes = created
        || kind != kind_before
        || display_name != name_before
        || !identifiers.is_empty()
        || !attributes.is_empty();
    if changes {
        profile.version = version;
        profile.recorded_at = recorded_at;
        additions.patched.insert(id.clone());
        if is_merged {
            let naming = (kind, display_name);
            additions.named.insert(id.clone(), naming.clone());
            known
                .locked
                .merged
                .insert(id.clone(), (root.clone(), naming));
        } else {
            profile.kind = kind;
            profile.display_name = display_name;
        }
        let facts = Facts {
            attributes: attributes.clone(),
            ..Facts::default()
        };
        // Attributes never touch what was folded before.
        if let Ok(history) = fold(std::mem::take(&mut profile.history), &facts) {
            profile.history = history;
        }
        additions.identifiers.extend(identifiers);
        additions
            .attributes
            .extend(attributes.into_iter().map(|fact| (id.clone(), fact)));
        additions.changed.insert(root.clone(), profile.clone());
    }
    known.locked.profiles.insert(root, profile);
    changes
}

fn customer_of(patch: &CustomerPatch) -> Customer {
    Customer {
        customer_id: patch.customer_id.clone(),
        kind: patch.kind.unwrap_or(CustomerKind::Person),
        display_name: None,
    }
}
