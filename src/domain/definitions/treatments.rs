//! What follows from a tier and from segments: response times, queue, skills, channels, services, playbook.
//!
//! Every tier, and UNRATED, has a treatment. Segments refine it field by field: of the segments that a customer is in, the first in the
//! order of the file that states a field decides it. Unknown callers have treatments too, which UNRATED completes.

mod check_ins;
mod field;
mod read;

use std::sync::Arc;

pub(super) use self::read::Reader;
pub use self::{
    check_ins::{CheckIns, CheckInsFrom},
    field::{PerField, TreatmentField},
};
use super::{Definitions, LocalizedText, calendars::CalendarId, period::Period, routing::RuleId};
use crate::domain::{calendar::Day, rules::condition::SegmentId, text::Label};

/// Agreed times.
#[derive(Debug, Clone, PartialEq)]
pub struct Sla {
    /// Until somebody answers, in minutes.
    pub response_minutes: u32,
    /// Until it is solved, in minutes.
    pub resolution_minutes: Option<u32>,
    /// When the clock runs, for people: `24x7`, `Mon-Fri 8-18`.
    pub hours: Option<Label>,
    /// When the clock runs; always when it is `None`.
    pub calendar: Option<CalendarId>,
    /// What is included.
    pub extent: Option<LocalizedText>,
}

/// What follows. A field that is `None` is left to what stands behind. Every answer has one, so that cloning it copies pointers only.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Treatment {
    /// Agreed times.
    pub sla: Option<Sla>,
    /// Where contacts go.
    pub queue: Option<Label>,
    /// What agents must be able to do.
    pub skills: Option<Arc<[Label]>>,
    /// Channels to offer, the preferred one first.
    pub channels: Option<Arc<[Label]>>,
    /// Services the customer may ask for.
    pub services: Option<Arc<[Label]>>,
    /// What the agent does, step by step.
    pub playbook: Option<Arc<[LocalizedText]>>,
    /// Waiting priority: 0 to [`MAX_PRIORITY`], higher first.
    pub priority: Option<u32>,
    /// Where contacts go when the queue is closed or full, the first choice first.
    pub fallback_queues: Option<Arc<[Label]>>,
    /// Roles of those who may take the contact.
    pub roles: Option<Arc<[Label]>>,
    /// Whether a machine may handle the contact.
    pub automation: Option<bool>,
    /// How to speak.
    pub tone: Option<LocalizedText>,
    /// In which language (BCP 47).
    pub language: Option<Label>,
    /// When to call by oneself.
    pub check_ins: Option<Arc<CheckIns>>,
    /// Articles of the knowledge base that the customer may read.
    pub articles: Option<Arc<[Label]>>,
    /// Forms with which the customer may request something.
    pub request_forms: Option<Arc<[Label]>>,
}

/// The greatest priority.
pub const MAX_PRIORITY: u32 = 100;

/// Why no customer is known of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stranger {
    /// The number is nobody's.
    Unknown,
    /// The caller does not show a number.
    Withheld,
    /// What was sent is no number.
    Invalid,
}

impl Stranger {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Withheld, Self::Invalid];

    /// Its key beside UNRATED.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Withheld => "WITHHELD",
            Self::Invalid => "INVALID",
        }
    }
}

/// All treatments.
#[derive(Debug, Clone, PartialEq)]
pub struct Treatments {
    /// By place of the tier, from the best to the last.
    tiers: Vec<Treatment>,
    unrated: Treatment,
    /// In the order of [`Stranger::ALL`].
    strangers: [Treatment; 3],
    segments: Vec<SegmentTreatment>,
}

/// What follows from a segment, perhaps for some time only.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SegmentTreatment {
    segment: SegmentId,
    /// In whole days.
    period: Period,
    treatment: Treatment,
}

/// Where a field of a treatment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreatmentChoice {
    /// From the tier, or from UNRATED.
    Tier,
    /// From this segment.
    Segment {
        /// The segment.
        segment: SegmentId,
        /// Its entry: a segment may have several, for different times.
        entry: u32,
    },
    /// From this rule about contacts.
    Rule(RuleId),
    /// From what is stated for such callers.
    Stranger(Stranger),
    /// Of several customers, from different ones.
    Various,
}

impl TreatmentChoice {
    /// What it is called, of these definitions: `tier`, the name of a segment, `rule` and a name.
    #[must_use]
    pub fn source(self, definitions: &Definitions) -> Label {
        match self {
            Self::Tier => "tier".into(),
            Self::Segment { segment, .. } => definitions.segment(segment).name.clone(),
            Self::Rule(id) => format!("rule {}", definitions.policies().rule(id).name).into(),
            Self::Stranger(stranger) => stranger.key().into(),
            Self::Various => "various".into(),
        }
    }
}

