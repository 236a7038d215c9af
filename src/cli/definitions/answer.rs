//! Revisions as JSON and in words.

use serde::Serialize;

use crate::cli::text::{self, Align};
use crate::pb;

/// A revision as JSON.
#[derive(Debug, Serialize)]
pub struct RevisionJson {
    revision: i64,
    active: bool,
    publish_time: Option<String>,
    note: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
}

impl From<&pb::Revision> for RevisionJson {
    fn from(revision: &pb::Revision) -> Self {
        Self {
            revision: revision.revision,
            active: revision.active,
            publish_time: text::time_text(revision.publish_time.as_ref()),
            note: revision.note.clone(),
            document: None,
        }
    }
}

impl RevisionJson {
    /// A revision with its document; `null` for the built-in one, which has none.
    #[must_use]
    pub fn with_document(revision: &pb::Revision) -> Self {
        Self {
            document: Some(revision.document.clone()).filter(|document| !document.is_empty()),
            ..Self::from(revision)
        }
    }
}

/// A revision in a line: "revision 3 is in force, published 2026-01-31T08:00:00Z: new tiers".
#[must_use]
pub fn revision_line(revision: &pb::Revision) -> String {
    let number = revision.revision;
    let mut line = if number == 0 {
        "the built-in definitions (revision 0)".to_owned()
    } else {
        format!("revision {number}")
    };
    line.push_str(if revision.active {
        if number == 0 {
            " are active"
        } else {
            " is active"
        }
    } else {
        " is not active"
    });
    if let Some(time) = text::time_text(revision.publish_time.as_ref()) {
        line = format!("{line}, published {time}");
    }
    if !revision.note.is_empty() {
        line = format!("{line}: {}", revision.note);
    }
    line
}

/// All revisions as a table.
#[must_use]
pub fn list_page(revisions: &[pb::Revision]) -> String {
    if revisions.is_empty() {
        return "No definitions are published: the built-in ones are active.".to_owned();
    }
    let rows: Vec<Vec<String>> = revisions
        .iter()
        .map(|revision| {
            vec![
                revision.revision.to_string(),
                if revision.active { "active" } else { "" }.to_owned(),
                text::time_text(revision.publish_time.as_ref()).unwrap_or_default(),
                revision.note.clone(),
            ]
        })
        .collect();
    let header = [
        ("revision", Align::Right),
        ("", Align::Left),
        ("published", Align::Left),
        ("note", Align::Left),
    ];
    text::table(&header, &rows)
}

/// The problems that a server found, as it worded them.
#[must_use]
pub fn refused_text(problems: &[pb::DefinitionProblem]) -> String {
    let texts: Vec<String> = problems
        .iter()
        .map(|problem| {
            if problem.rendered.is_empty() {
                let (line, column) = (problem.line, problem.column);
                format!(
                    "{line}:{column}: {}: {}\n",
                    problem.reason, problem.description
                )
            } else {
                problem.rendered.clone()
            }
        })
        .collect();
    texts.join("\n")
}

/// A warning about customers whose amounts cannot be converted; `None` when there are none.
#[must_use]
pub fn unconvertible_text(answer: &pb::PublishDefinitionsResponse) -> Option<String> {
    let customers = answer
        .unconvertible_customers
        .filter(|&customers| customers > 0)?;
    let who = if customers == 1 {
        "1 customer has".to_owned()
    } else {
        format!("{customers} customers have")
    };
    let codes = answer.unconvertible_currencies.join(", ");
    Some(format!(
        "warning: {who} no value with this revision (NO_RATE): there is no rate from {codes} to its currency\n\
         hint: record rates from {codes} with `patron import rates FILE.csv`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_be_valued_is_told_with_currencies_and_remedy() {
        let answer = |customers, currencies: &[&str]| pb::PublishDefinitionsResponse {
            unconvertible_customers: customers,
            unconvertible_currencies: currencies.iter().map(|&code| code.to_owned()).collect(),
            ..Default::default()
        };
        assert_eq!(unconvertible_text(&answer(None, &[])), None);
        assert_eq!(unconvertible_text(&answer(Some(0), &[])), None);
        let one = unconvertible_text(&answer(Some(1), &["CHF"])).unwrap();
        assert!(one.starts_with("warning: 1 customer has"), "{one}");
        let many = unconvertible_text(&answer(Some(7), &["CHF", "USD"])).unwrap();
        for part in ["7 customers have", "CHF, USD", "patron import rates"] {
            assert!(many.contains(part), "{part} in {many}");
        }
    }
}
