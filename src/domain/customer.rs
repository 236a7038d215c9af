//! What kind of customer somebody is, and the other names by which they are found.

pub mod contracts;
pub mod facts;
pub mod group;
pub mod profile;

use std::{borrow::Cow, fmt};

use crate::domain::{
    telephony::{number::PhoneNumber, plan::NumberError},
    text::{TextError, required},
};

/// What a customer is to the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CustomerKind {
    /// A natural person.
    Person,
    /// A company or another organisation.
    Company,
    /// A colleague served by an internal service; never rated.
    Employee,
}

impl CustomerKind {
    /// All kinds, in the order of their storage codes.
    pub const ALL: [Self; 3] = [Self::Person, Self::Company, Self::Employee];
}

/// An e-mail address, in lower case.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(Box<str>);

/// An id in the name space of another system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExternalId {
    system: Box<str>,
    id: Box<str>,
}

/// Why a text does not name a customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Not a phone number.
    #[error(transparent)]
    PhoneNumber(#[from] NumberError),
    /// Not an address.
    #[error("is not an e-mail address: write one @ between a name and a domain, at most 254 bytes")]
    Email,
    /// A part of an external id.
    #[error(transparent)]
    Text(#[from] TextError),
}

impl Email {
    /// The address, checked only for what the wrong field would show, and turned to lower case.
    ///
    /// # Errors
    /// When the text is no address.
    pub fn new(text: &str) -> Result<Self, IdentifierError> {
        let valid = text.len() <= 254
            && required(text, 254).is_ok()
            && !text.contains(char::is_whitespace)
            && text.split_once('@').is_some_and(|(name, domain)| {
                !name.is_empty() && !domain.is_empty() && !domain.contains('@')
            });
        if valid {
            Ok(Self(text.to_lowercase().into()))
        } else {
            Err(IdentifierError::Email)
        }
    }
}

impl ExternalId {
    /// The id, checked: a system of 1 to 64 bytes without `/`, and an id of 1 to 128 bytes.
    ///
    /// # Errors
    /// Empty, too long, or a character that must not be stored.
    pub fn new(system: &str, id: &str) -> Result<Self, IdentifierError> {
        if system.contains('/') {
            return Err(TextError::Character('/'.into()).into());
        }
        Ok(Self {
            system: required(system, 64)?.into(),
            id: required(id, 128)?.into(),
        })
    }
}

/// A name by which customers can be found. Several customers may share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// A phone number.
    Phone(PhoneNumber),
    /// An e-mail address.
    Email(Email),
    /// An id of another system.
    External(ExternalId),
}

/// The kind of an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentifierKind {
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// An id of another system.
    External,
}

/// An identifier by which a customer is found, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownIdentifier {
    /// Its kind.
    pub kind: IdentifierKind,
    /// [`Identifier::masked`].
    pub display: String,
}

impl Identifier {
    /// The kind.
    #[must_use]
    pub fn kind(&self) -> IdentifierKind {
        match self {
            Self::Phone(_) => IdentifierKind::Phone,
            Self::Email(_) => IdentifierKind::Email,
            Self::External(_) => IdentifierKind::External,
        }
    }

    /// The one text form of the value, for the keyed digest by which it is stored and found.
    #[must_use]
    pub fn canonical(&self) -> Cow<'_, str> {
        match self {
            Self::Phone(number) => number.as_str().into(),
            Self::Email(address) => (&*address.0).into(),
            Self::External(external) => format!("{}/{}", external.system, external.id).into(),
        }
    }

    /// What may be shown of it to a person: phone numbers and e-mails masked, external ids whole.
    #[must_use]
    pub fn masked(&self) -> String {
        match self {
            Self::Phone(number) => number.masked(),
            Self::Email(Email(text)) => {
                let (name, domain) = text.split_once('@').unwrap_or((text, ""));
                let first: String = name.chars().take(1).collect();
                format!("{first}***@{domain}")
            }
            Self::External(_) => self.canonical().into_owned(),
        }
    }
}

impl fmt::Debug for Email {
    /// Redacted: an address never reaches a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::telephony::plan::NumberPlan;

    #[test]
    fn an_email_is_found_without_regard_to_case() {
        assert_eq!(
            Email::new("Ada@Example.ORG").unwrap(),
            Email::new("ada@example.org").unwrap()
        );
        for bad in ["", "ada", "@example.org", "ada@", "a@b@c", "a b@c.de"] {
            assert!(Email::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn phone_numbers_and_emails_are_masked_in_every_shown_form() {
        let phone = Identifier::Phone(NumberPlan::E164.number("+4930123456").unwrap());
        assert_eq!(phone.masked(), "+49******56");
        assert!(!format!("{phone:?}").contains("123456"));
        let email = Identifier::Email(Email::new("ada@example.org").unwrap());
        assert_eq!(email.masked(), "a***@example.org");
        assert!(!format!("{email:?}").contains("ada"));
        let external = Identifier::External(ExternalId::new("crm", "47/11").unwrap());
        assert_eq!(external.masked(), "crm/47/11");
        assert!(ExternalId::new("c/rm", "4711").is_err());
    }
}
