//! The one document that says how customers are valued, grouped and treated: attributes, channels, value settings, tiers, schemes of
//! segments, treatments. It is written in YAML and read here into values that need no further check.
//!
//! Everything that is wrong with a file is found at once, each problem with its place in the file. This module does not know how
//! revisions are stored or published.

pub mod calendars;
pub mod cases;
mod catalogue;
pub mod contact_cost;
mod fields;
mod observations;
mod order;
pub mod period;
mod place;
mod policies;
mod report;
pub mod routing;
mod schemes;
mod settings;
mod sources;
mod tiers;
mod treatments;
mod trunks;
mod yaml;

#[cfg(test)]
mod tests;

use std::ops::Range;

pub use self::catalogue::{AttributeDefinition, Family};
pub use self::observations::Contradiction;
pub use self::policies::Policies;
pub use self::report::report;
use self::routing::RuleId;
pub use self::sources::{SameId, Source};
pub use self::treatments::{
    CheckIns, CheckInsFrom, MAX_PRIORITY, PerField, Sla, Stranger, Treatment, TreatmentChoice,
    TreatmentField, Treatments,
};
pub use self::trunks::Trunk;
use crate::domain::{
    clv::lifetime::Horizon,
    money::{Currency, Money},
    rules::{
        condition::{Condition, SegmentId, Term},
        diagnostic::{Diagnostic, Diagnostics},
        program::{Builder, Program, RootId, Verdict},
        vocabulary::Vocabulary,
    },
    text::Label,
};

/// A text for people, in English and perhaps in German.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalizedText {
    /// English.
    pub en: Label,
    /// German.
    pub de: Option<Label>,
}

/// What of the money counts as value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueBasis {
    /// What customers pay.
    Revenue,
    /// Revenue less the cost of goods.
    Margin,
    /// Margin less the cost to serve.
    Contribution,
}

/// How customers are valued.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueSettings {
    /// Currency of all values.
    pub currency: Currency,
    /// How far to look ahead, and the discount.
    pub horizon: Horizon,
    /// What counts.
    pub basis: ValueBasis,
    /// Share of revenue that is margin where the cost of goods is unknown, 0 to 1.
    pub margin: f64,
    /// The same by product category, in the order of the file.
    pub margin_of_category: Vec<(Label, f64)>,
    /// Largest age of an exchange rate on the day of the amount that it converts, in days.
    pub max_rate_age_days: u32,
}

/// A way in which customers get in contact.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its name.
    pub name: Label,
    /// What a contact costs where the fact does not say.
    pub cost: Option<Money>,
    /// Description.
    pub description: Option<LocalizedText>,
}

/// A tier and the least value that earns it.
#[derive(Debug, Clone, PartialEq)]
pub struct TierDefinition {
    /// Its name.
    pub name: Label,
    /// The least lifetime value; `None` for the last tier, which takes everybody that is left.
    pub at_least: Option<Money>,
    /// Description.
    pub description: Option<LocalizedText>,
}

/// How the segments of a scheme share customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A customer is in the first segment that matches.
    Exclusive,
    /// A customer is in every segment that matches.
    Overlapping,
}

/// Segments that belong together, for one purpose.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheme {
    /// Its name.
    pub name: Label,
    /// How its segments share customers.
    pub mode: Mode,
    /// What it is for.
    pub description: LocalizedText,
    /// Who answers for it.
    pub owner: Option<Label>,
    /// Its segments, as indices of [`Definitions::segments`].
    pub segments: Range<usize>,
}

/// What a segment makes of UNKNOWN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnknownPolicy {
    /// The customer is not in it.
    Exclude,
    /// The customer is in it.
    Include,
}

impl UnknownPolicy {
    /// Whether a condition that came to `verdict` has the customer.
    #[must_use]
    pub fn admits(self, verdict: Verdict) -> bool {
        match self {
            Self::Exclude => verdict == Verdict::True,
            Self::Include => verdict != Verdict::False,
        }
    }
}

/// A named group of customers.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// `scheme/name`.
    pub name: Label,
    /// Index of its scheme.
    pub scheme: usize,
    /// Title for people.
    pub title: LocalizedText,
    /// What it means and what for.
    pub description: Option<LocalizedText>,
    /// Who is in it.
    pub condition: Condition,
    /// What UNKNOWN means.
    pub unknown: UnknownPolicy,
}

/// Definitions without problems. All references between their parts hold.
#[derive(Debug, Clone)]
pub struct Definitions {
    value: ValueSettings,
    channels: Vec<Channel>,
    attributes: Vec<AttributeDefinition>,
    tiers: Vec<TierDefinition>,
    schemes: Vec<Scheme>,
    segments: Vec<Segment>,
    treatments: Treatments,
    policies: Policies,
    trunks: Vec<Trunk>,
    sources: Vec<Source>,
    vocabulary: Vocabulary,
    program: Program,
    order: Vec<SegmentId>,
    segment_slots: Vec<Option<usize>>,
}

impl Definitions {
    /// Reads a document but its tests: what is in force decides, whatever its tests were.
    ///
    /// # Errors
    /// All problems, in the order of their places in `text`.
    pub fn read(text: &str) -> Result<Self, Vec<Diagnostic>> {
        Self::read_with(text, |_, _, _| Some(())).map(|(definitions, ())| definitions)
    }

