//! Whether stored profiles are what the facts make.

use std::collections::HashMap;

use crate::{
    domain::{
        customer::{
            group::Groups,
            profile::{History, Profile},
        },
        text::CustomerId,
    },
    service::{answer::profiles::fold_all, error::ServiceError},
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
    /// An identifier of the customer does not find them.
    Identifiers,
    /// It does not contain the facts of just those who are merged into the customer, or the customer is merged into another one.
    Members,
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

/// Customers whose profiles were compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPage {
    /// How many.
    pub checked: usize,
    /// The profiles that differ, by customer.
    pub differences: Vec<ProfileDifference>,
    /// The last of them, if there are more.
    pub last: Option<CustomerId>,
}

/// Compares stored profiles with the facts.
pub struct ProfileChecks {
    /// For the customers and their facts.
    pub pool: Pool,
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
        let mut profiles = store::profiles::list_slice(&mut tx, after, limit).await?;
        let has_more = profiles.len() > size;
        profiles.truncate(size);
        let ids: Vec<CustomerId> = profiles.iter().map(|it| it.customer_id.clone()).collect();
        let groups = Groups::from_profiles(&profiles);
        let mut facts = store::facts::list_joined(&mut tx, &ids, None, &groups).await?;
        let mut members = store::merges::list_members(&mut tx, &ids).await?;
        let merged = store::merges::list_parents(&mut tx, &ids).await?;
        let columns = store::profiles::list_with_other_columns(&mut tx, &profiles).await?;
        let records = groups.with_members(&ids);
        let held = store::identifiers::list_held(&mut tx, &records).await?;
        let digests = held.values().flatten().map(|it| it.digest);
        let digests: Vec<IdentifierDigest> = digests.collect();
        let owners = store::identifiers::list_owners(&mut tx, &digests).await?;
        tx.rollback().await?;
        let differences = profiles.iter().filter_map(|profile| {
            let id = &profile.customer_id;
            let facts = facts.remove(id).unwrap_or_default();
            let mut parts = differing_parts(&profile.history, &fold_all(&facts));
            if columns.contains(id) {
                parts.push(ProfilePart::Columns);
            }
            let records = std::iter::once(id).chain(&profile.members);
            let mut held = records.filter_map(|record| held.get(record));
            if !held.all(|held| is_found(id, held, &owners)) {
                parts.push(ProfilePart::Identifiers);
            }
            let linked = members.remove(id).unwrap_or_default();
            if *linked != *profile.members || merged.contains_key(id) {
                parts.push(ProfilePart::Members);
            }
            (!parts.is_empty()).then(|| difference(profile, parts))
        });
        Ok(CheckedPage {
            checked: profiles.len(),
            differences: differences.collect(),
            last: ids.last().filter(|_| has_more).cloned(),
        })
    }
}

fn difference(profile: &Profile, parts: Vec<ProfilePart>) -> ProfileDifference {
    ProfileDifference {
        customer: profile.customer_id.clone(),
        version: profile.version,
        parts,
    }
}

/// Whether every identifier of a customer finds them.
fn is_found(
    customer: &CustomerId,
    held: &[HeldIdentifier],
    owners: &HashMap<IdentifierDigest, Vec<CustomerId>>,
) -> bool {
    held.iter().all(|it| {
        let found = owners.get(&it.digest);
        found.is_some_and(|customers| customers.contains(customer))
    })
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
        has_refunds,
        last_unnamed_refund_day,
        unmatched_retraction_count,
        has_retractions,
        last_event_day,
    } = folded;
    let corrections = (
        stored.unmatched_refund_count,
        stored.has_refunds,
        stored.last_unnamed_refund_day,
        stored.unmatched_retraction_count,
        stored.has_retractions,
    );
    let folded_corrections = (
        *unmatched_refund_count,
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
