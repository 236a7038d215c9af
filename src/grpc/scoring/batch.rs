//! Requests about many subjects: a subject that cannot be read fails alone.

use std::collections::HashMap;

use prost_types::FieldMask;
use tonic::Status;

use super::RequestOptions;
use crate::{
    api::{
        self,
        answers::mask::AnswerMask,
        violations::{Checker, Violations},
    },
    grpc::status,
    pb,
    service::answer::{classify::Question, subjects::Subject},
};

/// Greatest number of subjects in a batch.
const MAX_BATCH: usize = 1_000;

/// A batch as it was read.
pub(super) struct ParsedBatch {
    /// `None` for a subject that cannot be read.
    pub(super) subjects: Vec<Option<Subject>>,
    /// What is wrong with those, by their place.
    unreadable: HashMap<usize, Vec<pb::Violation>>,
    pub(super) question: Question,
    pub(super) mask: AnswerMask,
}

impl ParsedBatch {
    /// What is wrong with the subject at a place.
    pub(super) fn violations(&self, at: usize) -> Vec<pb::Violation> {
        self.unreadable.get(&at).cloned().unwrap_or_default()
    }
}

pub(super) fn parse_batch(
    subjects: &[pb::Subject],
    asked: &RequestOptions<'_>,
    mask: Option<&FieldMask>,
    read_mask: impl Fn(Option<&FieldMask>, &mut Checker<'_>) -> AnswerMask,
) -> Result<ParsedBatch, Status> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    if !(1..=MAX_BATCH).contains(&subjects.len()) {
        check.field("subjects").refuse(
            "BATCH_SIZE",
            format!("has {} subjects: send 1 to {MAX_BATCH}", subjects.len()),
        );
        return Err(status::invalid_request(violations));
    }
    let question = asked.read(&mut check);
    let mask = read_mask(mask, &mut check.field("read_mask"));
    if !violations.is_empty() {
        return Err(status::invalid_request(violations));
    }
    let mut unreadable = HashMap::new();
    let mut read = Vec::with_capacity(subjects.len());
    for (at, message) in subjects.iter().enumerate() {
        let mut problems = Violations::default();
        let mut check = problems.at("");
        let subject = api::subject(Some(message), &mut check.element("subjects", at));
        if subject.is_none() {
            unreadable.insert(at, problems.into_vec());
        }
        read.push(subject);
    }
    Ok(ParsedBatch {
        subjects: read,
        unreadable,
        question,
        mask,
    })
}
