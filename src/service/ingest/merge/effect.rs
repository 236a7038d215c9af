//! What a merge changes, for the person who decides.

use std::{collections::HashSet, sync::Arc};

use sqlx::{Postgres, Transaction as Tx};

use super::Ingest;
use crate::{
    domain::{
        basis::Basis,
        calendar::Day,
        customer::{
            KnownIdentifier,
            facts::AttributeFact,
            group::{
                Groups,
                namesakes::Namesakes,
                overlap::{SharedCount, SharedFacts, compare},
            },
            profile::{DatedProfile, Facts, Profile},
        },
        desk::{contacts::RecordedOutcome, window::Window},
        text::Label,
    },
    service::{
        answer::{classify::Classified, profiles::fold_day},
        error::ServiceError,
    },
    store::{self, error::StoreError, identifiers::HeldIdentifier},
};

/// A kind of fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactsKind {
    /// Transactions.
    Transaction,
    /// Contacts.
    Contact,
    /// Observations of contracts.
    Contract,
    /// Observations of attributes.
    Attribute,
    /// Outcomes of contacts.
    Outcome,
}

/// Facts of one kind of the customer who is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergedFacts {
    /// Their kind.
    pub kind: FactsKind,
    /// How many, and how many of them the other customer has too.
    pub count: SharedCount,
}

/// An attribute of which two customers have different values.
#[derive(Debug, Clone, PartialEq)]
pub struct DifferingAttribute {
    /// Its name.
    pub name: Label,
    /// What holds of the customer who stays.
    pub kept: AttributeFact,
    /// What holds of the customer who is merged.
    pub merged: AttributeFact,
    /// What holds while they are merged.
    pub holding: AttributeFact,
}

/// What a merge, or its end, changes.
#[derive(Debug)]
pub struct MergeEffect {
    /// Facts of the customer who is merged; kinds without any are absent.
    pub facts: Vec<MergedFacts>,
    /// Their identifiers.
    pub identifiers: Vec<KnownIdentifier>,
    /// Those among them that the other customer has too.
    pub shared_identifiers: Vec<KnownIdentifier>,
    /// Attributes that differ, by name.
    pub attributes: Vec<DifferingAttribute>,
    /// What is answered before.
    pub before: Vec<Classified>,
    /// What is answered after.
    pub after: Vec<Classified>,
    /// The day of these answers.
    pub as_of: Day,
    /// Their basis.
    pub basis: Arc<Basis>,
}

/// The two customers, with their identifiers, and the profile with the facts of both.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    /// The customer who stays.
    pub(super) kept: (&'a Profile, &'a [HeldIdentifier]),
    /// The customer who is merged.
    pub(super) merged: (&'a Profile, &'a [HeldIdentifier]),
    /// While they are merged.
    pub(super) together: &'a Profile,
}

/// What is answered of the profiles `before` and `after`, and what the two sides have.
pub(super) async fn effect(
    ingest: &Ingest,
    tx: &mut Tx<'_, Postgres>,
    sides: Sides<'_>,
    before: &[&Profile],
    after: &[&Profile],
) -> Result<MergeEffect, ServiceError> {
    let as_of = Day::in_zone(ingest.clock.now(), &ingest.zone);
    let as_of = as_of.map_err(|error| ServiceError::Internal(Box::new(error)))?;
    let basis = ingest.bases.current();
    let before = date(tx, before, as_of).await?;
    let after = date(tx, after, as_of).await?;
    let kept: HashSet<_> = sides.kept.1.iter().map(|it| it.digest).collect();
    let merged = sides.merged.1.iter();
    let shared = merged.clone().filter(|it| kept.contains(&it.digest));
    Ok(MergeEffect {
        facts: count_facts(tx, sides.kept.0, sides.merged.0).await?,
        identifiers: merged.map(known).collect(),
        shared_identifiers: shared.map(known).collect(),
        attributes: differing_attributes(sides),
        before: Classified::of_profiles(before, &basis),
        after: Classified::of_profiles(after, &basis),
        as_of,
        basis,
    })
}

