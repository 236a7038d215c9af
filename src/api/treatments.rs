//! Segments and treatments as messages.

use std::collections::BTreeMap;

use crate::{
    domain::{
        assess::AssignedTreatment,
        definitions::{Definitions, LocalizedText, TreatmentChoice},
        rules::program::Verdict,
        text::Label,
    },
    pb,
};

/// The fields of a treatment, in the order of their choices.
pub(crate) const FIELDS: [&str; 6] = ["sla", "queue", "skills", "channels", "services", "playbook"];

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
    let stated = [
        treatment.sla.is_some(),
        treatment.queue.is_some(),
        treatment.skills.is_some(),
        treatment.channels.is_some(),
        treatment.services.is_some(),
        treatment.playbook.is_some(),
    ];
    let decided_by: BTreeMap<String, String> = FIELDS
        .iter()
        .zip(&assigned.choices)
        .zip(stated)
        .filter(|(_, stated)| *stated)
        .map(|((field, choice), _)| ((*field).to_owned(), decided_by(*choice, definitions)))
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

/// What a treatment states in the field of this place, and nothing else.
pub(super) fn field_alone(whole: pb::Treatment, field: usize) -> pb::Treatment {
    let name = FIELDS[field];
    let mut decided_by = whole.decided_by;
    decided_by.retain(|field, _| field == name);
    let alone = pb::Treatment {
        decided_by,
        ..Default::default()
    };
    match name {
        "sla" => pb::Treatment {
            response_minutes: whole.response_minutes,
            resolution_minutes: whole.resolution_minutes,
            service_hours: whole.service_hours,
            ..alone
        },
        "queue" => pb::Treatment {
            queue: whole.queue,
            ..alone
        },
        "skills" => pb::Treatment {
            skills: whole.skills,
            ..alone
        },
        "channels" => pb::Treatment {
            channels: whole.channels,
            ..alone
        },
        "services" => pb::Treatment {
            services: whole.services,
            ..alone
        },
        _ => pb::Treatment {
            playbook: whole.playbook,
            ..alone
        },
    }
}

fn decided_by(choice: TreatmentChoice, definitions: &Definitions) -> String {
    match choice {
        TreatmentChoice::Tier => "tier".to_owned(),
        TreatmentChoice::Segment(id) => definitions.segments()[id.0 as usize].name.to_string(),
    }
}
