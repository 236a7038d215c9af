//! Segments and treatment of a classified customer, in words.

use crate::cli::text;
use crate::pb;

/// The segments, each with its reasons. Empty when there is none.
#[must_use]
pub fn segments_text(memberships: &[pb::SegmentMembership]) -> String {
    let mut lines = Vec::new();
    for one in memberships {
        let title = one.title.as_ref().map_or("", |title| title.en.as_str());
        let unknown = if one.verdict() == pb::Verdict::Unknown {
            ", included although undecided"
        } else {
            ""
        };
        lines.push(format!("{} ({}){unknown}", title, one.segment));
        for reason in &one.reasons {
            let words = reason.text.as_ref().map_or("", |text| text.en.as_str());
            let words = if words.is_empty() {
                &reason.code
            } else {
                words
            };
            lines.push(format!("  because {words}"));
        }
    }
    lines.join("\n")
}

/// The treatment, part by part, each with what decided it: the tier or a segment.
#[must_use]
pub fn treatment_text(treatment: &pb::Treatment) -> String {
    let automation = match treatment.automation_allowed {
        None => "",
        Some(true) => "allowed",
        Some(false) => "not allowed",
    };
    let priority = treatment.priority.map(|priority| priority.to_string());
    let tone = treatment.tone.as_ref().map(|tone| tone.en.clone());
    let parts = [
        ("Queue", "queue", treatment.queue.clone()),
        (
            "Then",
            "fallback_queues",
            treatment.fallback_queues.join(", "),
        ),
        ("Priority", "priority", priority.unwrap_or_default()),
        ("Service level", "sla", times(treatment)),
        ("Skills", "skills", treatment.skills.join(", ")),
        ("Roles", "roles", treatment.roles.join(", ")),
        ("Automation", "automation", automation.to_owned()),
        ("Channels", "channels", treatment.channels.join(", ")),
        ("Services", "services", treatment.services.join(", ")),
        ("Articles", "articles", treatment.articles.join(", ")),
        ("Forms", "request_forms", treatment.request_forms.join(", ")),
        ("Language", "language", treatment.language.clone()),
        ("Tone", "tone", tone.unwrap_or_default()),
    ];
    let mut rows = Vec::new();
    for (label, field, value) in parts {
        if !value.is_empty() {
            rows.push((label, format!("{value}{}", decided(treatment, field))));
        }
    }
    for (index, step) in treatment.playbook.iter().enumerate() {
        let (label, by) = if index == 0 {
            ("Playbook", decided(treatment, "playbook"))
        } else {
            ("", String::new())
        };
        rows.push((label, format!("{}. {}{by}", index + 1, step.en)));
    }
    text::labelled(&rows)
}

/// `  [by tier]`, `  [by attention/at_risk]`.
fn decided(treatment: &pb::Treatment, field: &str) -> String {
    let by = treatment.decided_by.get(field);
    by.map_or_else(String::new, |by| format!("  [by {by}]"))
}

/// "answer within 15 min, solve within 4 h, 24x7".
fn times(treatment: &pb::Treatment) -> String {
    let mut parts = Vec::new();
    if let Some(minutes) = treatment.response_minutes {
        parts.push(format!("respond within {}", duration(minutes)));
    }
    if let Some(minutes) = treatment.resolution_minutes {
        parts.push(format!("resolve within {}", duration(minutes)));
    }
    if !treatment.service_hours.is_empty() {
        parts.push(treatment.service_hours.clone());
    }
    if !treatment.calendar.is_empty() {
        parts.push(format!("in the hours of {}", treatment.calendar));
    }
    parts.extend(treatment.extent.as_ref().map(|extent| extent.en.clone()));
    parts.join(", ")
}

/// Minutes in the largest unit that they fill.
fn duration(minutes: i32) -> String {
    match minutes {
        0 => "0 min".to_owned(),
        _ if minutes % 1_440 == 0 => format!("{} d", minutes / 1_440),
        _ if minutes % 60 == 0 => format!("{} h", minutes / 60),
        _ => format!("{minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(en: &str) -> pb::LocalizedText {
        pb::LocalizedText {
            en: en.into(),
            de: String::new(),
        }
    }

    #[test]
    fn a_treatment_says_what_decided_each_part() {
        let by = |field: &str, by: &str| (field.to_owned(), by.to_owned());
        let treatment = pb::Treatment {
            response_minutes: Some(15),
            resolution_minutes: Some(1_440),
            service_hours: "24x7".into(),
            queue: "key_accounts".into(),
            skills: vec!["senior".into(), "retention".into()],
            playbook: vec![words("Ask what went wrong"), words("Call back")],
            decided_by: [
                by("queue", "tier"),
                by("sla", "tier"),
                by("skills", "attention/at_risk"),
                by("playbook", "attention/at_risk"),
            ]
            .into(),
            ..Default::default()
        };
        assert_eq!(
            treatment_text(&treatment),
            "Queue          key_accounts  [by tier]
Service level  respond within 15 min, resolve within 1 d, 24x7  [by tier]
Skills         senior, retention  [by attention/at_risk]
Playbook       1. Ask what went wrong  [by attention/at_risk]
               2. Call back"
        );
    }

    #[test]
    fn segments_are_listed_with_their_reasons() {
        let membership = pb::SegmentMembership {
            segment: "lifecycle/onboarding".into(),
            title: Some(words("Onboarding")),
            verdict: pb::Verdict::Unknown.into(),
            reasons: vec![pb::ReasonCode {
                code: "TENURE_AT_MOST".into(),
                text: Some(words("Days since the first order: 12, at most 90")),
            }],
        };
        assert_eq!(
            segments_text(&[membership]),
            "Onboarding (lifecycle/onboarding), included although undecided
  because Days since the first order: 12, at most 90"
        );
    }

    #[test]
    fn times_are_told_in_the_largest_unit_that_they_fill() {
        let told: Vec<String> = [0, 15, 60, 90, 240, 1_440, 2_880].map(duration).into();
        assert_eq!(
            told,
            ["0 min", "15 min", "1 h", "90 min", "4 h", "1 d", "2 d"]
        );
    }
}
