//! What is stored of one customer.

use std::sync::Arc;

use crate::{
    cache::profiles::ProfileCache,
    domain::customer::{KnownIdentifier, profile::Profile},
    service::{
        answer::subjects::{Subject, Subjects},
        error::ServiceError,
    },
    store::{self, pool::Pool},
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
        let profile = self.cache.get(id).await?.profile;
        let profile = profile.ok_or(ServiceError::CustomerNotFound(subject.noun()))?;
        let mut connection = self.pool.acquire().await?;
        let mut held =
            store::identifiers::list_held(&mut connection, std::slice::from_ref(id)).await?;
        let held = held.remove(id).unwrap_or_default().into_iter();
        let identifiers = held.map(|held| KnownIdentifier {
            kind: held.digest.kind(),
            display: held.display,
        });
        Ok(KnownCustomer {
            profile,
            identifiers: identifiers.collect(),
        })
    }
}
