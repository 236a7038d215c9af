//! What a test expects to be decided.

use super::{Reader, names::unknown};
use crate::domain::{
    definitions::{
        fields::{self, Fields, readable},
        treatments::{Treatment, TreatmentField},
        yaml::{Kind, Node},
    },
    rules::{
        condition::SegmentId,
        diagnostic::{Code, Diagnostics, Span},
    },
};

/// What is to be decided about the customer of a test. What is not stated may be anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The tier, and where it stands.
    pub tier: Option<(ExpectedTier, Span)>,
    /// The segments.
    pub segments: Option<ExpectedSegments>,
    /// What follows.
    pub treatment: Option<ExpectedTreatment>,
}

/// A tier, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedTier {
    /// UNRATED.
    Unrated,
    /// The tier of this rank; 1 is the best one.
    Rank(usize),
}

/// What is expected of segments.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpectedSegments {
    /// The customer is in these, and in no other.
    Exactly {
        /// The segments, and where each stands.
        members: Vec<(SegmentId, Span)>,
        /// Where the list begins.
        place: Span,
    },
    /// Each is so; others may be anything.
    Each(Vec<ExpectedSegment>),
}

/// What is expected of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedSegment {
    /// The segment.
    pub segment: SegmentId,
    /// What is expected.
    pub standing: Standing,
    /// Where that stands.
    pub place: Span,
}

/// How a customer stands to a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In it.
    In,
    /// Not in it.
    NotIn,
    /// Its condition is UNKNOWN: whether the customer is in it is for its policy to say.
    Unknown,
}

/// What is expected of a treatment.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedTreatment {
    /// Its fields; those that it does not state may be anything.
    pub treatment: Treatment,
    /// Those that it states, and where each stands.
    pub places: Vec<(TreatmentField, Span)>,
}

impl Reader<'_> {
    pub(super) fn expected(
        &self,
        node: &Node,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<Expected> {
        let mut fields = Fields::from_node(node, place, "`expect`", problems)?;
        let tier = fields.get("tier");
        let tier = tier.map(|node| Some((self.tier(node, problems)?, node.span)));
        let segments = fields.get("segments");
        let segments = segments.map(|node| self.segments(node, problems));
        let treatment_place = fields.key_span("treatment");
        let treatment = fields.get("treatment");
        let treatment =
            treatment.map(|node| self.expected_treatment(node, treatment_place, problems));
        let is_stated = !fields.reports_empty(problems);
        fields.finish(problems);
        if is_stated && tier.is_none() && segments.is_none() && treatment.is_none() {
            let message = "this test expects nothing";
            let help = "add `tier`, `segments` or `treatment`";
            problems.add_with_help(place, Code::MissingKey, message, help);
        }
        Some(Expected {
            tier: readable(tier)?,
            segments: readable(segments)?,
            treatment: readable(treatment)?,
        })
    }

    fn tier(&self, node: &Node, problems: &mut Diagnostics) -> Option<ExpectedTier> {
        let name = fields::scalar(node, problems)?;
        if name == "UNRATED" {
            return Some(ExpectedTier::Unrated);
        }
        let names = self.names.tiers.iter().map(|tier| &*tier.name);
        if let Some(at) = names.clone().position(|known| known == name) {
            return Some(ExpectedTier::Rank(at + 1));
        }
        let message = format!("unknown tier `{name}`");
        let known = names.chain(["UNRATED"]);
        unknown(node.span, message, name, known, problems)
    }

    fn segments(&self, node: &Node, problems: &mut Diagnostics) -> Option<ExpectedSegments> {
        const STANDINGS: [(&str, Standing); 3] = [
            ("in", Standing::In),
            ("not_in", Standing::NotIn),
            ("unknown", Standing::Unknown),
        ];
        if let Kind::List(items) = &node.kind {
            let mut members: Vec<(SegmentId, Span)> = vec![];
            let mut is_sound = true;
            for item in items {
                let name = fields::scalar(item, problems);
                let id = name.and_then(|name| self.names.segment(name, item.span, problems));
                let Some(id) = id else {
                    is_sound = false;
                    continue;
                };
                if members.iter().any(|(known, _)| *known == id) {
                    let message = "this segment is already in the list";
                    problems.add_with_help(item.span, Code::Duplicate, message, "remove one");
                }
                members.push((id, item.span));
            }
            if !is_sound {
                return None;
            }
            let place = node.span;
            return Some(ExpectedSegments::Exactly { members, place });
        }
        let entries = fields::map(node, node.span, "`segments` of a test", problems)?;
        if entries.is_empty() {
            let help = "write `[]` if the customer is to be in no segment";
            let message = "`segments` of a test names none";
            problems.add_with_help(node.span, Code::MissingKey, message, help);
        }
        let read: Vec<Option<ExpectedSegment>> = entries
            .iter()
            .map(|entry| {
                let segment = self.names.segment(&entry.key, entry.key_span, problems);
                let standing = fields::choice(&entry.value, &STANDINGS, problems);
                Some(ExpectedSegment {
                    segment: segment?,
                    standing: standing?,
                    place: entry.value.span,
                })
            })
            .collect();
        let each: Option<Vec<ExpectedSegment>> = read.into_iter().collect();
        each.map(ExpectedSegments::Each)
    }

    fn expected_treatment(
        &self,
        node: &Node,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<ExpectedTreatment> {
        let what = "`treatment` of a test";
        let mut fields = Fields::from_node(node, place, what, problems)?;
        let treatment = self.names.treatment(&mut fields, problems);
        let place_of = TreatmentField::ALL.map(|field| (field, fields.key_span(field.name())));
        let is_stated = !fields.reports_empty(problems);
        fields.finish(problems);
        let treatment = treatment?;
        let places = place_of.into_iter();
        let places = places.filter(|(field, _)| field.is_stated(&treatment));
        let places: Vec<(TreatmentField, Span)> = places.collect();
        if is_stated && places.is_empty() {
            let help = "add a field, for example `queue: service`";
            let message = "`treatment` of a test is empty";
            problems.add_with_help(place, Code::MissingKey, message, help);
        }
        Some(ExpectedTreatment { treatment, places })
    }
}
