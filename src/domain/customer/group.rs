//! Customers who were merged: whose facts count as whose.
//!
//! A merge is a link. Facts keep the customer with whom they were recorded, and the profile of the customer who stays is the fold of the facts
//! of all. What of two customers' facts is the same fact is decided here: that of the customer who stays comes first, then those of the others
//! in the order of their ids, so that the result depends on nothing but the facts and the links.

mod join;
pub mod namesakes;
pub mod overlap;

use std::collections::HashMap;

use crate::domain::{customer::profile::Profile, text::CustomerId};

/// Most customers of a group: a write to one of them folds the facts of all.
pub const MAX_MEMBERS: usize = 100;

/// Customers into whom others were merged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    members: HashMap<CustomerId, Box<[CustomerId]>>,
    roots: HashMap<CustomerId, CustomerId>,
}

impl Groups {
    /// Those of `profiles` that contain the facts of others.
    pub fn from_profiles<'a>(profiles: impl IntoIterator<Item = &'a Profile>) -> Self {
        let mut groups = Self::default();
        for profile in profiles {
            if !profile.members.is_empty() {
                groups.add(profile.customer_id.clone(), profile.members.clone());
            }
        }
        groups
    }

    /// Adds a customer with the others, sorted by id, whose facts count as theirs.
    pub fn add(&mut self, root: CustomerId, members: Box<[CustomerId]>) {
        let ids = members.iter().map(|member| (member.clone(), root.clone()));
        self.roots.extend(ids);
        self.members.insert(root, members);
    }

    /// Whether nobody was merged into anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// `customers` and all who were merged into them: those with whom their facts are recorded.
    #[must_use]
    pub fn with_members(&self, customers: &[CustomerId]) -> Vec<CustomerId> {
        let members = customers.iter().filter_map(|id| self.members.get(id));
        let members = members.flat_map(|members| members.iter());
        customers.iter().chain(members).cloned().collect()
    }

    /// The customer as whose the facts of `id` count.
    #[must_use]
    pub fn root<'a>(&'a self, id: &'a CustomerId) -> &'a CustomerId {
        self.roots.get(id).unwrap_or(id)
    }

    /// Whether the facts of `id` count with those of others.
    fn is_of_group(&self, id: &CustomerId) -> bool {
        self.roots.contains_key(id) || self.members.contains_key(id)
    }

    /// Where a customer stands in the order of a group: the one who stays, then the others by id.
    fn place<'a>(&self, id: &'a CustomerId) -> (bool, &'a CustomerId) {
        (self.roots.contains_key(id), id)
    }
}

#[cfg(test)]
mod tests;
