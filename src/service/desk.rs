//! The service desk: what contacts cost and came to, of one customer or of a group, where they should go, and how urgent tickets are.

mod cost;
mod figures;
mod policy;
mod population;
mod tickets;
mod topics;

use std::sync::Arc;

use tokio::sync::Semaphore;

pub use self::{
    cost::{CostAnswer, Whose},
    figures::{Dimension, FiguresAnswer, FiguresRequest, GroupFigures},
    policy::{ChannelCustomer, Hypothetical, PolicyAnswer, PolicyRequest},
    tickets::{PresortRequest, Presorted, PresortedTicket, Ticket, TicketCustomer},
    topics::{DeflectionAnswer, DeflectionRequest, SurgeAnswer, SurgeRequest},
};
use crate::{
    domain::{
        assess::{Assessment, assess, tiers::TierIndex},
        basis::Basis,
        calendar::Day,
        customer::profile::DatedProfile,
        rules::condition::SegmentId,
    },
    service::{answer::classify::Classifier, error::ServiceError},
    store::pool::Pool,
};

/// Walks over all customers at once; further ones wait. Each holds a connection and keeps a core busy.
const WALKS: usize = 2;

/// A group of customers, by what they are on the day of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Group {
    /// All.
    #[default]
    Everyone,
    /// The members of a segment, `scheme/name`.
    Segment(String),
    /// The customers of a tier.
    Tier(String),
    /// Those without a tier.
    Unrated,
}

/// A group whose name was looked up.
#[derive(Debug, Clone, Copy)]
enum Selected {
    Everyone,
    Segment(SegmentId),
    Tier(TierIndex),
    Unrated,
}

/// Answers about single customers: finds and reads them, on the connections of the threads that it runs on.
#[derive(Clone)]
pub struct CustomerDesk {
    /// Finds and classifies customers.
    pub classifier: Arc<Classifier>,
    /// For their contacts.
    pub pool: Pool,
}

/// Answers about groups of customers.
pub struct GroupDesk {
    /// About single ones, on the same threads.
    customers: CustomerDesk,
    walks: Semaphore,
}

impl GroupDesk {
    /// A desk whose walks use the connections of `customers`.
    #[must_use]
    pub fn new(customers: CustomerDesk) -> Self {
        Self {
            customers,
            walks: Semaphore::new(WALKS),
        }
    }

    /// The basis in force and the last day of a window.
    fn context(&self, as_of: Option<Day>) -> Result<(Arc<Basis>, Day), ServiceError> {
        self.customers.context(as_of)
    }
}

impl CustomerDesk {
    /// The basis in force and the last day of a window: today, or an earlier day.
    fn context(&self, as_of: Option<Day>) -> Result<(Arc<Basis>, Day), ServiceError> {
        let now = self.classifier.clock.now();
        let today = Day::in_zone(now, &self.classifier.zone);
        let today = today.map_err(|error| ServiceError::Internal(Box::new(error)))?;
        match as_of {
            Some(day) if day > today => Err(ServiceError::DayAhead {
                field: "as_of",
                day,
                today,
            }),
            Some(_) | None => Ok((self.classifier.bases.current(), as_of.unwrap_or(today))),
        }
    }
}

/// What stands for a tier of those who have none.
const UNRATED: &str = "UNRATED";

impl Group {
    /// The customers of the tier of that name, or those without one.
    #[must_use]
    pub fn of_tier(name: &str) -> Self {
        if name == UNRATED {
            Self::Unrated
        } else {
            Self::Tier(name.to_owned())
        }
    }

    fn select(&self, basis: &Basis) -> Result<Selected, ServiceError> {
        match self {
            Self::Everyone => Ok(Selected::Everyone),
            Self::Unrated => Ok(Selected::Unrated),
            Self::Tier(name) => {
                let tier = basis.revision.tiers.find(name);
                let tier = tier.ok_or_else(|| ServiceError::TierNotFound(name.clone()))?;
                Ok(Selected::Tier(tier))
            }
            Self::Segment(name) => {
                let definitions = basis.revision.definitions.as_deref();
                let definitions = definitions.ok_or(ServiceError::NoDefinitions)?;
                let mut segments = (0..).zip(definitions.segments());
                let found = segments.find(|(_, segment)| *segment.name == **name);
                let (id, _) = found.ok_or_else(|| ServiceError::SegmentNotFound(name.clone()))?;
                Ok(Selected::Segment(SegmentId(id)))
            }
        }
    }
}

impl Selected {
    /// Whether the customer belongs to it. Assesses no customer where all belong to it.
    fn has(self, profile: &DatedProfile, basis: &Basis) -> bool {
        matches!(self, Self::Everyone) || self.has_assessed(&assess(profile.view(), basis))
    }

    fn has_assessed(self, assessment: &Assessment) -> bool {
        match self {
            Self::Everyone => true,
            Self::Unrated => assessment.valued.tier.is_err(),
            Self::Tier(tier) => assessment.valued.tier == Ok(tier),
            Self::Segment(id) => {
                let outcome = assessment.standings.get(id.0 as usize);
                outcome.is_some_and(|outcome| outcome.is_member)
            }
        }
    }
}
