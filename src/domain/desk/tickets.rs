//! Tickets: how urgent one is and which category its words point to. Both by stated rules whose parts are in the answer.

use std::collections::HashSet;

use jiff::Timestamp;

use super::DeskReason;
use crate::domain::{
    definitions::{LocalizedText, Policies, Treatment},
    explain::wording::{Language, both},
    text::Label,
};

/// Priority where the treatment sets none: the middle of 0 to 100.
const DEFAULT_PRIORITY: u32 = 50;
/// Points where production stands still: more than the distance from the default to the greatest priority of a treatment.
const STOPPED_POINTS: u32 = 60;
/// Points where production is slower.
const DEGRADED_POINTS: u32 = 25;
/// Points that a wait gathers until the response is due.
const WAITING_POINTS: u32 = 30;
/// Points once it is overdue.
const OVERDUE_POINTS: u32 = 40;
/// What a keyword in the title weighs, as against one in the text.
const TITLE_WEIGHT: u32 = 2;

/// How far a ticket keeps a customer from working.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProductionImpact {
    /// Not at all, or not known.
    #[default]
    None,
    /// Slower or in part.
    Degraded,
    /// Production stands still.
    Stopped,
}

/// A part of a priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorityReason {
    /// What it adds.
    pub points: u32,
    /// Why.
    pub reason: DeskReason,
}

/// How urgent a ticket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urgency {
    /// The points of all reasons.
    pub priority: u32,
    /// Where they come from.
    pub reasons: Vec<PriorityReason>,
    /// When the first response is due; `None`: not agreed.
    pub due: Option<Timestamp>,
}

/// How urgent a ticket is at `now`. Its response is due by the service level of the treatment, in the hours of its calendar.
#[must_use]
pub fn urgency(
    treatment: Option<&Treatment>,
    policies: Option<&Policies>,
    impact: ProductionImpact,
    created: Timestamp,
    now: Timestamp,
) -> Urgency {
    let mut reasons = vec![];
    let mut push = |points, code, text| {
        let reason = DeskReason { code, text };
        reasons.push(PriorityReason { points, reason });
    };
    match treatment.and_then(|treatment| treatment.priority) {
        Some(points) => push(points, "TREATMENT_PRIORITY", treatment_priority()),
        None => push(DEFAULT_PRIORITY, "DEFAULT_PRIORITY", default_priority()),
    }
    match impact {
        ProductionImpact::None => {}
        ProductionImpact::Degraded => push(DEGRADED_POINTS, "PRODUCTION_DEGRADED", degraded()),
        ProductionImpact::Stopped => push(STOPPED_POINTS, "PRODUCTION_STOPPED", stopped()),
    }
    let sla = treatment.and_then(|treatment| treatment.sla.as_ref());
    let due = sla.zip(policies);
    let due = due.and_then(|(sla, policies)| policies.due(sla, created, sla.response_minutes));
    if let Some(due) = due {
        let seconds = due.as_second() - created.as_second();
        let waited = (now.as_second() - created.as_second()).max(0);
        let gathered = i64::from(WAITING_POINTS) * waited / seconds.max(1);
        if now >= due {
            push(OVERDUE_POINTS, "RESPONSE_OVERDUE", overdue());
        } else if gathered > 0 {
            let points = u32::try_from(gathered).unwrap_or(WAITING_POINTS);
            push(
                points.min(WAITING_POINTS),
                "WAITING",
                waiting(100 * waited / seconds.max(1)),
            );
        }
    }
    Urgency {
        priority: reasons.iter().map(|reason| reason.points).sum(),
        reasons,
        due,
    }
}

fn text(en: &'static str, de: &'static str) -> LocalizedText {
    both(|language| match language {
        Language::En => en,
        Language::De => de,
    })
}

fn treatment_priority() -> LocalizedText {
    text("priority of the treatment", "Priorität der Behandlung")
}

fn default_priority() -> LocalizedText {
    text(
        "the treatment sets no priority",
        "die Behandlung legt keine Priorität fest",
    )
}

fn degraded() -> LocalizedText {
    text("production is slower", "die Produktion ist eingeschränkt")
}

fn stopped() -> LocalizedText {
    text("production stands still", "die Produktion steht still")
}

fn overdue() -> LocalizedText {
    text(
        "the first response is overdue",
        "die erste Antwort ist überfällig",
    )
}

fn waiting(percent: i64) -> LocalizedText {
    both(|language| match language {
        Language::En => format!("{percent} % of the time until the response is due has passed"),
        Language::De => format!("{percent} % der Zeit bis zur fälligen Antwort sind vergangen"),
    })
}

/// What a category is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The ticket's topic is its name.
    Topic,
    /// Its keywords appear.
    Keywords,
    /// It is a topic of earlier contacts whose words appear.
    PastTopic,
    /// It is such a topic of other customers in the same segment.
    SegmentTopic,
}

