//! Whether stored profiles are what the facts make.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use crate::{
    domain::{
        customer::{group::Groups, profile::History},
        definitions::Definitions,
        text::{CustomerId, Label},
    },
    service::{answer::profiles::fold_all, current_basis::CurrentBasis, error::ServiceError},
    store::{
        self,
        identifiers::{HeldIdentifier, IdentifierDigest},
        pool::Pool,
    },
};

/// A part of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfilePart {
    /// Days with purchases.
    Purchases,
    /// Days with contacts.
    Contacts,
    /// Attribute values.
    Attributes,
    /// States of contracts.
    Contracts,
    /// What is known of refunds, reversals and retractions.
    Corrections,
    /// The latest day of any fact.
    LastDay,
    /// The columns by which fits group customers.
    Columns,
    /// An identifier of the customer does not find them, or one that is not theirs does.
    Identifiers,
    /// Kind or name.
    Naming,
    /// The stored profile cannot be read.
    Unreadable,
    /// It does not contain the facts of just those who are merged into the customer, or the customer is merged into another one.
    Members,
    /// A fact has the source and id of a fact of another customer.
    Keys,
}

/// A stored profile that is not what the facts make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileDifference {
    /// The customer.
    pub customer: CustomerId,
    /// Version of the stored profile.
    pub version: i64,
    /// What differs, at least one part.
    pub parts: Vec<ProfilePart>,
}

/// Phone numbers that an earlier version stored as they were sent, and that no message has confirmed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OlderNumbers {
    /// The system that stated them, if it is known.
    pub source: Option<Label>,
    /// How many.
    pub count: usize,
}

/// Customers whose profiles were compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPage {
    /// How many.
    pub checked: usize,
    /// The profiles that differ, by customer.
    pub differences: Vec<ProfileDifference>,
    /// Their phone numbers that may be stored in another form than the one they are looked up in, by source.
    pub older_numbers: Vec<OlderNumbers>,
    /// The last of them, if there are more.
    pub last: Option<CustomerId>,
}

/// Compares stored profiles with the facts.
pub struct ProfileChecks {
    /// For the customers and their facts.
    pub pool: Pool,
    /// For what is said of sources.
    pub bases: Arc<CurrentBasis>,
}

impl ProfileChecks {
    /// Compares the profiles of at most `size` customers with ids after `after`. All is read in one snapshot, so that a write in between is
    /// no difference.
    ///
    /// # Errors
    /// When the database cannot be asked, or a row cannot be read.
    pub async fn check(
        &self,
        after: Option<&CustomerId>,
        size: usize,
    ) -> Result<CheckedPage, ServiceError> {
        let mut tx = self.pool.begin_snapshot().await?;
        let limit = i64::try_from(size).unwrap_or(i64::MAX - 1) + 1;
        let mut slice = store::profiles::list_stored_slice(&mut tx, after, limit).await?;
        let has_more = slice.len() > size;
        slice.truncate(size);
        let ids: Vec<CustomerId> = slice.iter().map(|it| it.customer_id.clone()).collect();
        let mut unreadable = vec![];
        let mut profiles = Vec::with_capacity(slice.len());
        for stored in slice {
            match stored.profile {
                Ok(profile) => profiles.push(profile),
                Err(_) => unreadable.push((stored.customer_id, stored.version)),
            }
        }
        let groups = Groups::from_profiles(&profiles);
        let mut facts = store::facts::list_joined(&mut tx, &ids, None, &groups).await?;
        let members = store::merges::list_members(&mut tx, &ids).await?;
        let merged = store::merges::list_parents(&mut tx, &ids).await?;
        let columns = store::profiles::list_with_other_columns(&mut tx, &profiles).await?;
        let named = store::customers::list_named_otherwise(&mut tx, &ids).await?;
        let held = store::identifiers::list_held(&mut tx, &groups.with_members(&ids)).await?;
        let found = store::identifiers::list_owners_of(&mut tx, &ids).await?;
        let separate = self.separate_sources();
        let twice = store::fact_keys::list_with_others(&mut tx, &ids, &separate).await?;
        tx.rollback().await?;
        let parts_of = |id: &CustomerId, mut parts: Vec<ProfilePart>| {
            if columns.contains(id) {
                parts.push(ProfilePart::Columns);
            }
            let records = groups.with_members(std::slice::from_ref(id));
            let held = records.iter().filter_map(|record| held.get(record));
            if !is_found(held, found.get(id)) {
                parts.push(ProfilePart::Identifiers);
            }
            if named.contains(id) {
                parts.push(ProfilePart::Naming);
            }
            if twice.contains(id) {
                parts.push(ProfilePart::Keys);
            }
            parts
        };
        let readable = profiles.iter().filter_map(|profile| {
            let id = &profile.customer_id;
            let facts = facts.remove(id).unwrap_or_default();
            let mut parts = parts_of(id, differing_parts(&profile.history, &fold_all(&facts)));
            let linked = members.get(id).map_or(&[][..], |members| &**members);
            if *linked != *profile.members || merged.contains_key(id) {
                parts.push(ProfilePart::Members);
            }
            (!parts.is_empty()).then(|| difference(id, profile.version, parts))
        });
        let mut differences: Vec<ProfileDifference> = readable.collect();
        differences.extend(unreadable.iter().map(|(id, version)| {
            let parts = parts_of(id, vec![ProfilePart::Unreadable]);
            difference(id, *version, parts)
        }));
        differences.sort_by(|one, other| one.customer.cmp(&other.customer));
        Ok(CheckedPage {
            checked: ids.len(),
            differences,
            older_numbers: older_numbers(held.values().flatten()),
            last: ids.last().filter(|_| has_more).cloned(),
        })
    }
}

