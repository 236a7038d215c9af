//! Reading `treatments:`.

mod sla;

use super::{MAX_PRIORITY, SegmentTreatment, Stranger, Treatment, Treatments, check_ins};
use crate::domain::{
    definitions::{
        Channel, LocalizedText, TierDefinition,
        calendars::Calendars,
        fields::{self, Fields, readable},
        period::{self, Precision},
        yaml::{Entry, Node},
    },
    rules::{
        condition::SegmentId,
        diagnostic::{Code, Diagnostics, Span},
        nearest::nearest,
        vocabulary::Vocabulary,
    },
    text::Label,
};

/// Most bytes of a language tag: longer ones are private use (RFC 5646, 4.4.1).
const MAX_LANGUAGE_BYTES: usize = 35;

/// Reads `treatments:` with the names that it may use.
pub(in crate::domain::definitions) struct Reader<'a> {
    pub(in crate::domain::definitions) tiers: &'a [TierDefinition],
    pub(in crate::domain::definitions) channels: &'a [Channel],
    pub(in crate::domain::definitions) vocabulary: &'a Vocabulary,
    pub(in crate::domain::definitions) calendars: &'a Calendars,
}

/// The treatments of `tiers:`.
struct ByTier {
    tiers: Vec<Treatment>,
    unrated: Treatment,
    strangers: [Treatment; 3],
}

