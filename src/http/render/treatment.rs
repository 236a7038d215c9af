//! What follows for a contact.

use serde::Serialize;

use super::Text;
use crate::{http::parameters::Language, pb};

/// What follows.
#[derive(Debug, Default, Serialize)]
pub(super) struct Treatment<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    queue: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    fallback_queues: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    skills: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    roles: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    response_minutes: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution_minutes: Option<i32>,
    #[serde(skip_serializing_if = "str::is_empty")]
    service_hours: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    service_calendar: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_extent: Option<Text<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    channels: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    services: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    articles: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    request_forms: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    automation_allowed: Option<bool>,
    #[serde(skip_serializing_if = "str::is_empty")]
    language: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tone: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    playbook: Vec<Text<'a>>,
}

impl<'a> From<&'a pb::Treatment> for Treatment<'a> {
    fn from(treatment: &'a pb::Treatment) -> Self {
        Self {
            queue: &treatment.queue,
            fallback_queues: &treatment.fallback_queues,
            priority: treatment.priority,
            skills: &treatment.skills,
            roles: &treatment.roles,
            response_minutes: treatment.response_minutes,
            resolution_minutes: treatment.resolution_minutes,
            service_hours: &treatment.service_hours,
            service_calendar: &treatment.calendar,
            service_extent: treatment.extent.as_ref().map(Text::from),
            channels: &treatment.channels,
            services: &treatment.services,
            articles: &treatment.articles,
            request_forms: &treatment.request_forms,
            automation_allowed: treatment.automation_allowed,
            language: &treatment.language,
            tone: treatment.tone.as_ref().map(Text::from),
            playbook: treatment.playbook.iter().map(Text::from).collect(),
        }
    }
}

impl Treatment<'_> {
    /// As keys and texts, the same keys every time.
    pub(super) fn pairs(&self, language: Language) -> Vec<(&'static str, String)> {
        let list = |names: &[String]| names.join(",");
        let whole = |number: Option<i32>| number.map(|it| it.to_string()).unwrap_or_default();
        let steps = self.playbook.iter();
        let playbook: Vec<&str> = steps.map(|step| step.in_language(language)).collect();
        let automation = self.automation_allowed.map(|it| it.to_string());
        let extent = self
            .service_extent
            .map_or("", |it| it.in_language(language));
        let tone = self.tone.map_or("", |it| it.in_language(language));
        vec![
            ("queue", self.queue.to_owned()),
            ("fallback_queues", list(self.fallback_queues)),
            ("priority", whole(self.priority)),
            ("skills", list(self.skills)),
            ("roles", list(self.roles)),
            ("response_minutes", whole(self.response_minutes)),
            ("resolution_minutes", whole(self.resolution_minutes)),
            ("service_hours", self.service_hours.to_owned()),
            ("service_calendar", self.service_calendar.to_owned()),
            ("service_extent", extent.to_owned()),
            ("channels", list(self.channels)),
            ("services", list(self.services)),
            ("articles", list(self.articles)),
            ("request_forms", list(self.request_forms)),
            ("automation_allowed", automation.unwrap_or_default()),
            ("language", self.language.to_owned()),
            ("tone", tone.to_owned()),
            ("playbook", playbook.join(" | ")),
        ]
    }
}
