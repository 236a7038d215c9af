//! The figures a service is run by, of contacts and their outcomes.

use super::{
    contacts::DeskContact,
    cost::{CostGap, CostSum},
    statistics::wilson,
};

/// Contacts with a property, of those of which it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Contacts that have it.
    pub count: u64,
    /// Contacts of which it is known.
    pub known: u64,
}

/// A share with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShareEstimate {
    /// The share.
    pub share: f64,
    /// Lower end of the Wilson interval at 95 %.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// The sum of a value over the contacts that have one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mean {
    /// Contacts with a value.
    pub known: u64,
    sum: i64,
}

/// The figures of some contacts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceFigures {
    /// Contacts.
    pub contacts: u64,
    /// Customers with one.
    pub customers: u64,
    /// Resolved at the first contact.
    pub resolved_first: Share,
    /// Passed on.
    pub transferred: Share,
    /// Satisfaction.
    pub satisfaction: Mean,
    /// Effort.
    pub effort: Mean,
    /// Duration in seconds.
    pub duration_seconds: Mean,
    /// Cost.
    pub cost: CostSum,
    /// Number of the last customer that was counted, so that each counts once.
    last_customer: Option<u64>,
}

impl Share {
    fn add(&mut self, has: Option<bool>) {
        if let Some(has) = has {
            self.known += 1;
            self.count += u64::from(has);
        }
    }

    /// The share; `None` where it is known of no contact.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of contacts")]
    pub fn estimate(self) -> Option<ShareEstimate> {
        let (lower, upper) = wilson(self.count, self.known)?;
        Some(ShareEstimate {
            share: self.count as f64 / self.known as f64,
            lower,
            upper,
        })
    }
}

impl Mean {
    fn add(&mut self, value: Option<i64>) {
        if let Some(value) = value {
            self.known += 1;
            self.sum = self.sum.saturating_add(value);
        }
    }

    /// The mean; `None` without a value.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts and seconds")]
    pub fn mean(self) -> Option<f64> {
        (self.known > 0).then(|| self.sum as f64 / self.known as f64)
    }
}

impl ServiceFigures {
    /// Adds a contact of the customer with this number, at its price. Customers come one after another, in the order of their numbers.
    pub fn add(&mut self, customer: u64, contact: &DeskContact, price: Result<i64, CostGap>) {
        if self.last_customer != Some(customer) {
            self.last_customer = Some(customer);
            self.customers += 1;
        }
        self.contacts += 1;
        self.resolved_first.add(contact.resolved_first);
        self.transferred.add(contact.transferred);
        self.satisfaction.add(contact.satisfaction.map(i64::from));
        self.effort.add(contact.effort.map(i64::from));
        self.duration_seconds
            .add(contact.duration_seconds.map(i64::from));
        self.cost.add(&contact.channel, price);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::Day;

    #[test]
    fn each_figure_counts_the_contacts_that_state_it() {
        let contact = DeskContact {
            day: Day::EPOCH,
            channel: "phone".into(),
            topic: None,
            queue: None,
            duration_seconds: Some(60),
            cost: None,
            outcome: None,
            transferred: None,
            resolved_first: Some(true),
            satisfaction: Some(5),
            effort: None,
        };
        let mut figures = ServiceFigures::default();
        figures.add(0, &contact, Ok(100));
        figures.add(0, &contact, Err(CostGap::NotKnown));
        let other = DeskContact {
            resolved_first: Some(false),
            satisfaction: Some(2),
            duration_seconds: None,
            ..contact
        };
        figures.add(1, &other, Ok(100));
        assert_eq!((figures.contacts, figures.customers), (3, 2));
        assert_eq!(figures.resolved_first, Share { count: 2, known: 3 });
        assert_eq!(figures.transferred.estimate(), None);
        assert_eq!(figures.satisfaction.mean(), Some(4.0));
        assert_eq!(figures.effort.mean(), None);
        assert_eq!(figures.duration_seconds.mean(), Some(60.0));
        assert_eq!((figures.cost.contacts, figures.cost.priced), (3, 2));
    }
}
