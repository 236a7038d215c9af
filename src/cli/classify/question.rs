//! The question that tells customers apart who share a number, in words and as JSON.

use serde::Serialize;

use crate::cli::json::TextJson;
use crate::pb;

/// A question as JSON.
#[derive(Debug, Serialize)]
pub struct QuestionJson {
    asks_for: String,
    text: Option<TextJson>,
    answers: Vec<AnswerJson>,
}

/// An answer to it.
#[derive(Debug, Serialize)]
struct AnswerJson {
    value: Option<String>,
    candidate_count: i32,
    queue: Option<String>,
}

impl From<&pb::CallerQuestion> for QuestionJson {
    fn from(question: &pb::CallerQuestion) -> Self {
        let stated = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let answers = question.answers.iter().map(|answer| AnswerJson {
            value: stated(&answer.value),
            candidate_count: answer.candidate_count,
            queue: stated(&answer.queue),
        });
        Self {
            asks_for: question.asks_for.clone(),
            text: question.text.as_ref().map(TextJson::from),
            answers: answers.collect(),
        }
    }
}

/// The question, and where each answer leads: `COMPANY: 3 customers, queue service_plus`.
#[must_use]
pub fn question_text(question: &pb::CallerQuestion) -> String {
    let mut lines = vec![
        question
            .text
            .as_ref()
            .map_or_else(|| question.asks_for.clone(), |text| text.en.clone()),
    ];
    for answer in &question.answers {
        let value = if answer.value.is_empty() {
            "not known"
        } else {
            &answer.value
        };
        let customers = match answer.candidate_count {
            1 => "1 customer".to_owned(),
            count => format!("{count} customers"),
        };
        let queue = if answer.queue.is_empty() {
            "different queues".to_owned()
        } else {
            format!("queue {}", answer.queue)
        };
        lines.push(format!("  {value}: {customers}, {queue}"));
    }
    lines.join("\n")
}
