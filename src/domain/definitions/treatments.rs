//! What follows from a tier and from segments: response times, queue, skills, channels, services, playbook.
//!
//! Every tier, and UNRATED, has a treatment. Segments refine it field by field: of the segments that a customer is in, the first in the
//! order of the file that states a field decides it.

use std::sync::Arc;

use super::{
    Channel, LocalizedText, TierDefinition,
    fields::{self, Fields},
    yaml::{Entry, Node},
};
use crate::domain::{
    rules::{
        condition::SegmentId,
        diagnostic::{Code, Diagnostics, Span},
        nearest::nearest,
        vocabulary::Vocabulary,
    },
    text::Label,
};

/// Agreed times.
#[derive(Debug, Clone, PartialEq)]
pub struct Sla {
    /// Until somebody answers, in minutes.
    pub response_minutes: u32,
    /// Until it is solved, in minutes.
    pub resolution_minutes: Option<u32>,
    /// When the clock runs, for people: `24x7`, `Mon-Fri 8-18`.
    pub hours: Option<Label>,
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
}

/// All treatments.
#[derive(Debug, Clone, PartialEq)]
pub struct Treatments {
    /// By place of the tier, from the best to the last.
    tiers: Vec<Treatment>,
    unrated: Treatment,
    segments: Vec<(SegmentId, Treatment)>,
}

/// Where a field of a treatment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreatmentChoice {
    /// From the tier, or from UNRATED.
    Tier,
    /// From this segment.
    Segment(SegmentId),
}

impl Treatments {
    /// The treatment of a customer: `tier_rank` is 1 for the best tier and `None` for UNRATED, `is_member` says which segments the
    /// customer is in. `choices` receives where each field comes from, in the order of the fields of [`Treatment`].
    #[must_use]
    pub fn of_customer(
        &self,
        tier_rank: Option<usize>,
        is_member: impl Fn(SegmentId) -> bool,
    ) -> (Treatment, [TreatmentChoice; 6]) {
        let base = tier_rank
            .and_then(|rank| self.tiers.get(rank.checked_sub(1)?))
            .unwrap_or(&self.unrated);
        let mut treatment = Treatment::default();
        let mut choices = [TreatmentChoice::Tier; 6];
        let sources = self
            .segments
            .iter()
            .filter(|(segment, _)| is_member(*segment))
            .map(|(segment, treatment)| (TreatmentChoice::Segment(*segment), treatment));
        for (choice, source) in sources.chain([(TreatmentChoice::Tier, base)]) {
            take(
                &mut treatment.sla,
                source.sla.as_ref(),
                choice,
                &mut choices[0],
            );
            take(
                &mut treatment.queue,
                source.queue.as_ref(),
                choice,
                &mut choices[1],
            );
            take(
                &mut treatment.skills,
                source.skills.as_ref(),
                choice,
                &mut choices[2],
            );
            take(
                &mut treatment.channels,
                source.channels.as_ref(),
                choice,
                &mut choices[3],
            );
            take(
                &mut treatment.services,
                source.services.as_ref(),
                choice,
                &mut choices[4],
            );
            take(
                &mut treatment.playbook,
                source.playbook.as_ref(),
                choice,
                &mut choices[5],
            );
        }
        (treatment, choices)
    }
}

/// Fills a field that is still empty.
fn take<T: Clone>(
    field: &mut Option<T>,
    source: Option<&T>,
    choice: TreatmentChoice,
    chosen: &mut TreatmentChoice,
) {
    if field.is_none() && source.is_some() {
        *field = source.cloned();
        *chosen = choice;
    }
}

/// Reads `treatments:` with the names that it may use.
pub(super) struct Reader<'a> {
    pub(super) tiers: &'a [TierDefinition],
    pub(super) channels: &'a [Channel],
    pub(super) vocabulary: &'a Vocabulary,
}

