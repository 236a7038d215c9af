//! The fields of treatments.

use super::Treatment;

/// A field of a treatment, which is decided as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreatmentField {
    /// [`Treatment::sla`].
    Sla,
    /// [`Treatment::queue`].
    Queue,
    /// [`Treatment::skills`].
    Skills,
    /// [`Treatment::channels`].
    Channels,
    /// [`Treatment::services`].
    Services,
    /// [`Treatment::playbook`].
    Playbook,
    /// [`Treatment::priority`].
    Priority,
    /// [`Treatment::fallback_queues`].
    FallbackQueues,
    /// [`Treatment::roles`].
    Roles,
    /// [`Treatment::automation`].
    Automation,
    /// [`Treatment::tone`].
    Tone,
    /// [`Treatment::language`].
    Language,
    /// [`Treatment::check_ins`].
    CheckIns,
    /// [`Treatment::articles`].
    Articles,
    /// [`Treatment::request_forms`].
    RequestForms,
}

const _: () = {
    let mut at = 0;
    while at < TreatmentField::ALL.len() {
        assert!(
            TreatmentField::ALL[at].place() == at,
            "in the order of the fields"
        );
        at += 1;
    }
};

impl TreatmentField {
    /// Every field, in a fixed order.
    pub const ALL: [Self; 15] = [
        Self::Sla,
        Self::Queue,
        Self::Skills,
        Self::Channels,
        Self::Services,
        Self::Playbook,
        Self::Priority,
        Self::FallbackQueues,
        Self::Roles,
        Self::Automation,
        Self::Tone,
        Self::Language,
        Self::CheckIns,
        Self::Articles,
        Self::RequestForms,
    ];

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub const fn place(self) -> usize {
        self as usize
    }

    /// Its name, as definitions have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sla => "sla",
            Self::Queue => "queue",
            Self::Skills => "skills",
            Self::Channels => "channels",
            Self::Services => "services",
            Self::Playbook => "playbook",
            Self::Priority => "priority",
            Self::FallbackQueues => "fallback_queues",
            Self::Roles => "roles",
            Self::Automation => "automation",
            Self::Tone => "tone",
            Self::Language => "language",
            Self::CheckIns => "check_ins",
            Self::Articles => "articles",
            Self::RequestForms => "request_forms",
        }
    }

    /// Whether `treatment` states it.
    #[must_use]
    pub const fn is_stated(self, treatment: &Treatment) -> bool {
        match self {
            Self::Sla => treatment.sla.is_some(),
            Self::Queue => treatment.queue.is_some(),
            Self::Skills => treatment.skills.is_some(),
            Self::Channels => treatment.channels.is_some(),
            Self::Services => treatment.services.is_some(),
            Self::Playbook => treatment.playbook.is_some(),
            Self::Priority => treatment.priority.is_some(),
            Self::FallbackQueues => treatment.fallback_queues.is_some(),
            Self::Roles => treatment.roles.is_some(),
            Self::Automation => treatment.automation.is_some(),
            Self::Tone => treatment.tone.is_some(),
            Self::Language => treatment.language.is_some(),
            Self::CheckIns => treatment.check_ins.is_some(),
            Self::Articles => treatment.articles.is_some(),
            Self::RequestForms => treatment.request_forms.is_some(),
        }
    }
}

/// Something for each field of a treatment, in the order of [`TreatmentField::ALL`].
pub type PerField<T> = [T; TreatmentField::ALL.len()];