impl Treatment {
    /// Takes what it lacks from `source`.
    pub fn fill_from(&mut self, source: &Self) {
        // Without `..`, so that a field that is added does not compile here until it has its line.
        let Self {
            sla,
            queue,
            skills,
            channels,
            services,
            playbook,
            priority,
            fallback_queues,
            roles,
            automation,
            tone,
            language,
            check_ins,
            articles,
            request_forms,
        } = source;
        fill(&mut self.sla, sla.as_ref());
        fill(&mut self.queue, queue.as_ref());
        fill(&mut self.skills, skills.as_ref());
        fill(&mut self.channels, channels.as_ref());
        fill(&mut self.services, services.as_ref());
        fill(&mut self.playbook, playbook.as_ref());
        fill(&mut self.priority, priority.as_ref());
        fill(&mut self.fallback_queues, fallback_queues.as_ref());
        fill(&mut self.roles, roles.as_ref());
        fill(&mut self.automation, automation.as_ref());
        fill(&mut self.tone, tone.as_ref());
        fill(&mut self.language, language.as_ref());
        fill(&mut self.check_ins, check_ins.as_ref());
        fill(&mut self.articles, articles.as_ref());
        fill(&mut self.request_forms, request_forms.as_ref());
    }

    /// Keeps what `other` states alike.
    pub fn keep_shared(&mut self, other: &Self) {
        let Self {
            sla,
            queue,
            skills,
            channels,
            services,
            playbook,
            priority,
            fallback_queues,
            roles,
            automation,
            tone,
            language,
            check_ins,
            articles,
            request_forms,
        } = other;
        keep(&mut self.sla, sla.as_ref());
        keep(&mut self.queue, queue.as_ref());
        keep(&mut self.skills, skills.as_ref());
        keep(&mut self.channels, channels.as_ref());
        keep(&mut self.services, services.as_ref());
        keep(&mut self.playbook, playbook.as_ref());
        keep(&mut self.priority, priority.as_ref());
        keep(&mut self.fallback_queues, fallback_queues.as_ref());
        keep(&mut self.roles, roles.as_ref());
        keep(&mut self.automation, automation.as_ref());
        keep(&mut self.tone, tone.as_ref());
        keep(&mut self.language, language.as_ref());
        keep(&mut self.check_ins, check_ins.as_ref());
        keep(&mut self.articles, articles.as_ref());
        keep(&mut self.request_forms, request_forms.as_ref());
    }
}

fn fill<T: Clone>(field: &mut Option<T>, source: Option<&T>) {
    if field.is_none() {
        *field = source.cloned();
    }
}

fn keep<T: PartialEq>(field: &mut Option<T>, other: Option<&T>) {
    if field.as_ref() != other {
        *field = None;
    }
}

impl Treatments {
    /// The treatment of a customer on a day: `tier_rank` is 1 for the best tier and `None` for UNRATED, `is_member` says which segments the
    /// customer is in; and where each field comes from.
    #[must_use]
    pub fn of_customer(
        &self,
        tier_rank: Option<usize>,
        as_of: Day,
        is_member: impl Fn(SegmentId) -> bool,
    ) -> (Treatment, PerField<TreatmentChoice>) {
        let base = tier_rank
            .and_then(|rank| self.tiers.get(rank.checked_sub(1)?))
            .unwrap_or(&self.unrated);
        let members = (0..).zip(&self.segments);
        let members = members.filter(|(_, it)| is_member(it.segment) && it.period.has_day(as_of));
        let members = members.map(|(entry, it)| {
            let segment = it.segment;
            (TreatmentChoice::Segment { segment, entry }, &it.treatment)
        });
        Self::chosen(members.chain([(TreatmentChoice::Tier, base)]))
    }

    /// The treatment of an unknown caller, and where each field comes from.
    #[must_use]
    pub fn of_stranger(&self, stranger: Stranger) -> (Treatment, PerField<TreatmentChoice>) {
        let own = match stranger {
            Stranger::Unknown => &self.strangers[0],
            Stranger::Withheld => &self.strangers[1],
            Stranger::Invalid => &self.strangers[2],
        };
        Self::chosen(
            [
                (TreatmentChoice::Stranger(stranger), own),
                (TreatmentChoice::Tier, &self.unrated),
            ]
            .into_iter(),
        )
    }

    /// Number of entries about segments.
    #[must_use]
    pub fn entry_count(&self) -> usize {
        self.segments.len()
    }

    /// All treatments of the document.
    pub(super) fn all(&self) -> impl Iterator<Item = &Treatment> {
        let by_tier = self
            .tiers
            .iter()
            .chain([&self.unrated])
            .chain(&self.strangers);
        by_tier.chain(self.segments.iter().map(|it| &it.treatment))
    }

    /// Each field from the first source that states it.
    fn chosen<'a>(
        sources: impl Iterator<Item = (TreatmentChoice, &'a Treatment)>,
    ) -> (Treatment, PerField<TreatmentChoice>) {
        let mut treatment = Treatment::default();
        let mut choices = [TreatmentChoice::Tier; TreatmentField::ALL.len()];
        for (choice, source) in sources {
            for (chosen, field) in choices.iter_mut().zip(TreatmentField::ALL) {
                if field.is_stated(source) && !field.is_stated(&treatment) {
                    *chosen = choice;
                }
            }
            treatment.fill_from(source);
        }
        (treatment, choices)
    }
}