impl ProfileChecks {
    /// The sources whose ids are unique for each customer only.
    fn separate_sources(&self) -> Vec<Label> {
        let basis = self.bases.current();
        let definitions = basis.revision.definitions.as_deref();
        definitions
            .map(Definitions::separate_sources)
            .unwrap_or_default()
    }
}

fn difference(customer: &CustomerId, version: i64, parts: Vec<ProfilePart>) -> ProfileDifference {
    ProfileDifference {
        customer: customer.clone(),
        version,
        parts,
    }
}

/// How many of the identifiers are not known to be in the canonical form, by source.
fn older_numbers<'a>(held: impl Iterator<Item = &'a HeldIdentifier>) -> Vec<OlderNumbers> {
    let mut counts: BTreeMap<Option<&Label>, usize> = BTreeMap::new();
    for identifier in held.filter(|it| !it.is_canonical) {
        *counts.entry(identifier.source.as_ref()).or_default() += 1;
    }
    let of_source = |(source, count): (Option<&Label>, usize)| OlderNumbers {
        source: source.cloned(),
        count,
    };
    counts.into_iter().map(of_source).collect()
}

/// Whether a customer is found by the identifiers that they have, and by no others.
fn is_found<'a>(
    held: impl Iterator<Item = &'a Vec<HeldIdentifier>>,
    found: Option<&HashSet<IdentifierDigest>>,
) -> bool {
    let held: HashSet<IdentifierDigest> = held.flatten().map(|it| it.digest).collect();
    found.map_or(held.is_empty(), |found| *found == held)
}

/// The parts that are not the same.
fn differing_parts(stored: &History, folded: &History) -> Vec<ProfilePart> {
    // Every field is named, so that one that is added is compared too.
    let History {
        purchases,
        contacts,
        attributes,
        contracts,
        unmatched_refund_count,
        unmatched_refunds,
        has_refunds,
        last_unnamed_refund_day,
        unmatched_retraction_count,
        has_retractions,
        last_event_day,
    } = folded;
    let corrections = (
        stored.unmatched_refund_count,
        &stored.unmatched_refunds,
        stored.has_refunds,
        stored.last_unnamed_refund_day,
        stored.unmatched_retraction_count,
        stored.has_retractions,
    );
    let folded_corrections = (
        *unmatched_refund_count,
        unmatched_refunds,
        *has_refunds,
        *last_unnamed_refund_day,
        *unmatched_retraction_count,
        *has_retractions,
    );
    [
        (ProfilePart::Purchases, stored.purchases == *purchases),
        (ProfilePart::Contacts, stored.contacts == *contacts),
        (ProfilePart::Attributes, stored.attributes == *attributes),
        (ProfilePart::Contracts, stored.contracts == *contracts),
        (ProfilePart::Corrections, corrections == folded_corrections),
        (
            ProfilePart::LastDay,
            stored.last_event_day == *last_event_day,
        ),
    ]
    .into_iter()
    .filter_map(|(part, is_same)| (!is_same).then_some(part))
    .collect()
}