/// A category that a ticket may belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuggestedCategory {
    /// Its name.
    pub name: Label,
    /// Why.
    pub evidence: Evidence,
    /// The words that point to it.
    pub words: Vec<String>,
}

/// Words, in lower case and separated by one blank, with a blank at both ends: so that whole words are found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// The words of a text: letters and digits of any script; everything else separates.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut words = String::with_capacity(text.len() + 2);
        words.push(' ');
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            if !word.is_empty() {
                words.extend(word.chars().flat_map(char::to_lowercase));
                words.push(' ');
            }
        }
        Self(words)
    }

    fn each(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|word| !word.is_empty())
    }

    fn is_empty(&self) -> bool {
        self.0.len() < 2
    }
}

/// The words of a text, quick to search for many phrases.
struct Indexed<'a> {
    words: &'a Words,
    single: HashSet<&'a str>,
}

impl<'a> Indexed<'a> {
    fn new(words: &'a Words) -> Self {
        Self {
            single: words.each().collect(),
            words,
        }
    }

    fn has_all(&self, phrase: &Words) -> bool {
        !phrase.is_empty() && phrase.each().all(|word| self.single.contains(word))
    }

    fn has_phrase(&self, phrase: &Words) -> bool {
        self.has_all(phrase) && self.words.0.contains(&phrase.0)
    }
}

/// A category with the words that point to it.
#[derive(Debug, Clone)]
pub struct Category {
    /// Its name.
    pub name: Label,
    name_words: Words,
    keywords: Vec<Words>,
}

impl Category {
    /// A category of these keywords.
    #[must_use]
    pub fn new(name: Label, keywords: &[String]) -> Self {
        Self {
            name_words: Words::of(&name),
            keywords: keywords.iter().map(|keyword| Words::of(keyword)).collect(),
            name,
        }
    }
}

/// Topics of earlier contacts, the most frequent first.
#[derive(Debug, Clone, Copy)]
pub struct KnownTopics<'a> {
    /// Of the customer.
    pub own: &'a [Label],
    /// Of customers in the same segments.
    pub of_segments: &'a [Label],
}

/// What of a ticket points to a category.
#[derive(Debug, Clone, Copy)]
pub struct TicketText<'a> {
    /// The topic that the ticket system assigned; may be empty.
    pub topic: &'a str,
    /// The title.
    pub title: &'a str,
    /// The text.
    pub text: &'a str,
}

/// The category that a ticket most probably belongs to: the one named like its topic; else the one with the most keywords in title and
/// text, where one in the title weighs two, and the first listed of equal ones; else the first of the `known` topics, the customer's own
/// before those of segments, all of whose words appear.
#[must_use]
pub fn categorise(
    ticket: TicketText<'_>,
    categories: &[Category],
    known: KnownTopics<'_>,
) -> Option<SuggestedCategory> {
    let topic = Words::of(ticket.topic);
    let named = categories.iter().find(|it| it.name_words == topic);
    if let Some(named) = named.filter(|_| !topic.is_empty()) {
        return Some(SuggestedCategory {
            name: named.name.clone(),
            evidence: Evidence::Topic,
            words: topic.each().map(str::to_owned).collect(),
        });
    }
    let (title, text) = (Words::of(ticket.title), Words::of(ticket.text));
    let (title, text) = (Indexed::new(&title), Indexed::new(&text));
    let mut best: Option<(u32, &Category, Vec<&Words>)> = None;
    for category in categories {
        let mut weight = 0;
        let mut found = vec![];
        for keyword in &category.keywords {
            let in_title = u32::from(title.has_phrase(keyword)) * TITLE_WEIGHT;
            let hit = in_title + u32::from(text.has_phrase(keyword));
            if hit > 0 {
                weight += hit;
                found.push(keyword);
            }
        }
        if weight > best.as_ref().map_or(0, |(weight, _, _)| *weight) {
            best = Some((weight, category, found));
        }
    }
    if let Some((_, category, found)) = best {
        return Some(SuggestedCategory {
            name: category.name.clone(),
            evidence: Evidence::Keywords,
            words: found.iter().map(|it| it.0.trim().to_owned()).collect(),
        });
    }
    let own = known.own.iter().map(|topic| (topic, Evidence::PastTopic));
    let of_segments = known.of_segments.iter();
    let of_segments = of_segments.map(|topic| (topic, Evidence::SegmentTopic));
    own.chain(of_segments).find_map(|(topic, evidence)| {
        let words = Words::of(topic);
        (title.has_all(&words) || text.has_all(&words)).then(|| SuggestedCategory {
            name: topic.clone(),
            evidence,
            words: words.each().map(str::to_owned).collect(),
        })
    })
}

#[cfg(test)]
mod tests;
