//! All customers, slice by slice: their profiles as of a day and their contacts that count in a window.
//!
//! One snapshot for all slices. What is held is one slice, whatever the number of customers; a caller who goes away ends the walk at the next
//! slice.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sqlx::PgConnection;

use super::GroupDesk;
use crate::{
    domain::{
        calendar::Day,
        customer::{
            facts::{Contact, FactKey},
            group::{Groups, namesakes::Namesakes},
            profile::{DatedProfile, Profile},
        },
        desk::{
            contacts::{DeskContact, RecordedOutcome, counted},
            window::Window,
        },
        text::CustomerId,
    },
    service::{answer::profiles::fold_day, error::ServiceError},
    store::{self, error::StoreError},
};

/// Customers read at once: with their contacts some hundred kilobytes, and some milliseconds of work.
const SLICE: i64 = 256;

/// A customer on a walk.
pub(super) struct Walked {
    /// Number on the walk, from 0.
    pub(super) number: u64,
    /// The profile as of the day.
    pub(super) profile: DatedProfile,
    /// The contacts that count in the window.
    pub(super) contacts: Vec<DeskContact>,
}

impl GroupDesk {
    /// Hands every customer to `each`, by id.
    pub(super) async fn walk(
        &self,
        as_of: Day,
        window: Window,
        mut each: impl FnMut(Walked) + Send,
    ) -> Result<(), ServiceError> {
        let permit = self.walks.acquire().await;
        let _permit = permit.map_err(|closed| ServiceError::Internal(Box::new(closed)))?;
        let mut tx = self.customers.pool.begin_snapshot().await?;
        let mut after: Option<CustomerId> = None;
        let mut number = 0;
        loop {
            let slice = store::profiles::list_slice(&mut tx, after.as_ref(), SLICE).await?;
            let ids: Vec<CustomerId> = slice.iter().map(|one| one.customer_id.clone()).collect();
            let Some(last) = ids.last() else {
                break;
            };
            after = Some(last.clone());
            let groups = Groups::from_profiles(&slice);
            let mut contacts = list_contacts(&mut tx, &ids, &groups, window).await?;
            for profile in date(&mut tx, slice, as_of).await? {
                let contacts = contacts.remove(&profile.profile().customer_id);
                each(Walked {
                    number,
                    profile,
                    contacts: contacts.unwrap_or_default(),
                });
                number += 1;
            }
            tokio::task::yield_now().await;
        }
        tx.rollback().await?;
        Ok(())
    }
}

/// The profiles as of a day, in their order: those with later facts folded from the facts until then.
async fn date(
    connection: &mut PgConnection,
    profiles: Vec<Profile>,
    as_of: Day,
) -> Result<Vec<DatedProfile>, StoreError> {
    let is_later = |profile: &&Profile| profile.history.last_event_day > Some(as_of);
    let later: Vec<Profile> = profiles.iter().filter(is_later).cloned().collect();
    let mut folded = if later.is_empty() {
        HashMap::new()
    } else {
        fold_day(connection, later.iter(), as_of).await?
    };
    let profiles = profiles.into_iter();
    let dated = profiles.filter_map(|profile| match folded.remove(&profile.customer_id) {
        Some(dated) => Some(dated),
        None => DatedProfile::new(Arc::new(profile), as_of),
    });
    Ok(dated.collect())
}

/// The contacts of customers that count within a window, by customer, with those of the customers who were merged into them; those without any
/// are absent.
pub(super) async fn list_contacts(
    connection: &mut PgConnection,
    customers: &[CustomerId],
    groups: &Groups,
    window: Window,
) -> Result<HashMap<CustomerId, Vec<DeskContact>>, StoreError> {
    let customers = groups.with_members(customers);
    let contacts = store::contacts::list_within(connection, &customers, window).await?;
    let mut outcomes = store::contact_outcomes::list(connection, &customers, window).await?;
    let namesakes = find_namesakes(connection, groups, &contacts, &outcomes).await?;
    let contacts = groups.join_contacts(contacts, &namesakes);
    if !groups.is_empty() {
        outcomes = RecordedOutcome::join(outcomes, groups, &namesakes);
        // Its contact may be recorded with another customer of the group.
        let keys: HashSet<_> = contacts.iter().map(|contact| &contact.key).collect();
        for outcome in &mut outcomes {
            outcome.has_contact |= keys.contains(&outcome.outcome.key);
        }
    }
    let mut read: HashMap<CustomerId, (Vec<Contact>, Vec<RecordedOutcome>)> = HashMap::new();
    for contact in contacts {
        let of_customer = read.entry(contact.key.customer_id.clone()).or_default();
        of_customer.0.push(contact);
    }
    for outcome in outcomes {
        let of_customer = read.entry(outcome.outcome.key.customer_id.clone());
        of_customer.or_default().1.push(outcome);
    }
    let counted = read
        .into_iter()
        .map(|(id, (contacts, outcomes))| (id, counted(&contacts, outcomes, window)));
    Ok(counted.collect())
}

/// The namesakes among contacts of a window, and those outside that a retraction or an outcome may be of.
async fn find_namesakes(
    connection: &mut PgConnection,
    groups: &Groups,
    contacts: &[Contact],
    outcomes: &[RecordedOutcome],
) -> Result<Namesakes, StoreError> {
    if groups.is_empty() {
        return Ok(Namesakes::default());
    }
    let retracted = contacts.iter().filter_map(Contact::retracted_key);
    let named = retracted.chain(outcomes.iter().map(|it| it.outcome.key.clone()));
    // What a customer does not have may be another one's of the group.
    let mut outside: HashSet<FactKey> = named
        .flat_map(|key| {
            let root = groups.root(&key.customer_id).clone();
            let customers = groups.with_members(&[root]).into_iter();
            customers.map(move |customer_id| FactKey {
                customer_id,
                ..key.clone()
            })
        })
        .collect();
    for contact in contacts {
        outside.remove(&contact.key);
    }
    let outside: Vec<&FactKey> = outside.iter().collect();
    let outside = store::contacts::list_by_key(connection, &outside).await?;
    let contacts = contacts.iter().chain(&outside);
    Ok(Namesakes::of_contacts(groups, contacts))
}
