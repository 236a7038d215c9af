//! Applying a patch to what is known of its customer.

use jiff::Timestamp;

use super::{
    Additions, CustomerPatch, Known,
    attributes::new_attributes,
    identifiers::{self, is_unstated},
};
use crate::{
    domain::{
        customer::{
            CustomerKind,
            facts::AttributeFact,
            profile::{Facts, Profile, fold},
        },
        text::CustomerId,
    },
    service::ingest::{Ingest, creation::empty_profile},
    store::{
        customers::{Customer, KindAndName},
        identifiers::IdentifierFact,
        namings::Naming,
        repeats::RepeatedFact,
    },
};

/// Applies one patch to what is known. Returns whether it changed anything; then the profile is of the next version.
pub(super) fn apply(
    ingest: &Ingest,
    patch: &CustomerPatch,
    known: &mut Known,
    additions: &mut Additions,
    recorded_at: Timestamp,
) -> bool {
    let id = &patch.customer_id;
    let version = known.locked.version(id) + 1;
    let root = known.locked.root(id).clone();
    let is_grouped = known.locked.is_grouped(id);
    let naming = known.locked.naming(id);
    let stored = known.locked.profiles.remove(&root);
    let is_new = stored.is_none();
    let mut profile = stored.unwrap_or_else(|| empty_profile(&customer_of(patch), recorded_at));
    let before = naming.unwrap_or_else(|| (profile.kind, profile.display_name.clone()));
    let after = renamed(patch, &before);
    // The profile of several customers does not tell what was observed of one of them: `past` has that.
    let held = if is_grouped {
        &[][..]
    } else {
        &profile.history.attributes
    };
    let stated = Stated::new(ingest, patch, held, known, version);
    note_naming(patch, known, additions, is_new);
    additions.repeated.extend(stated.repeated);
    let changes = is_new
        || after != before
        || !stated.identifiers.is_empty()
        || !stated.attributes.is_empty();
    if changes {
        profile.version = version;
        profile.recorded_at = recorded_at;
        rename(&mut profile, id, after, known, additions);
        fold_attributes(&mut profile, &stated.attributes);
        let attributes = stated.attributes.into_iter();
        additions
            .attributes
            .extend(attributes.map(|fact| (id.clone(), fact)));
        additions.identifiers.extend(stated.identifiers);
        additions.patched.insert(id.clone());
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

/// Kind and name of the customer after a patch.
fn renamed(patch: &CustomerPatch, (kind, name): &KindAndName) -> KindAndName {
    let display_name = patch.display_name.clone();
    (
        patch.kind.unwrap_or(*kind),
        display_name.unwrap_or_else(|| name.clone()),
    )
}

/// The facts that a patch states.
struct Stated {
    identifiers: Vec<IdentifierFact>,
    attributes: Vec<AttributeFact>,
    /// Those that are recorded already.
    repeated: Vec<RepeatedFact>,
}

impl Stated {
    /// Compares a patch with what is known, which is brought up to date; `held` are the attributes that the profile holds.
    fn new(
        ingest: &Ingest,
        patch: &CustomerPatch,
        held: &[AttributeFact],
        known: &mut Known,
        version: i64,
    ) -> Self {
        let states = known.identifiers.entry(patch.customer_id.clone());
        let identifiers = identifiers::state(ingest, patch, states.or_default(), version);
        let attributes = new_attributes(patch, held, &mut known.past, version);
        let repeated = identifiers.repeated.into_iter();
        Self {
            identifiers: identifiers.new,
            attributes: attributes.new,
            repeated: repeated.chain(attributes.repeated).collect(),
        }
    }
}

/// Notes what a patch states of kind and name, if it is new: also that there is such a customer, where it states nothing else.
fn note_naming(patch: &CustomerPatch, known: &mut Known, additions: &mut Additions, is_new: bool) {
    let naming = Naming {
        import: known.import,
        kind: patch.kind,
        display_name: patch.display_name.clone(),
    };
    let is_named = naming.kind.is_some() || naming.display_name.is_some();
    let states_nothing_else = patch.attributes.is_empty() && is_unstated(patch);
    let noted = known.namings.entry(patch.customer_id.clone()).or_default();
    if (is_new || is_named || states_nothing_else) && naming.is_new(noted) {
        noted.push(naming.clone());
        let naming = (patch.customer_id.clone(), naming);
        additions.namings.push(naming);
    }
}

/// Gives a customer a kind and name: those of the profile, or of a customer who is merged, which come back when the merge ends.
fn rename(
    profile: &mut Profile,
    id: &CustomerId,
    naming: KindAndName,
    known: &mut Known,
    additions: &mut Additions,
) {
    if profile.customer_id == *id {
        (profile.kind, profile.display_name) = naming;
        return;
    }
    additions.named.insert(id.clone(), naming.clone());
    known.locked.merged.insert(id.clone(), naming);
}

/// Folds new attributes into a profile. They never touch what was folded before.
fn fold_attributes(profile: &mut Profile, attributes: &[AttributeFact]) {
    let facts = Facts {
        attributes: attributes.to_vec(),
        ..Facts::default()
    };
    if let Ok(history) = fold(std::mem::take(&mut profile.history), &facts) {
        profile.history = history;
    }
}
