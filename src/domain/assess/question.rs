//! Which question tells customers apart who share a number, as far as it matters to a call: their queues.
//!
//! The best question leaves the fewest queues to choose from, counted as a caller would meet them: each customer as likely as the other. Of
//! equally good ones the one with the fewest answers is asked. Only what a caller may be asked is considered: the kind of customer, and
//! attributes with few values that are not protected. The customer number tells everybody apart and is asked where nothing else helps.

use std::collections::BTreeMap;

use super::segments::slots::{kind_text, observation};
use crate::domain::{
    customer::{facts::AttributeValue, profile::ProfileAt},
    definitions::{AttributeDefinition, Definitions, LocalizedText},
    rules::vocabulary::{Attribute, Sensitivity, ValueType},
    text::Label,
};

/// Most answers of a question: as many as a telephone has keys for.
pub const MAX_ANSWERS: usize = 9;

/// A customer who shares a number.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The customer.
    pub view: ProfileAt<'a>,
    /// The queue of the customer's treatment.
    pub queue: Option<&'a Label>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerQuestion {
    /// `kind`, `customer_id`, or the name of an attribute.
    pub asks_for: Label,
    /// The question in words.
    pub text: LocalizedText,
    /// The answers, by value; none for the customer number. Customers without a value come last.
    pub answers: Vec<CallerAnswer>,
}

/// An answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerAnswer {
    /// The value; `None` for customers without one.
    pub value: Option<Label>,
    /// Customers left.
    pub candidate_count: usize,
    /// The queue that all of them share.
    pub queue: Option<Label>,
}

/// The question that tells the queues of `candidates` apart best; `None` when they all have the same.
#[must_use]
pub fn best_question(
    candidates: &[Candidate<'_>],
    definitions: &Definitions,
) -> Option<CallerQuestion> {
    if queues(candidates.iter()) < 2 {
        return None;
    }
    let kind = Split::new("kind".into(), kind_words(), candidates, |view| {
        Some(kind_text(view.profile().kind).into())
    });
    let attributes = definitions.attributes().iter();
    let attributes = attributes
        .filter(|it| may_be_asked(&it.attribute))
        .map(|it| {
            let words = attribute_words(it);
            Split::new(it.attribute.name.clone(), words, candidates, |view| {
                value(view, &it.attribute)
            })
        });
    let best = std::iter::once(kind)
        .chain(attributes)
        .flatten()
        .min_by(|one, other| {
            let left = one.queues_left.total_cmp(&other.queues_left);
            left.then_with(|| {
                one.question
                    .answers
                    .len()
                    .cmp(&other.question.answers.len())
            })
        });
    #[expect(clippy::cast_precision_loss, reason = "at most 16 customers")]
    let unasked = queues(candidates.iter()) as f64;
    best.filter(|split| split.queues_left < unasked)
        .map(|split| split.question)
        .or_else(|| {
            Some(CallerQuestion {
                asks_for: "customer_id".into(),
                text: words(
                    "What is the customer number?",
                    "Wie lautet die Kundennummer?",
                ),
                answers: vec![],
            })
        })
}

/// A question, and how many queues its answer leaves on average.
struct Split {
    question: CallerQuestion,
    queues_left: f64,
}

impl Split {
    /// `None` when the question has too many answers.
    fn new(
        asks_for: Label,
        text: LocalizedText,
        candidates: &[Candidate<'_>],
        value: impl Fn(ProfileAt<'_>) -> Option<Label>,
    ) -> Option<Self> {
        let mut groups: BTreeMap<Option<Label>, Vec<&Candidate<'_>>> = BTreeMap::new();
        for candidate in candidates {
            groups
                .entry(value(candidate.view))
                .or_default()
                .push(candidate);
        }
        if groups.len() > MAX_ANSWERS {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 16 customers")]
        let left = |group: &Vec<&Candidate<'_>>| {
            group.len() as f64 * queues(group.iter().copied()) as f64 / candidates.len() as f64
        };
        let queues_left = groups.values().map(left).sum();
        // `None` is the least of keys; not known comes last.
        let (unknown, known): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(value, _)| value.is_none());
        let answers = known.into_iter().chain(unknown).map(|(value, group)| {
            let queue = (queues(group.iter().copied()) == 1).then(|| group[0].queue.cloned());
            CallerAnswer {
                value,
                candidate_count: group.len(),
                queue: queue.flatten(),
            }
        });
        Some(Self {
            question: CallerQuestion {
                asks_for,
                text,
                answers: answers.collect(),
            },
            queues_left,
        })
    }
}

/// How many different queues they have; none is one of its own.
fn queues<'a>(candidates: impl Iterator<Item = &'a Candidate<'a>>) -> usize {
    let mut queues: Vec<Option<&Label>> = candidates.map(|candidate| candidate.queue).collect();
    queues.sort();
    queues.dedup();
    queues.len()
}

/// Whether a caller may be asked for it and can answer with a key.
fn may_be_asked(attribute: &Attribute) -> bool {
    let has_few_values = match &attribute.value_type {
        ValueType::Bool => true,
        ValueType::OneOf(values) => values.len() < MAX_ANSWERS,
        ValueType::Whole
        | ValueType::Days
        | ValueType::Number
        | ValueType::Text
        | ValueType::Money(_)
        | ValueType::Day
        | ValueType::Tags
        | ValueType::Tier
        | ValueType::Time => false,
    };
    has_few_values && attribute.sensitivity == Sensitivity::Ordinary
}

/// The value that holds on the day, as conditions see it: none that is stale, to come, or of another type.
fn value(view: ProfileAt<'_>, attribute: &Attribute) -> Option<Label> {
    let fact = observation(view, attribute)?;
    let age_days = view.as_of() - fact.observed_on;
    let is_fresh = age_days >= 0
        && attribute
            .max_age_days
            .is_none_or(|most| i64::from(age_days) <= i64::from(most));
    match (&attribute.value_type, fact.value.as_ref()?) {
        (ValueType::Bool, AttributeValue::Bool(value)) if is_fresh => {
            Some(if *value { "true" } else { "false" }.into())
        }
        (ValueType::OneOf(values), AttributeValue::Text(text))
            if is_fresh && values.contains(text) =>
        {
            Some(text.clone())
        }
        _ => None,
    }
}

fn kind_words() -> LocalizedText {
    words(
        "Is the caller a private customer, a company or a colleague?",
        "Ist der Anrufer Privatkunde, Unternehmen oder Kollege?",
    )
}

fn attribute_words(definition: &AttributeDefinition) -> LocalizedText {
    let LocalizedText { en, de } = &definition.description;
    LocalizedText {
        en: format!("{en}: which one applies?").into(),
        de: de.as_ref().map(|de| format!("{de}: Was trifft zu?").into()),
    }
}

fn words(en: &str, de: &str) -> LocalizedText {
    LocalizedText {
        en: en.into(),
        de: Some(de.into()),
    }
}

#[cfg(test)]
mod tests;
