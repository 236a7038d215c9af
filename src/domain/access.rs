//! Who may do what: scopes, which methods need, and roles, which are named sets of scopes.
//!
//! Which scope a method needs is declared in `proto/patron/v1`. What is not granted is refused.

pub mod purpose;
pub mod token;

use std::fmt;

/// The right to call some methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Route arriving contacts.
    Route,
    /// Look customers up.
    Lookup,
    /// Read what is stored of a customer.
    CustomerRead,
    /// Record how contacts ended.
    OutcomeWrite,
    /// Read figures about groups of customers.
    FiguresRead,
    /// Read and evaluate models.
    ModelRead,
    /// Fit models.
    ModelFit,
    /// Activate models.
    ModelActivate,
    /// Read, check and try out definitions.
    DefinitionRead,
    /// Publish definitions.
    DefinitionPublish,
    /// Record customers, facts and exchange rates.
    Ingest,
    /// Read the time zone and the exchange rates.
    ReferenceRead,
    /// List imports and merges.
    CorrectionRead,
    /// Undo imports, merge customers, move facts.
    CorrectionWrite,
    /// Erase customers.
    CustomerErase,
    /// Compare stored profiles with their facts.
    ProfileCheck,
    /// List tokens.
    TokenRead,
    /// Create and revoke tokens.
    TokenWrite,
}

impl Scope {
    /// All, in the order of their declaration.
    pub const ALL: [Self; 18] = [
        Self::Route,
        Self::Lookup,
        Self::CustomerRead,
        Self::OutcomeWrite,
        Self::FiguresRead,
        Self::ModelRead,
        Self::ModelFit,
        Self::ModelActivate,
        Self::DefinitionRead,
        Self::DefinitionPublish,
        Self::Ingest,
        Self::ReferenceRead,
        Self::CorrectionRead,
        Self::CorrectionWrite,
        Self::CustomerErase,
        Self::ProfileCheck,
        Self::TokenRead,
        Self::TokenWrite,
    ];

    /// Its name in errors and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Lookup => "lookup",
            Self::CustomerRead => "customer.read",
            Self::OutcomeWrite => "outcome.write",
            Self::FiguresRead => "figures.read",
            Self::ModelRead => "model.read",
            Self::ModelFit => "model.fit",
            Self::ModelActivate => "model.activate",
            Self::DefinitionRead => "definition.read",
            Self::DefinitionPublish => "definition.publish",
            Self::Ingest => "ingest",
            Self::ReferenceRead => "reference.read",
            Self::CorrectionRead => "correction.read",
            Self::CorrectionWrite => "correction.write",
            Self::CustomerErase => "customer.erase",
            Self::ProfileCheck => "profile.check",
            Self::TokenRead => "token.read",
            Self::TokenWrite => "token.write",
        }
    }

    /// The roles that have it.
    pub fn roles(self) -> impl Iterator<Item = Role> {
        let has = move |role: &Role| role.scopes().contains(&self);
        Role::ALL.into_iter().filter(has)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A named set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A telephone system.
    Telephony,
    /// A person who serves customers.
    Agent,
    /// A person who reads figures and models, and no data of single customers.
    Analyst,
    /// A person who writes definitions and fits models.
    Author,
    /// A person who puts definitions and models in force.
    Approver,
    /// A person who runs the service.
    Operator,
    /// A person who answers for personal data.
    PrivacyOfficer,
    /// A program that records facts.
    Importer,
}

impl Role {
    /// All, in the order of their declaration.
    pub const ALL: [Self; 8] = [
        Self::Telephony,
        Self::Agent,
        Self::Analyst,
        Self::Author,
        Self::Approver,
        Self::Operator,
        Self::PrivacyOfficer,
        Self::Importer,
    ];

