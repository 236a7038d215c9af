//! Cost to serve of a customer or a group, next to their income.

use std::sync::Arc;

use super::{CustomerDesk, Group, GroupDesk, population::list_contacts};
use crate::{
    domain::{
        basis::Basis,
        calendar::Day,
        customer::{group::Groups, profile::DatedProfile},
        desk::{
            contacts::DeskContact,
            ledger::{CostToServe, Ledger},
            window::{MonthWindow, Window},
        },
    },
    service::{answer::subjects::Subject, error::ServiceError},
};

/// Whose contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Those of one customer.
    Customer(Subject),
    /// Those of a group.
    Group(Group),
}

/// What contacts cost next to the income of their customers.
#[derive(Debug, Clone)]
pub struct CostAnswer {
    /// The figures.
    pub cost: CostToServe,
    /// The customer; `None` for a group.
    pub customer: Option<DatedProfile>,
    /// The last day of the window.
    pub as_of: Day,
    /// The basis of the answer.
    pub basis: Arc<Basis>,
}

impl CustomerDesk {
    /// The customer that a subject names, as of a day, with the contacts of a window.
    ///
    /// # Errors
    /// No customer, or several; or the database cannot be asked.
    pub(super) async fn read(
        &self,
        subject: &Subject,
        as_of: Day,
        window: Window,
    ) -> Result<(DatedProfile, Vec<DeskContact>), ServiceError> {
        let ids = self.classifier.subjects.find(subject).await?;
        let id = match &*ids {
            [] => return Err(ServiceError::CustomerNotFound(subject.noun())),
            [id] => id,
            several => return Err(ServiceError::AmbiguousSubject(several.to_vec())),
        };
        let profile = self.classifier.profiles.at(id, as_of).await?;
        let profile = profile.ok_or(ServiceError::CustomerNotFound(subject.noun()))?;
        let mut connection = self.pool.acquire().await?;
        let id = profile.profile().customer_id.clone();
        let groups = Groups::from_profiles([profile.profile()]);
        let ids = std::slice::from_ref(&id);
        let mut contacts = list_contacts(&mut connection, ids, &groups, window).await?;
        Ok((profile, contacts.remove(&id).unwrap_or_default()))
    }

    /// What the contacts of a customer cost.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub(super) async fn cost_to_serve(
        &self,
        subject: &Subject,
        months: u32,
        as_of: Option<Day>,
    ) -> Result<CostAnswer, ServiceError> {
        let (basis, as_of) = self.context(as_of)?;
        let window = MonthWindow::new(as_of, months);
        let (profile, contacts) = self.read(subject, as_of, window.whole()).await?;
        let mut ledger = Ledger::new(window);
        ledger.add(profile.view(), &contacts, &basis);
        Ok(CostAnswer {
            cost: ledger.finish(),
            customer: Some(profile),
            as_of,
            basis,
        })
    }
}

impl GroupDesk {
    /// What the contacts of a customer or a group cost in the calendar months up to a day.
    ///
    /// # Errors
    /// No such customer, segment or tier; or the database cannot be asked.
    pub async fn cost_to_serve(
        &self,
        whose: &Whose,
        months: u32,
        as_of: Option<Day>,
    ) -> Result<CostAnswer, ServiceError> {
        let group = match whose {
            Whose::Customer(subject) => {
                return self.customers.cost_to_serve(subject, months, as_of).await;
            }
            Whose::Group(group) => group,
        };
        let (basis, as_of) = self.context(as_of)?;
        let selected = group.select(&basis)?;
        let window = MonthWindow::new(as_of, months);
        let mut ledger = Ledger::new(window.clone());
        self.walk(as_of, window.whole(), |walked| {
            if selected.has(&walked.profile, &basis) {
                ledger.add(walked.profile.view(), &walked.contacts, &basis);
            }
        })
        .await?;
        Ok(CostAnswer {
            cost: ledger.finish(),
            customer: None,
            as_of,
            basis,
        })
    }
}
