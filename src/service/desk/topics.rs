//! Topics of a group: what a cheaper channel would save, and what surges.

use std::{collections::BTreeMap, sync::Arc};

use super::{Group, GroupDesk, population::Walked};
use crate::{
    domain::{
        basis::Basis,
        calendar::Day,
        desk::{
            cost::{CostSum, price},
            topics::{Candidate, ChannelTopics, Surges, TopicRates},
            window::{MonthWindow, Window},
        },
        money::Money,
        text::Label,
    },
    service::error::ServiceError,
};

/// What could move where.
#[derive(Debug, Clone, PartialEq)]
pub struct DeflectionRequest {
    /// Whose contacts.
    pub group: Group,
    /// Of how many calendar months.
    pub months: u32,
    /// The last day; today when it is `None`.
    pub as_of: Option<Day>,
    /// The channel to move them to; the cheapest when it is `None`.
    pub target: Option<String>,
    /// The share of a topic that can be moved.
    pub share: f64,
    /// The same of single topics.
    pub topic_shares: BTreeMap<String, f64>,
    /// Most candidates.
    pub limit: usize,
}

/// What could move to a channel.
#[derive(Debug, Clone)]
pub struct DeflectionAnswer {
    /// The months.
    pub window: MonthWindow,
    /// The channel.
    pub target: Label,
    /// The cost of a contact there.
    pub target_cost: Money,
    /// The candidates, the largest saving first.
    pub candidates: Vec<Candidate>,
    /// The contacts of all topics on other channels.
    pub all: CostSum,
    /// The basis of the answer.
    pub basis: Arc<Basis>,
}

/// Which topics to test.
#[derive(Debug, Clone, PartialEq)]
pub struct SurgeRequest {
    /// Whose contacts.
    pub group: Group,
    /// The last day; today when it is `None`.
    pub as_of: Option<Day>,
    /// Recent days.
    pub recent_days: u32,
    /// Days before them.
    pub earlier_days: u32,
    /// Greatest expected share of false alarms.
    pub false_discovery_rate: f64,
}

/// What surges.
#[derive(Debug, Clone)]
pub struct SurgeAnswer {
    /// The recent days.
    pub recent: Window,
    /// The days before them.
    pub earlier: Window,
    /// The result of the test.
    pub found: Surges,
    /// The basis of the answer.
    pub basis: Arc<Basis>,
}

/// The channel of that name, or the cheapest, with its cost.
fn target(name: Option<&str>, basis: &Basis) -> Result<(Label, Money), ServiceError> {
    let definitions = basis.revision.definitions.as_deref();
    let channels = definitions.map_or(&[][..], |definitions| definitions.channels());
    let costs = channels
        .iter()
        .filter_map(|channel| Some((channel.name.clone(), channel.cost?)));
    let wanted = costs.filter(|(channel, _)| name.is_none_or(|name| **channel == *name));
    let cheapest = wanted.min_by_key(|(_, cost)| cost.amount_minor);
    cheapest.ok_or(ServiceError::NoTargetChannel)
}

impl GroupDesk {
    /// The topics that a cheaper channel could take over.
    ///
    /// # Errors
    /// No such segment, tier or channel; or the database cannot be asked.
    pub async fn deflection(
        &self,
        request: &DeflectionRequest,
    ) -> Result<DeflectionAnswer, ServiceError> {
        let (basis, as_of) = self.context(request.as_of)?;
        let selected = request.group.select(&basis)?;
        let (target, target_cost) = target(request.target.as_deref(), &basis)?;
        let window = MonthWindow::new(as_of, request.months);
        let mut topics = ChannelTopics::default();
        let each = |walked: Walked| {
            if walked.contacts.is_empty() || !selected.has(&walked.profile, &basis) {
                return;
            }
            let others = walked.contacts.iter();
            for contact in others.filter(|contact| contact.channel != target) {
                topics.add(walked.number, contact, price(contact, &basis));
            }
        };
        self.walk(as_of, window.whole(), each).await?;
        let all = topics.all.clone();
        let share = |topic: &str| {
            let own = request.topic_shares.get(topic);
            own.copied().unwrap_or(request.share)
        };
        let mut candidates = topics.into_candidates(target_cost.amount_minor, share);
        candidates.truncate(request.limit);
        Ok(DeflectionAnswer {
            window,
            target,
            target_cost,
            candidates,
            all,
            basis,
        })
    }

    /// The topics that rose significantly.
    ///
    /// # Errors
    /// No such segment or tier; or the database cannot be asked.
    pub async fn surges(&self, request: &SurgeRequest) -> Result<SurgeAnswer, ServiceError> {
        let (basis, as_of) = self.context(request.as_of)?;
        let selected = request.group.select(&basis)?;
        let mut rates = TopicRates::new(as_of, request.recent_days, request.earlier_days);
        let (recent, earlier, whole) = (rates.recent(), rates.earlier(), rates.whole());
        let each = |walked: Walked| {
            if walked.contacts.is_empty() || !selected.has(&walked.profile, &basis) {
                return;
            }
            for contact in &walked.contacts {
                rates.add(walked.number, contact);
            }
        };
        self.walk(as_of, whole, each).await?;
        Ok(SurgeAnswer {
            recent,
            earlier,
            found: rates.surges(request.false_discovery_rate),
            basis,
        })
    }
}