    /// Its name on the command line, in the database, in errors and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Telephony => "telephony",
            Self::Agent => "agent",
            Self::Analyst => "analyst",
            Self::Author => "author",
            Self::Approver => "approver",
            Self::Operator => "operator",
            Self::PrivacyOfficer => "privacy-officer",
            Self::Importer => "importer",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Its scopes.
    #[must_use]
    pub fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Telephony => &[Scope::Route],
            Self::Agent => &[
                Scope::Route,
                Scope::Lookup,
                Scope::CustomerRead,
                Scope::OutcomeWrite,
                Scope::ReferenceRead,
            ],
            Self::Analyst => &[
                Scope::FiguresRead,
                Scope::ModelRead,
                Scope::DefinitionRead,
                Scope::ReferenceRead,
            ],
            Self::Author => &[
                Scope::FiguresRead,
                Scope::ModelRead,
                Scope::ModelFit,
                Scope::DefinitionRead,
                Scope::ReferenceRead,
            ],
            Self::Approver => &[
                Scope::FiguresRead,
                Scope::ModelRead,
                Scope::ModelActivate,
                Scope::DefinitionRead,
                Scope::DefinitionPublish,
                Scope::ReferenceRead,
            ],
            Self::Operator => &[
                Scope::FiguresRead,
                Scope::ModelRead,
                Scope::ModelFit,
                Scope::ModelActivate,
                Scope::DefinitionRead,
                Scope::Ingest,
                Scope::ReferenceRead,
                Scope::CorrectionRead,
                Scope::CorrectionWrite,
                Scope::ProfileCheck,
                Scope::TokenRead,
                Scope::TokenWrite,
            ],
            Self::PrivacyOfficer => &[
                Scope::CustomerRead,
                Scope::ReferenceRead,
                Scope::CorrectionRead,
                Scope::CorrectionWrite,
                Scope::CustomerErase,
                Scope::TokenRead,
            ],
            Self::Importer => &[Scope::DefinitionRead, Scope::Ingest, Scope::ReferenceRead],
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u32);

impl Scopes {
    /// The scopes of all these roles.
    #[must_use]
    pub fn of_roles(roles: &[Role]) -> Self {
        let scopes = roles.iter().flat_map(|role| role.scopes());
        Self(scopes.fold(0, |bits, scope| bits | 1 << *scope as u32))
    }

    /// Whether a scope is among them.
    #[must_use]
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u32) != 0
    }
}

/// The most calls of an identity: so many a second on average, and so many at once after a pause. Both are at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallQuota {
    /// Calls a second.
    pub calls_per_second: u32,
    /// Calls at once.
    pub burst: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_has_a_name_of_its_own_and_a_role() {
        let names: std::collections::BTreeSet<_> = Scope::ALL.map(Scope::name).into();
        assert_eq!(names.len(), Scope::ALL.len());
        for scope in Scope::ALL {
            assert!(scope.roles().next().is_some(), "{scope}");
        }
    }

    #[test]
    fn a_set_has_the_scopes_of_its_roles_and_no_others() {
        assert!(Scope::ALL.iter().all(|it| !Scopes::default().contains(*it)));
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
            let set = Scopes::of_roles(&[role]);
            for scope in Scope::ALL {
                assert_eq!(set.contains(scope), role.scopes().contains(&scope));
            }
        }
        let both = Scopes::of_roles(&[Role::Telephony, Role::Importer]);
        assert!(both.contains(Scope::Route) && both.contains(Scope::Ingest));
        assert_eq!(Role::from_name("root"), None);
    }

    #[test]
    fn one_role_may_not_do_what_another_approves() {
        let has = |role: Role, scope| role.scopes().contains(&scope);
        assert!(!has(Role::Author, Scope::DefinitionPublish));
        assert!(!has(Role::Author, Scope::ModelActivate));
        assert!(!has(Role::Operator, Scope::DefinitionPublish));
        assert!(!has(Role::Operator, Scope::CustomerErase));
        assert!(!has(Role::Importer, Scope::TokenWrite));
    }
}
