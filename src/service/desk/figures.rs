//! The figures a service is run by, in total and by tier, segment, queue or channel.

use std::sync::Arc;

use super::{Group, GroupDesk, UNRATED, population::Walked};
use crate::{
    domain::{
        assess::{Assessment, assess, tiers::TierIndex},
        basis::Basis,
        calendar::Day,
        definitions::Definitions,
        desk::{
            contacts::DeskContact, cost::price, figures::ServiceFigures, tally::Tally,
            window::Window,
        },
        text::Label,
    },
    service::error::ServiceError,
};

/// What figures are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dimension {
    /// Nothing.
    #[default]
    None,
    /// The tier of the customer.
    Tier,
    /// The segments of the customer.
    Segment,
    /// The queue that handled the contact last.
    Queue,
    /// The channel.
    Channel,
}

/// Which figures are wanted.
#[derive(Debug, Clone, Default)]
pub struct FiguresRequest {
    /// Whose contacts.
    pub group: Group,
    /// Of how many days.
    pub days: u32,
    /// The last of them; today when it is `None`.
    pub as_of: Option<Day>,
    /// How to group them.
    pub dimension: Dimension,
    /// Only contacts of this queue.
    pub queue: Option<Label>,
    /// Only contacts on this channel.
    pub channel: Option<Label>,
}

/// The figures of a group of contacts.
#[derive(Debug, Clone)]
pub struct GroupFigures {
    /// Tier, segment, queue or channel; empty for an unknown queue.
    pub name: Label,
    /// The figures.
    pub figures: ServiceFigures,
}

/// The figures.
#[derive(Debug, Clone)]
pub struct FiguresAnswer {
    /// The days.
    pub window: Window,
    /// Of all contacts.
    pub total: ServiceFigures,
    /// By group, most contacts first, then by name.
    pub groups: Vec<GroupFigures>,
    /// The basis of the answer.
    pub basis: Arc<Basis>,
}

impl FiguresRequest {
    fn wants(&self, contact: &DeskContact) -> bool {
        let is_of = |wanted: &Option<Label>, found: Option<&Label>| {
            wanted.is_none() || wanted.as_ref() == found
        };
        is_of(&self.queue, contact.queue.as_ref()) && is_of(&self.channel, Some(&contact.channel))
    }

    /// Whether a customer has to be assessed.
    fn needs_assessment(&self) -> bool {
        let by_customer = matches!(self.dimension, Dimension::Tier | Dimension::Segment);
        by_customer || self.group != Group::Everyone
    }
}

/// The names of the groups that a contact of an assessed customer belongs to.
fn names(
    dimension: Dimension,
    contact: &DeskContact,
    assessment: Option<&Assessment>,
    basis: &Basis,
) -> Vec<Label> {
    match dimension {
        Dimension::None => vec![],
        Dimension::Channel => vec![contact.channel.clone()],
        Dimension::Queue => vec![contact.queue.clone().unwrap_or_default()],
        Dimension::Tier => assessment.map_or_else(Vec::new, |assessment| {
            vec![match assessment.valued.tier {
                Ok(tier) => tier_name(tier, basis),
                Err(_) => UNRATED.into(),
            }]
        }),
        Dimension::Segment => {
            let definitions = basis.revision.definitions.as_deref();
            let standings = assessment.map_or(&[][..], |assessment| &assessment.standings);
            let segments = definitions.map_or(&[][..], Definitions::segments).iter();
            let members = segments.zip(standings).filter(|(_, it)| it.is_member);
            members.map(|(segment, _)| segment.name.clone()).collect()
        }
    }
}

fn tier_name(tier: TierIndex, basis: &Basis) -> Label {
    basis.revision.tiers.get(tier).name.clone()
}

impl GroupDesk {
    /// The figures.
    ///
    /// # Errors
    /// No such segment or tier; or the database cannot be asked.
    pub async fn figures(&self, request: &FiguresRequest) -> Result<FiguresAnswer, ServiceError> {
        let (basis, as_of) = self.context(request.as_of)?;
        let selected = request.group.select(&basis)?;
        let window = Window::of_days(as_of, request.days);
        let mut total = ServiceFigures::default();
        let mut groups: Tally<Label, ServiceFigures> = Tally::default();
        let each = |walked: Walked| {
            if walked.contacts.is_empty() {
                return;
            }
            let assessment = request
                .needs_assessment()
                .then(|| assess(walked.profile.view(), &basis));
            let is_selected = assessment
                .as_ref()
                .is_none_or(|assessment| selected.has_assessed(assessment));
            if !is_selected {
                return;
            }
            for contact in walked.contacts.iter().filter(|it| request.wants(it)) {
                let price = price(contact, &basis);
                total.add(walked.number, contact, price);
                for name in names(request.dimension, contact, assessment.as_ref(), &basis) {
                    groups.of(&name).add(walked.number, contact, price);
                }
            }
        };
        self.walk(as_of, window, each).await?;
        let groups = groups.into_sorted(|figures| figures.contacts).into_iter();
        Ok(FiguresAnswer {
            window,
            total,
            groups: groups
                .map(|(name, figures)| GroupFigures { name, figures })
                .collect(),
            basis,
        })
    }
}
