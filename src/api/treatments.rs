//! Segments and treatments as messages.

use std::collections::BTreeMap;

use crate::{
    domain::{
        assess::AssignedTreatment,
        definitions::{Definitions, LocalizedText, TreatmentField},
        rules::program::Verdict,
        text::Label,
    },
    pb,
};

/// The message of a text for people.
pub(crate) fn localized(words: &LocalizedText) -> pb::LocalizedText {
    pb::LocalizedText {
        en: words.en.to_string(),
        de: words.de.as_deref().unwrap_or_default().to_owned(),
    }
}

/// The message of a verdict.
pub(crate) fn verdict(verdict: Verdict) -> i32 {
    let verdict = match verdict {
        Verdict::False => pb::Verdict::False,
        Verdict::Unknown => pb::Verdict::Unknown,
        Verdict::True => pb::Verdict::True,
    };
    verdict.into()
}

/// The message of a treatment.
pub(crate) fn treatment(assigned: &AssignedTreatment, definitions: &Definitions) -> pb::Treatment {
    let treatment = &assigned.treatment;
    let texts = |labels: Option<&[Label]>| {
        let labels = labels.unwrap_or_default().iter();
        labels.map(ToString::to_string).collect()
    };
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let sla = treatment.sla.as_ref();
    let decided_by: BTreeMap<String, String> = TreatmentField::ALL
        .iter()
        .zip(&assigned.choices)
        .filter(|(field, _)| field.is_stated(treatment))
        .map(|(field, choice)| {
            (
                field.name().to_owned(),
                choice.source(definitions).to_string(),
            )
        })
        .collect();
    pb::Treatment {
        response_minutes: sla.map(|sla| number(sla.response_minutes)),
        resolution_minutes: sla.and_then(|sla| sla.resolution_minutes).map(number),
        service_hours: sla
            .and_then(|sla| sla.hours.as_deref())
            .unwrap_or_default()
            .to_owned(),
        queue: treatment.queue.as_deref().unwrap_or_default().to_owned(),
        skills: texts(treatment.skills.as_deref()),
        channels: texts(treatment.channels.as_deref()),
        services: texts(treatment.services.as_deref()),
        playbook: treatment
            .playbook
            .iter()
            .flat_map(|steps| steps.iter())
            .map(localized)
            .collect(),
        decided_by,
        priority: treatment.priority.map(number),
        fallback_queues: texts(treatment.fallback_queues.as_deref()),
        roles: texts(treatment.roles.as_deref()),
        automation_allowed: treatment.automation,
        tone: treatment.tone.as_ref().map(localized),
        language: treatment.language.as_deref().unwrap_or_default().to_owned(),
        extent: sla.and_then(|sla| sla.extent.as_ref()).map(localized),
        articles: texts(treatment.articles.as_deref()),
        request_forms: texts(treatment.request_forms.as_deref()),
        calendar: sla
            .and_then(|sla| sla.calendar)
            .map(|id| definitions.policies().calendar(id).name.to_string())
            .unwrap_or_default(),
    }
}

/// What a treatment states in one field, and nothing else. Takes the message apart completely, so that a field that is added to it does not
/// compile here until it has its place.
pub(super) fn field_alone(whole: pb::Treatment, field: TreatmentField) -> pb::Treatment {
    let pb::Treatment {
        response_minutes,
        resolution_minutes,
        service_hours,
        queue,
        skills,
        channels,
        services,
        playbook,
        mut decided_by,
        priority,
        fallback_queues,
        roles,
        automation_allowed,
        tone,
        language,
        calendar,
        extent,
        articles,
        request_forms,
    } = whole;
    decided_by.retain(|name, _| name == field.name());
    let mut alone = pb::Treatment {
        decided_by,
        ..Default::default()
    };
    match field {
        TreatmentField::Sla => {
            alone.response_minutes = response_minutes;
            alone.resolution_minutes = resolution_minutes;
            alone.service_hours = service_hours;
            alone.calendar = calendar;
            alone.extent = extent;
        }
        TreatmentField::Queue => alone.queue = queue,
        TreatmentField::Skills => alone.skills = skills,
        TreatmentField::Channels => alone.channels = channels,
        TreatmentField::Services => alone.services = services,
        TreatmentField::Playbook => alone.playbook = playbook,
        TreatmentField::Priority => alone.priority = priority,
        TreatmentField::FallbackQueues => alone.fallback_queues = fallback_queues,
        TreatmentField::Roles => alone.roles = roles,
        TreatmentField::Automation => alone.automation_allowed = automation_allowed,
        TreatmentField::Tone => alone.tone = tone,
        TreatmentField::Language => alone.language = language,
        // The next day of the plan is that of the customer.
        TreatmentField::CheckIns => {}
        TreatmentField::Articles => alone.articles = articles,
        TreatmentField::RequestForms => alone.request_forms = request_forms,
    }
    alone
}