impl Reader<'_> {
    pub(in crate::domain::definitions) fn read(
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
        let ByTier {
            tiers,
            unrated,
            strangers,
        } = by_tier??;
        Some(Treatments {
            tiers,
            unrated,
            strangers,
            segments: segments?,
        })
    }

    fn by_tier(
        &self,
        entries: &[Entry],
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<ByTier> {
        let mut found: Vec<(&str, Treatment)> = Vec::new();
        for entry in entries {
            let is_stranger = Stranger::ALL.iter().any(|it| it.key() == entry.key);
            let is_known = is_stranger
                || entry.key == "UNRATED"
                || self.tiers.iter().any(|tier| *tier.name == *entry.key);
            if !is_known {
                let names = self.tiers.iter().map(|tier| &*tier.name).chain(["UNRATED"]);
                let known: Vec<&str> = names.chain(Stranger::ALL.map(Stranger::key)).collect();
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
            // What is not stated of strangers is that of UNRATED.
            if !is_stranger {
                fields.require("sla", "{response: 4 h}", problems);
                fields.require("queue", "service", problems);
            }
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
        Some(ByTier {
            tiers: tiers?,
            unrated: of("UNRATED")?,
            strangers: Stranger::ALL.map(|it| of(it.key()).unwrap_or_default()),
        })
    }

    fn by_segment(
        &self,
        node: &Node,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<Vec<SegmentTreatment>> {
        let mut out = Vec::new();
        let mut is_sound = true;
        for item in fields::list(node, place, "`segments` of `treatments`", problems)? {
            let Some(mut fields) = Fields::from_node(item, item.span, "a treatment", problems)
            else {
                is_sound = false;
                continue;
            };
            let segment = fields.require("segment", "internal/trainees", problems);
            let segment = segment.and_then(|node| {
                let name = fields::scalar(node, problems)?;
                self.segment(name, node.span, problems)
            });
            let period = period::read(&mut fields, Precision::Days, problems);
            let treatment = self.treatment(&mut fields, problems);
            fields.finish(problems);
            match (segment, period, treatment) {
                (Some(segment), Some(period), Some(treatment)) => out.push(SegmentTreatment {
                    segment,
                    period,
                    treatment,
                }),
                _ => is_sound = false,
            }
        }
        is_sound.then_some(out)
    }

    /// The segment of a name that stands at `place`.
    pub(in crate::domain::definitions) fn segment(
        &self,
        name: &str,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<SegmentId> {
        let found = self.vocabulary.segment_id(name);
        if found.is_none() {
            let known = self.vocabulary.segments().iter().map(|name| &**name);
            let help = match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write it as `scheme/name`".to_owned(),
            };
            let message = format!("unknown segment `{name}`");
            problems.add_with_help(place, Code::UnknownName, message, help);
        }
        found
    }

    /// The fields of a treatment, without the others that stand next to them.
    pub(in crate::domain::definitions) fn treatment(
        &self,
        fields: &mut Fields<'_>,
        problems: &mut Diagnostics,
    ) -> Option<Treatment> {
        let sla_place = fields.key_span("sla");
        let sla = fields.get("sla");
        let sla = sla.map(|node| sla::read(node, sla_place, self.calendars, problems));
        let queue = fields.get("queue").map(|node| fields::name(node, problems));
        let skills = list(fields, "skills", problems, fields::name);
        let channels = list(fields, "channels", problems, |item, problems| {
            self.channel(item, problems)
        });
        let services = list(fields, "services", problems, fields::name);
        let playbook = list(fields, "playbook", problems, fields::words);
        let priority = fields.get("priority");
        let priority = priority.map(|node| fields::whole(node, 0..=MAX_PRIORITY, problems));
        let fallback_queues = list(fields, "fallback_queues", problems, fields::name);
        let roles = list(fields, "roles", problems, fields::name);
        let automation = fields.get("automation");
        let words = [("allowed", true), ("not_allowed", false)];
        let automation = automation.map(|node| fields::choice(node, &words, problems));
        let tone = fields.get("tone").map(|node| fields::words(node, problems));
        let language = fields.get("language");
        let language = language.map(|node| language_tag(node, problems));
        let place = fields.key_span("check_ins");
        let check_ins = fields.get("check_ins");
        let check_ins =
            check_ins.map(|node| check_ins::read(node, place, self.vocabulary, problems));
        let articles = list(fields, "articles", problems, fields::name);
        let request_forms = list(fields, "request_forms", problems, fields::name);
        // A field that is stated but unreadable makes the treatment unreadable.
        Some(Treatment {
            sla: readable(sla)?,
            queue: readable(queue)?,
            skills: readable(skills)?.map(Into::into),
            channels: readable(channels)?.map(Into::into),
            services: readable(services)?.map(Into::into),
            playbook: readable::<Vec<LocalizedText>>(playbook)?.map(Into::into),
            priority: readable(priority)?,
            fallback_queues: readable(fallback_queues)?.map(Into::into),
            roles: readable(roles)?.map(Into::into),
            automation: readable(automation)?,
            tone: readable(tone)?,
            language: readable(language)?,
            check_ins: readable(check_ins)?.map(Into::into),
            articles: readable(articles)?.map(Into::into),
            request_forms: readable(request_forms)?.map(Into::into),
        })
    }

    /// One of the channels of the document.
    pub(in crate::domain::definitions) fn channel(
        &self,
        node: &Node,
        problems: &mut Diagnostics,
    ) -> Option<Label> {
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

/// A list, if it is stated: then what was read of it, or nothing.
#[expect(
    clippy::option_option,
    reason = "stated and readable are different questions"
)]
fn list<T: PartialEq>(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Diagnostics,
    entry: impl FnMut(&Node, &mut Diagnostics) -> Option<T>,
) -> Option<Option<Vec<T>>> {
    let place = fields.key_span(key);
    let node = fields.get(key)?;
    let what = format!("`{key}`");
    Some(fields::unique(node, place, &what, problems, entry))
}

/// A language as `de` or `de-AT` (BCP 47). Only its form is checked.
fn language_tag(node: &Node, problems: &mut Diagnostics) -> Option<Label> {
    let written = fields::scalar(node, problems)?;
    let mut parts = written.split('-');
    let is_language = parts.next().is_some_and(|language| {
        (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_lowercase())
    });
    let is_tag = written.len() <= MAX_LANGUAGE_BYTES
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        });
    if is_language && is_tag {
        return Some(written.into());
    }
    let message = format!("{written:?} is not a language");
    problems.add_with_help(
        node.span,
        Code::BadValue,
        message,
        "for example `de` or `de-AT`",
    );
    None
}
