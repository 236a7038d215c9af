//! Revisions and the problems of documents as messages.

use super::{rates, timestamp_message};
use crate::{
    domain::rules::diagnostic::{self, Diagnostic},
    pb,
    service::{definitions::Published, missing_rates::Unconvertible},
};

/// The message of a revision, with its document.
pub(crate) fn revision(published: Published) -> pb::Revision {
    pb::Revision {
        revision: published.revision,
        active: published.active,
        publish_time: Some(timestamp_message(published.published_at)),
        note: published.note,
        document: published.document,
    }
}

/// The answer about a published revision, and who has no value by it.
pub(crate) fn publication(
    published: Published,
    counted: Option<Unconvertible>,
) -> pb::PublishDefinitionsResponse {
    let customers = counted.as_ref().map(|counted| counted.customers);
    let currencies = counted.map(|counted| counted.currencies);
    pb::PublishDefinitionsResponse {
        revision: Some(revision(published)),
        problems: vec![],
        unconvertible_customers: customers.map(|number| i64::try_from(number).unwrap_or(i64::MAX)),
        unconvertible_currencies: rates::codes(&currencies.unwrap_or_default()),
    }
}

/// The message of the built-in revision.
pub(crate) fn built_in(active: bool) -> pb::Revision {
    pb::Revision {
        revision: 0,
        active,
        publish_time: None,
        note: "built in".to_owned(),
        document: String::new(),
    }
}

/// The messages of problems.
pub(crate) fn problems(document: &str, problems: &[Diagnostic]) -> Vec<pb::DefinitionProblem> {
    problems
        .iter()
        .map(|problem| message(document, problem))
        .collect()
}

fn message(document: &str, problem: &Diagnostic) -> pb::DefinitionProblem {
    let (line, column) = diagnostic::line_and_column(document, problem.span.start);
    let number = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    pb::DefinitionProblem {
        line: number(line),
        column: number(column),
        reason: problem.code.as_str().to_owned(),
        description: problem.message.clone(),
        help: problem.help.clone().unwrap_or_default(),
        rendered: diagnostic::render(document, "definitions", problem),
    }
}
