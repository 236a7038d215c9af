//! The question that tells customers apart who share a number, in words.

use crate::pb;

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