fn known(held: &HeldIdentifier) -> KnownIdentifier {
    KnownIdentifier {
        kind: held.digest.kind(),
        display: held.display.clone(),
    }
}

/// Profiles as of a day.
async fn date(
    tx: &mut Tx<'_, Postgres>,
    profiles: &[&Profile],
    day: Day,
) -> Result<Vec<DatedProfile>, StoreError> {
    let mut dated = Vec::with_capacity(profiles.len());
    for profile in profiles {
        let whole = DatedProfile::new(Arc::new((*profile).clone()), day);
        if whole.is_some() {
            dated.extend(whole);
            continue;
        }
        let mut folded = fold_day(tx, std::iter::once(*profile), day).await?;
        dated.extend(folded.remove(&profile.customer_id));
    }
    Ok(dated)
}

async fn count_facts(
    tx: &mut Tx<'_, Postgres>,
    kept: &Profile,
    merged: &Profile,
) -> Result<Vec<MergedFacts>, StoreError> {
    let (of_kept, kept_outcomes) = list_facts(tx, kept).await?;
    let (of_merged, merged_outcomes) = list_facts(tx, merged).await?;
    let facts = SharedFacts::new(&of_kept, &of_merged);
    let key = |it: &RecordedOutcome| {
        let key = &it.outcome.key;
        (key.source.clone(), key.id.clone())
    };
    let outcomes = compare(&kept_outcomes, &merged_outcomes, key, |one, other| {
        let mut other = other.outcome.clone();
        other.key.customer_id = one.outcome.key.customer_id.clone();
        one.outcome == other
    });
    let counts = [
        (FactsKind::Transaction, facts.transactions),
        (FactsKind::Contact, facts.contacts),
        (FactsKind::Contract, facts.contracts),
        (FactsKind::Attribute, facts.attributes),
        (FactsKind::Outcome, outcomes),
    ];
    let counts = counts.into_iter().filter(|(_, count)| count.count > 0);
    Ok(counts
        .map(|(kind, count)| MergedFacts { kind, count })
        .collect())
}

/// All facts of a customer, with those who are merged into them.
async fn list_facts(
    tx: &mut Tx<'_, Postgres>,
    profile: &Profile,
) -> Result<(Facts, Vec<RecordedOutcome>), StoreError> {
    let groups = Groups::from_profiles([profile]);
    let ids = std::slice::from_ref(&profile.customer_id);
    let mut facts = store::facts::list_joined(tx, ids, None, &groups).await?;
    let always = Window {
        first: Day::EPOCH,
        last: Day::LAST,
    };
    let records = groups.with_members(ids);
    let outcomes = store::contact_outcomes::list(tx, &records, always).await?;
    let facts = facts.remove(&profile.customer_id).unwrap_or_default();
    if groups.is_empty() {
        return Ok((facts, outcomes));
    }
    // As they are recorded: those of `facts` are joined.
    let contacts = store::contacts::list(tx, &records, None).await?;
    let namesakes = Namesakes::of_contacts(&groups, contacts.iter());
    let outcomes = RecordedOutcome::join(outcomes, &groups, &namesakes);
    Ok((facts, outcomes))
}

/// The attributes of which the two have different values.
fn differing_attributes(sides: Sides<'_>) -> Vec<DifferingAttribute> {
    let find = |profile: &Profile, name: &Label| {
        let mut attributes = profile.history.attributes.iter();
        attributes.find(|fact| fact.name == *name).cloned()
    };
    let of_kept = sides.kept.0.history.attributes.iter();
    let differing = of_kept.filter_map(|kept| {
        let merged = find(sides.merged.0, &kept.name)?;
        (kept.value != merged.value).then_some(DifferingAttribute {
            name: kept.name.clone(),
            holding: find(sides.together, &kept.name)?,
            kept: kept.clone(),
            merged,
        })
    });
    differing.collect()
}