impl Reader<'_> {
    pub(super) fn read(
        &self,
        node: &Node,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<Treatments> {
        let mut fields = Fields::from_node(node, place, "`treatments`", problems)?;
        let tiers_place = fields.key_span("tiers");
        let tiers = fields.require("tiers", "{UNRATED: {queue: service, ...}}", problems);
        let entries = tiers.and_then(|node| fields::map(node, tiers_place, "`tiers`", problems));
        let by_tier = entries.map(|entries| self.by_tier(entries, tiers_place, problems));
        let segments_place = fields.key_span("segments");
        let segments = match fields.get("segments") {
            Some(node) => self.by_segment(node, segments_place, problems),
            None => Some(Vec::new()),
        };
        fields.finish(problems);
        let (tiers, unrated) = by_tier??;
        Some(Treatments {
            tiers,
            unrated,
            segments: segments?,
        })
    }

    fn by_tier(
        &self,
        entries: &[Entry],
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<(Vec<Treatment>, Treatment)> {
        let mut found: Vec<(&str, Treatment)> = Vec::new();
        for entry in entries {
            let is_known =
                entry.key == "UNRATED" || self.tiers.iter().any(|tier| *tier.name == *entry.key);
            if !is_known {
                let names = self.tiers.iter().map(|tier| &*tier.name).chain(["UNRATED"]);
                let known: Vec<&str> = names.collect();
                let help = match nearest(&entry.key, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("valid names: {}", known.join(", ")),
                };
                let message = format!("unknown tier `{}`", entry.key);
                problems.add_with_help(entry.key_span, Code::UnknownName, message, help);
            }
            let what = format!("the treatment of `{}`", entry.key);
            let Some(mut fields) = Fields::from_node(&entry.value, entry.key_span, what, problems)
            else {
                continue;
            };
            fields.require("sla", "{response: 4 h}", problems);
            fields.require("queue", "service", problems);
            let treatment = self.treatment(&mut fields, problems);
            fields.finish(problems);
            if let Some(treatment) = treatment {
                found.push((&entry.key, treatment));
            }
        }
        let names = self.tiers.iter().map(|tier| &*tier.name).chain(["UNRATED"]);
        let missing: Vec<String> = names
            .filter(|name| entries.iter().all(|entry| entry.key != *name))
            .map(|name| format!("`{name}`"))
            .collect();
        if !missing.is_empty() {
            let message = format!("missing treatment for {}", missing.join(", "));
            let help =
                "every tier needs one, and so does UNRATED (leads, new customers and employees)";
            problems.add_with_help(place, Code::MissingKey, message, help);
        }
        let of = |name: &str| {
            let known = found.iter().find(|(known, _)| *known == name);
            known.map(|(_, treatment)| treatment.clone())
        };
        let tiers: Option<Vec<Treatment>> = self.tiers.iter().map(|tier| of(&tier.name)).collect();
        Some((tiers?, of("UNRATED")?))
    }

    fn by_segment(
        &self,
        node: &Node,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<Vec<(SegmentId, Treatment)>> {
        let mut out = Vec::new();
        let mut is_sound = true;
        for item in fields::list(node, place, "`segments` of `treatments`", problems)? {
            let Some(mut fields) = Fields::from_node(item, item.span, "a treatment", problems)
            else {
                is_sound = false;
                continue;
            };
            let segment = fields.require("segment", "internal/trainees", problems);
            let segment = segment.and_then(|node| self.segment(node, problems));
            let treatment = self.treatment(&mut fields, problems);
            fields.finish(problems);
            match (segment, treatment) {
                (Some(segment), Some(treatment)) => out.push((segment, treatment)),
                _ => is_sound = false,
            }
        }
        is_sound.then_some(out)
    }

    fn segment(&self, node: &Node, problems: &mut Diagnostics) -> Option<SegmentId> {
        let name = fields::scalar(node, problems)?;
        let found = self.vocabulary.segment_id(name);
        if found.is_none() {
            let known = self.vocabulary.segments().iter().map(|name| &**name);
            let help = match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write it as `scheme/name`".to_owned(),
            };
            problems.add_with_help(
                node.span,
                Code::UnknownName,
                format!("unknown segment `{name}`"),
                help,
            );
        }
        found
    }

    fn treatment(&self, fields: &mut Fields<'_>, problems: &mut Diagnostics) -> Option<Treatment> {
        let names = |key: &'static str, fields: &mut Fields<'_>, problems: &mut Diagnostics| {
            let place = fields.key_span(key);
            let node = fields.get(key)?;
            Some(fields::unique(
                node,
                place,
                &format!("`{key}`"),
                problems,
                fields::name,
            ))
        };
        let sla_place = fields.key_span("sla");
        let sla = fields.get("sla").map(|node| sla(node, sla_place, problems));
        let queue = fields.get("queue").map(|node| fields::name(node, problems));
        let skills = names("skills", fields, problems);
        let services = names("services", fields, problems);
        let channels_place = fields.key_span("channels");
        let channels = fields.get("channels").map(|node| {
            fields::unique(
                node,
                channels_place,
                "`channels`",
                problems,
                |item, problems| self.channel(item, problems),
            )
        });
        let playbook_place = fields.key_span("playbook");
        let playbook = fields.get("playbook").map(|node| {
            fields::unique(node, playbook_place, "`playbook`", problems, fields::words)
        });
        // A field that is stated but unreadable makes the treatment unreadable.
        Some(Treatment {
            sla: sla.map_or(Some(None), |value| value.map(Some))?,
            queue: queue.map_or(Some(None), |value| value.map(Some))?,
            skills: skills.map_or(Some(None), |value| value.map(|list| Some(list.into())))?,
            channels: channels.map_or(Some(None), |value| value.map(|list| Some(list.into())))?,
            services: services.map_or(Some(None), |value| value.map(|list| Some(list.into())))?,
            playbook: playbook.map_or(Some(None), |value| value.map(|list| Some(list.into())))?,
        })
    }

    fn channel(&self, node: &Node, problems: &mut Diagnostics) -> Option<Label> {
        let name = fields::scalar(node, problems)?;
        if let Some(channel) = self.channels.iter().find(|channel| *channel.name == *name) {
            return Some(channel.name.clone());
        }
        let known = self.channels.iter().map(|channel| &*channel.name);
        let help = match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "define it under `channels:`".to_owned(),
        };
        problems.add_with_help(
            node.span,
            Code::UnknownName,
            format!("unknown channel `{name}`"),
            help,
        );
        None
    }
}

fn sla(node: &Node, place: Span, problems: &mut Diagnostics) -> Option<Sla> {
    let mut fields = Fields::from_node(node, place, "`sla`", problems)?;
    let response = fields.require("response", "4 h", problems);
    let response = response.and_then(|node| fields::minutes(node, problems));
    let resolution = fields.get("resolution");
    let resolution_span = resolution.map(|node| node.span);
    let resolution = resolution.map(|node| fields::minutes(node, problems));
    let hours = fields.get("hours").map(|node| fields::text(node, problems));
    fields.finish(problems);
    let (response_minutes, resolution_minutes) = (
        response?,
        resolution.map_or(Some(None), |value| value.map(Some))?,
    );
    if let (Some(resolution), Some(span)) = (resolution_minutes, resolution_span)
        && resolution < response_minutes
    {
        let help = "set a resolution time of at least the response time";
        problems.add_with_help(
            span,
            Code::BadValue,
            "the resolution is due before the response",
            help,
        );
    }
    Some(Sla {
        response_minutes,
        resolution_minutes,
        hours: hours.map_or(Some(None), |value| value.map(Some))?,
    })
}
