//! The treatment of the customer of a test.

use std::collections::HashSet;

use super::failure;
use crate::domain::{
    assess::AssignedTreatment,
    definitions::{
        Definitions, LocalizedText, Sla, Treatment, TreatmentField,
        cases::{Case, ExpectedTreatment},
    },
    rules::diagnostic::Diagnostic,
    text::Label,
};

/// The fields that are not as expected.
pub(super) fn failures<'a>(
    case: &'a Case,
    expected: &'a ExpectedTreatment,
    assigned: &'a AssignedTreatment,
    definitions: &'a Definitions,
) -> impl Iterator<Item = Diagnostic> + 'a {
    let places = expected.places.iter();
    let missed =
        places.filter(|(field, _)| !is_met(*field, &expected.treatment, &assigned.treatment));
    missed.map(|(field, place)| {
        let shown = |treatment| text(*field, treatment, definitions);
        let found = shown(&assigned.treatment);
        let name = field.name();
        let message = match (&found, shown(&expected.treatment)) {
            (Some(found), Some(expected)) if *found == expected => {
                format!("{:?}: {name} is not as expected", case.name)
            }
            (found, expected) => format!(
                "{:?}: {name} is {}, expected {}",
                case.name,
                found.as_deref().unwrap_or("not set"),
                expected.unwrap_or_default()
            ),
        };
        let source = assigned.choices[field.place()].source(definitions);
        let help = found.map(|_| format!("it comes from {source}"));
        failure(*place, message, help)
    })
}

/// Whether a field is as expected. A text may be stated in English alone, and of agreed times what matters.
fn is_met(field: TreatmentField, expected: &Treatment, found: &Treatment) -> bool {
    match field {
        TreatmentField::Sla => both(expected.sla.as_ref(), found.sla.as_ref(), is_same_sla),
        TreatmentField::Playbook => both(
            expected.playbook.as_deref(),
            found.playbook.as_deref(),
            |expected, found| {
                let mut steps = expected.iter().zip(found);
                expected.len() == found.len() && steps.all(|(one, other)| is_same_text(one, other))
            },
        ),
        TreatmentField::Tone => both(expected.tone.as_ref(), found.tone.as_ref(), is_same_text),
        TreatmentField::Queue => expected.queue == found.queue,
        TreatmentField::Skills => is_same_set(expected.skills.as_deref(), found.skills.as_deref()),
        TreatmentField::Channels => {
            names(expected.channels.as_deref()) == names(found.channels.as_deref())
        }
        TreatmentField::Services => {
            is_same_set(expected.services.as_deref(), found.services.as_deref())
        }
        TreatmentField::Priority => expected.priority == found.priority,
        TreatmentField::FallbackQueues => {
            names(expected.fallback_queues.as_deref()) == names(found.fallback_queues.as_deref())
        }
        TreatmentField::Roles => is_same_set(expected.roles.as_deref(), found.roles.as_deref()),
        TreatmentField::Automation => expected.automation == found.automation,
        TreatmentField::Language => expected.language == found.language,
        TreatmentField::CheckIns => expected.check_ins == found.check_ins,
        TreatmentField::Articles => {
            is_same_set(expected.articles.as_deref(), found.articles.as_deref())
        }
        TreatmentField::RequestForms => is_same_set(
            expected.request_forms.as_deref(),
            found.request_forms.as_deref(),
        ),
    }
}

/// The names of a list; none where it is not set.
fn names(list: Option<&[Label]>) -> &[Label] {
    list.unwrap_or_default()
}

/// Whether two lists whose order means nothing have the same names.
fn is_same_set(expected: Option<&[Label]>, found: Option<&[Label]>) -> bool {
    let set = |list| names(list).iter().collect::<HashSet<_>>();
    set(expected) == set(found)
}

fn both<T: ?Sized>(
    expected: Option<&T>,
    found: Option<&T>,
    is_same: impl Fn(&T, &T) -> bool,
) -> bool {
    matches!((expected, found), (Some(expected), Some(found)) if is_same(expected, found))
}

fn is_same_sla(expected: &Sla, found: &Sla) -> bool {
    fn stated<T: PartialEq>(expected: Option<&T>, found: Option<&T>) -> bool {
        expected.is_none() || expected == found
    }
    expected.response_minutes == found.response_minutes
        && stated(
            expected.resolution_minutes.as_ref(),
            found.resolution_minutes.as_ref(),
        )
        && stated(expected.hours.as_ref(), found.hours.as_ref())
        && stated(expected.calendar.as_ref(), found.calendar.as_ref())
        && (expected.extent.is_none()
            || both(
                expected.extent.as_ref(),
                found.extent.as_ref(),
                is_same_text,
            ))
}

fn is_same_text(expected: &LocalizedText, found: &LocalizedText) -> bool {
    expected.en == found.en && (expected.de.is_none() || expected.de == found.de)
}

/// What a treatment states of a field.
fn text(field: TreatmentField, treatment: &Treatment, definitions: &Definitions) -> Option<String> {
    match field {
        TreatmentField::Sla => treatment.sla.as_ref().map(|sla| sla_text(sla, definitions)),
        TreatmentField::Queue => treatment.queue.as_deref().map(str::to_owned),
        TreatmentField::Skills => list(treatment.skills.as_deref()),
        TreatmentField::Channels => list(treatment.channels.as_deref()),
        TreatmentField::Services => list(treatment.services.as_deref()),
        TreatmentField::Playbook => {
            let steps = treatment.playbook.as_deref()?.iter();
            let steps: Vec<String> = steps.map(words).collect();
            Some(format!("[{}]", steps.join(", ")))
        }
        TreatmentField::Priority => treatment.priority.map(|priority| priority.to_string()),
        TreatmentField::FallbackQueues => list(treatment.fallback_queues.as_deref()),
        TreatmentField::Roles => list(treatment.roles.as_deref()),
        TreatmentField::Automation => {
            let words = |allowed| if allowed { "allowed" } else { "not_allowed" };
            treatment.automation.map(|it| words(it).to_owned())
        }
        TreatmentField::Tone => treatment.tone.as_ref().map(words),
        TreatmentField::Language => treatment.language.as_deref().map(str::to_owned),
        TreatmentField::CheckIns => {
            let plan = treatment.check_ins.as_ref();
            plan.map(|_| "a plan".to_owned())
        }
        TreatmentField::Articles => list(treatment.articles.as_deref()),
        TreatmentField::RequestForms => list(treatment.request_forms.as_deref()),
    }
}

/// A text in the languages that it has.
fn words(text: &LocalizedText) -> String {
    match &text.de {
        Some(de) => format!("{:?} ({de:?})", text.en),
        None => format!("{:?}", text.en),
    }
}

fn list(names: Option<&[Label]>) -> Option<String> {
    Some(format!("[{}]", names?.join(", ")))
}

fn sla_text(sla: &Sla, definitions: &Definitions) -> String {
    let mut parts = vec![format!("response {} min", sla.response_minutes)];
    let resolution = sla.resolution_minutes;
    parts.extend(resolution.map(|minutes| format!("resolution {minutes} min")));
    parts.extend(sla.hours.as_ref().map(|hours| format!("hours {hours}")));
    let calendar = sla
        .calendar
        .map(|id| &definitions.policies().calendar(id).name);
    parts.extend(calendar.map(|name| format!("calendar {name}")));
    parts.extend(
        sla.extent
            .as_ref()
            .map(|it| format!("extent {}", words(it))),
    );
    parts.join(", ")
}