    /// Reads a document, and by `tests` what it has besides.
    fn read_with<T>(
        text: &str,
        tests: impl FnOnce(cases::Reader<'_>, cases::Section<'_>, &mut Diagnostics) -> Option<T>,
    ) -> Result<(Self, T), Vec<Diagnostic>> {
        let mut problems = Diagnostics::default();
        let read = yaml::read(text, &mut problems)
            .and_then(|root| Self::from_yaml(text, &root, tests, &mut problems));
        match read {
            Some(read) if problems.is_empty() => Ok(read),
            _ => Err(problems.into_sorted()),
        }
    }

    fn from_yaml<T>(
        text: &str,
        root: &yaml::Node,
        tests: impl FnOnce(cases::Reader<'_>, cases::Section<'_>, &mut Diagnostics) -> Option<T>,
        problems: &mut Diagnostics,
    ) -> Option<(Self, T)> {
        let mut top = fields::Fields::from_node(root, root.span, "the definitions", problems)?;
        let (value, currency) = settings::value(&mut top, problems);
        let channels = settings::channels(&mut top, currency, problems);
        let attributes = settings::attributes(&mut top, currency, problems);
        let tiers = tiers::read(&mut top, currency, problems);
        let drafts = schemes::read(&mut top, problems);
        let treatments_place = top.key_span("treatments");
        let treatments = top.require("treatments", "...", problems);
        let trunks = trunks::read(&mut top, problems);
        let sources = sources::read(&mut top, problems);
        let calendars = calendars::read(&mut top, problems);
        let intents = routing::intents(&mut top, problems);
        let (rules_place, rules) = (top.key_span("routing"), top.get("routing"));
        let section = (top.key_span("tests"), top.get("tests"));
        top.finish(problems);

        let (vocabulary, has_currency) =
            drafts.vocabulary(currency, &attributes, &channels, &tiers)?;
        let (schemes, segments) = drafts.conditions(text, &vocabulary, has_currency, problems);
        let order = order::sorted(&schemes, &segments, &vocabulary, problems);
        let reader = treatments::Reader {
            tiers: &tiers,
            channels: &channels,
            vocabulary: &vocabulary,
            calendars: &calendars,
        };
        let treatments = treatments.and_then(|node| reader.read(node, treatments_place, problems));
        let rules = routing::RuleReader {
            file: text,
            treatments: &reader,
            vocabulary: &routing::vocabulary(&vocabulary, &intents, &calendars),
            has_currency,
        }
        .read(rules, rules_place, problems);
        let tests = tests(cases::Reader::new(currency, &reader), section, problems);
        let policies = Policies::new(calendars, intents, rules, treatments.as_ref(), problems);
        if !problems.is_empty() {
            return None;
        }
        let segments: Vec<Segment> = segments
            .into_iter()
            .map(schemes::Draft::finished)
            .collect::<Option<_>>()?;
        let policies = policies?;
        let program = program(&segments, &policies);
        let segment_slots = (0..)
            .zip(&segments)
            .map(|(id, _)| program.slot_of(&Term::Segment(SegmentId(id))))
            .collect();
        let definitions = Self {
            value: value?,
            channels,
            attributes: attributes.readable,
            tiers,
            schemes,
            segments,
            treatments: treatments?,
            policies,
            trunks: trunks?,
            sources: sources?,
            vocabulary,
            program,
            order: order?,
            segment_slots,
        };
        Some((definitions, tests?))
    }

    /// How customers are valued.
    #[must_use]
    pub fn value(&self) -> &ValueSettings {
        &self.value
    }

    /// The channels, in the order of the file.
    #[must_use]
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// The catalogue of attributes; an `AttributeId` is an index here.
    #[must_use]
    pub fn attributes(&self) -> &[AttributeDefinition] {
        &self.attributes
    }

    /// The tiers from the best to the last.
    #[must_use]
    pub fn tiers(&self) -> &[TierDefinition] {
        &self.tiers
    }

    /// The schemes, in the order of the file.
    #[must_use]
    pub fn schemes(&self) -> &[Scheme] {
        &self.schemes
    }

    /// The segments of all schemes, in the order of the file; a [`SegmentId`] is an index here.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// What follows from tiers and segments.
    #[must_use]
    pub fn treatments(&self) -> &Treatments {
        &self.treatments
    }

    /// What depends on the contact and its time.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// The names that conditions know.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The conditions of all segments, and behind them those of the routing rules; the condition of the segment with index i is root i.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The root of a segment's condition.
    #[must_use]
    pub fn root(&self, segment: SegmentId) -> RootId {
        RootId(segment.0)
    }

    /// The root of a routing rule's condition.
    #[must_use]
    pub fn rule_root(&self, rule: RuleId) -> RootId {
        RootId(u32::try_from(self.segments.len()).unwrap_or(u32::MAX) + rule.0)
    }

    /// The slot of `segment(...)` with this id, where a condition asks for it.
    #[must_use]
    pub fn segment_slot(&self, segment: SegmentId) -> Option<usize> {
        self.segment_slots[segment.0 as usize]
    }

    /// The segment with this id, which must come from these definitions.
    #[must_use]
    pub fn segment(&self, segment: SegmentId) -> &Segment {
        &self.segments[segment.0 as usize]
    }

    /// The segments in an order in which each stands after those that it depends on.
    #[must_use]
    pub fn order(&self) -> &[SegmentId] {
        &self.order
    }
}

/// The conditions of segments, and behind them those of rules.
fn program(segments: &[Segment], policies: &Policies) -> Program {
    let mut builder = Builder::default();
    let of_segments = segments.iter().map(|segment| &segment.condition);
    let of_rules = policies.rules().iter().map(|rule| &rule.condition);
    for condition in of_segments.chain(of_rules) {
        builder.add(condition);
    }
    builder.build()
}
