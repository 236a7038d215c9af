//! From a way of naming a customer to the customers it names.

use std::sync::Arc;

use crate::{
    cache::identifiers::{IdentifierCache, Owners},
    domain::{
        customer::{Identifier, IdentifierKind},
        text::CustomerId,
    },
    service::error::ServiceError,
    store::identifiers::IdentifierKey,
};

/// A way of naming a customer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// By id.
    Customer(CustomerId),
    /// By another name, which several customers may share.
    Identifier(Identifier),
}

impl Subject {
    /// What the subject is named by, in words.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Customer(_) => "customer id",
            Self::Identifier(identifier) => match identifier.kind() {
                IdentifierKind::Phone => "phone number",
                IdentifierKind::Email => "e-mail address",
                IdentifierKind::External => "external id",
            },
        }
    }
}

/// Finds customers by what they are named.
pub struct Subjects {
    identifiers: Arc<IdentifierCache>,
    key: IdentifierKey,
}

impl Subjects {
    /// A finder that looks up digests under `key`.
    #[must_use]
    pub fn new(identifiers: Arc<IdentifierCache>, key: IdentifierKey) -> Self {
        Self { identifiers, key }
    }

    /// The customers that `subject` names, by id: none, one or several. A customer id names itself, known or not.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find(&self, subject: &Subject) -> Result<Owners, ServiceError> {
        match subject {
            Subject::Customer(id) => Ok(Owners::One(id.clone())),
            Subject::Identifier(identifier) => {
                Ok(self.identifiers.get(&self.key.digest(identifier)).await?)
            }
        }
    }

    /// As [`Self::find`] for an identifier, if memory holds whom it names.
    #[must_use]
    pub fn find_held(&self, subject: &Subject) -> Option<Owners> {
        match subject {
            Subject::Customer(id) => Some(Owners::One(id.clone())),
            Subject::Identifier(identifier) => {
                self.identifiers.get_held(&self.key.digest(identifier))
            }
        }
    }

    /// The customers that each of `subjects` names, in their order, as [`Self::find`] says.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_many(&self, subjects: &[Subject]) -> Result<Vec<Owners>, ServiceError> {
        let digest = |subject: &Subject| match subject {
            Subject::Customer(_) => None,
            Subject::Identifier(identifier) => Some(self.key.digest(identifier)),
        };
        let digests: Vec<_> = subjects.iter().map(digest).collect();
        let wanted: Vec<_> = digests.iter().copied().flatten().collect();
        let owners = self.identifiers.get_many(&wanted).await?;
        let named = subjects.iter().zip(digests);
        Ok(named
            .map(|(subject, digest)| match subject {
                Subject::Customer(id) => Owners::One(id.clone()),
                Subject::Identifier(_) => digest
                    .and_then(|digest| owners.get(&digest).cloned())
                    .unwrap_or_default(),
            })
            .collect())
    }
}
