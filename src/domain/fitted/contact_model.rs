//! How often customers of a kind contact the company, channel by channel, and what that costs: a part of a model version.
//!
//! It is learned from everybody of a kind ([`census`]) and knows no tier: a service level that follows from a tier must not make the
//! customers in it look dear.

pub mod census;

use crate::domain::{
    clv::contact_rates::{ContactCost, ContactRate},
    customer::CustomerKind,
    money::Currency,
    text::Label,
};

/// What is usual on one channel among customers of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct UsualContacts {
    /// The kind.
    pub kind: CustomerKind,
    /// The channel.
    pub channel: Label,
    /// How often.
    pub rate: ContactRate,
    /// What a contact of recorded cost costs and in which currency; `None` where no cost is recorded.
    pub cost: Option<(ContactCost, Currency)>,
    /// Share of the contacts there whose cost was recorded, 0 to 1; 0 too in a version that did not count them.
    pub recorded_cost_share: f64,
    /// Customers behind it, those who never had a contact there included.
    pub customers: u64,
}

impl UsualContacts {
    /// What a contact usually costs, in major units of `currency`, where one of unrecorded cost costs `stated`; `None` where no cost was
    /// recorded in that currency.
    ///
    /// The mean is that of all contacts there, each priced as conditions price it. So a cost that was recorded once moves it by as much
    /// as one contact weighs among all of them, and a cost that the definitions change counts at once, before any other fit.
    #[must_use]
    pub fn cost_with(&self, stated: Option<f64>, currency: Currency) -> Option<ContactCost> {
        let (recorded, _) = self.cost.filter(|(_, booked)| *booked == currency)?;
        let Some(stated) = stated else {
            return Some(recorded);
        };
        let share = self.recorded_cost_share;
        Some(ContactCost {
            mean: share * recorded.mean + (1.0 - share) * stated,
            ..recorded
        })
    }
}

/// What is usual of contacts, by kind and channel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContactModel(Vec<UsualContacts>);

impl ContactModel {
    /// Of these pairs of kind and channel, each at most once.
    #[must_use]
    pub const fn new(usual: Vec<UsualContacts>) -> Self {
        Self(usual)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[UsualContacts] {
        &self.0
    }

    /// Those of a kind.
    pub fn of_kind(&self, kind: CustomerKind) -> impl Iterator<Item = &UsualContacts> {
        self.0.iter().filter(move |usual| usual.kind == kind)
    }
}
