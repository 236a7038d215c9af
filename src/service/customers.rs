//! What is stored of one customer.

use std::{collections::HashSet, sync::Arc};

use sqlx::PgConnection;

use crate::{
    cache::profiles::ProfileCache,
    domain::customer::{KnownIdentifier, profile::Profile},
    service::{
        answer::{
            profiles::held_root,
            subjects::{Subject, Subjects},
        },
        error::ServiceError,
    },
    store::{self, error::StoreError, identifiers::HeldIdentifier, pool::Pool},
};

/// A customer with the names by which they are found.
#[derive(Debug, Clone)]
pub struct KnownCustomer {
    /// The profile.
    pub profile: Arc<Profile>,
    /// The names, by kind.
    pub identifiers: Vec<KnownIdentifier>,
}

/// Reads what is stored of customers.
pub struct Customers {
    /// Finds customers by what they are named.
    pub subjects: Arc<Subjects>,
    /// The cache of profiles.
    pub cache: Arc<ProfileCache>,
    /// For the names, which are not held in memory.
    pub pool: Pool,
}

impl Customers {
    /// The customer that `subject` names.
    ///
    /// # Errors
    /// Nobody, or several customers; or the database cannot be asked.
    pub async fn get(&self, subject: &Subject) -> Result<KnownCustomer, ServiceError> {
        let ids = self.subjects.find(subject).await?;
        let id = match &*ids {
            [] => return Err(ServiceError::CustomerNotFound(subject.noun())),
            [id] => id,
            several => return Err(ServiceError::AmbiguousSubject(several.to_vec())),
        };
        let profile = held_root(&self.cache, id).await?.profile;
        let profile = profile.ok_or(ServiceError::CustomerNotFound(subject.noun()))?;
        let profile = profile.profile()?;
        let mut connection = self.pool.acquire().await?;
        let identifiers = list_identifiers(&mut connection, &profile).await?;
        let identifiers = identifiers.into_iter().map(|held| KnownIdentifier {
            kind: held.digest.kind(),
            display: held.display,
        });
        Ok(KnownCustomer {
            profile,
            identifiers: identifiers.collect(),
        })
    }
}

/// The identifiers by which a customer is found, with those of the customers who were merged into them: each once, by kind and what is shown.
pub(in crate::service) async fn list_identifiers(
    connection: &mut PgConnection,
    profile: &Profile,
) -> Result<Vec<HeldIdentifier>, StoreError> {
    let id = std::iter::once(&profile.customer_id);
    let records: Vec<_> = id.chain(&profile.members).cloned().collect();
    let mut held = store::identifiers::list_held(connection, &records).await?;
    let mut identifiers = held.remove(&profile.customer_id).unwrap_or_default();
    if !profile.members.is_empty() {
        let of_members = profile.members.iter().filter_map(|id| held.remove(id));
        identifiers.extend(of_members.flatten());
        let mut seen = HashSet::new();
        identifiers.retain(|it| seen.insert(it.digest));
        identifiers.sort_by(|one, other| {
            let order = |it: &HeldIdentifier| (it.digest.kind(), it.display.clone());
            order(one).cmp(&order(other))
        });
    }
    Ok(identifiers)
}
