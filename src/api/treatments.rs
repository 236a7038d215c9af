//! Segments and treatments as messages.

use std::collections::BTreeMap;

use crate::{
    domain::{
        assess::AssignedTreatment,
        definitions::{Definitions, LocalizedText, Treatment, TreatmentChoice},
        rules::program::Verdict,
        text::Label,
    },
    pb,
};

/// A field of a treatment, which is decided as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Sla,
    Queue,
    Skills,
    Channels,
    Services,
    Playbook,
}

/// The fields, in the order of their choices.
pub(crate) const FIELDS: [Field; 6] = [
    Field::Sla,
    Field::Queue,
    Field::Skills,
    Field::Channels,
    Field::Services,
    Field::Playbook,
];

impl Field {
    /// The name of the field as definitions have it.
    const fn name(self) -> &'static str {
        match self {
            Self::Sla => "sla",
            Self::Queue => "queue",
            Self::Skills => "skills",
            Self::Channels => "channels",
            Self::Services => "services",
            Self::Playbook => "playbook",
        }
    }

    /// Whether `treatment` states it.
    const fn is_stated(self, treatment: &Treatment) -> bool {
        match self {
            Self::Sla => treatment.sla.is_some(),
            Self::Queue => treatment.queue.is_some(),
            Self::Skills => treatment.skills.is_some(),
            Self::Channels => treatment.channels.is_some(),
            Self::Services => treatment.services.is_some(),
            Self::Playbook => treatment.playbook.is_some(),
        }
    }
}

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
    let minutes = |minutes: u32| i32::try_from(minutes).unwrap_or(i32::MAX);
    let sla = treatment.sla.as_ref();
    let decided_by: BTreeMap<String, String> = FIELDS
        .iter()
        .zip(&assigned.choices)
        .filter(|(field, _)| field.is_stated(treatment))
        .map(|(field, choice)| (field.name().to_owned(), decided_by(*choice, definitions)))
        .collect();
    pb::Treatment {
        response_minutes: sla.map(|sla| minutes(sla.response_minutes)),
        resolution_minutes: sla.and_then(|sla| sla.resolution_minutes).map(minutes),
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
    }
}

/// What a treatment states in one field, and nothing else. Takes the message apart completely, so that a field that is added to it does not
/// compile here until it has its place.
pub(super) fn field_alone(whole: pb::Treatment, field: Field) -> pb::Treatment {
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
    } = whole;
    decided_by.retain(|name, _| name == field.name());
    let mut alone = pb::Treatment {
        decided_by,
        ..Default::default()
    };
    match field {
        Field::Sla => {
            alone.response_minutes = response_minutes;
            alone.resolution_minutes = resolution_minutes;
            alone.service_hours = service_hours;
        }
        Field::Queue => alone.queue = queue,
        Field::Skills => alone.skills = skills,
        Field::Channels => alone.channels = channels,
        Field::Services => alone.services = services,
        Field::Playbook => alone.playbook = playbook,
    }
    alone
}

fn decided_by(choice: TreatmentChoice, definitions: &Definitions) -> String {
    match choice {
        TreatmentChoice::Tier => "tier".to_owned(),
        TreatmentChoice::Segment(id) => definitions.segments()[id.0 as usize].name.to_string(),
    }
}
