//! The bytes of an answer to `RouteContact`, made from those of the answer to Classify, which are mostly kept.
//!
//! An answer about one customer is cut from the kept bytes: the classification without its treatment, the treatment, the provenance. So a
//! contact of a known caller costs little more than a classification that is kept.

use prost::Message as _;

mod mask;
mod number;
mod outcome;

pub use self::mask::RouteMask;
use self::{mask::field, number::number_message};
use super::{
    assigned, mark_stale, provenance,
    wire::{Field, Value, bytes, fields, number, text},
};
use crate::{
    domain::{assess::routing::RoutingOutcome, definitions::Stranger},
    pb,
    service::answer::{
        classify::MAX_ASSESSED,
        route::{
            ClassifiedBytes, Fallback, IdentifiedBy, ReadContact, RouteQuality, RouteVerdict,
            Routed, StrangerAnswer,
        },
    },
};

/// An answer to a contact: its bytes, and what is counted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutedBytes {
    /// The bytes of the message.
    pub bytes: Vec<u8>,
    /// What is known of who calls.
    pub verdict: RouteVerdict,
    /// How good the answer is.
    pub quality: RouteQuality,
}

/// The answer to a contact that was read as `read`, with the fields that are wanted.
#[must_use]
pub fn routed(answer: &Routed, read: &ReadContact, mask: RouteMask) -> RoutedBytes {
    match answer {
        Routed::Stranger(answer) => of_stranger(answer, read, mask),
        Routed::Classified(classified) => {
            let is_one = fields(&classified.bytes)
                .any(|it| it.number == 1 && it.value == Value::Varint(pb::Match::One as u64));
            if is_one {
                of_customer(classified, read, mask)
            } else {
                of_others(classified, read, mask)
            }
        }
    }
}

/// The answer about one customer, cut from the bytes of the classification.
fn of_customer(
    classified: &ClassifiedBytes,
    contact: &ReadContact,
    mask: RouteMask,
) -> RoutedBytes {
    let quality = quality(classified, false);
    let mut out = Vec::with_capacity(classified.bytes.len() + 64);
    number(field::VERDICT, pb::RouteVerdict::Resolved as i64, &mut out);
    number(field::QUALITY, quality_message(quality).into(), &mut out);
    for part in fields(&classified.bytes) {
        match part {
            Field {
                number: 2,
                value: Value::Bytes(classification),
                ..
            } => customer(classification, classified, mask, &mut out),
            Field {
                number: 6,
                value: Value::Bytes(own),
                ..
            } if mask.has(field::PROVENANCE) => bytes(field::PROVENANCE, own, &mut out),
            _ => {}
        }
    }
    if let Some(it) = &contact.number
        && mask.has(field::NUMBER)
    {
        let message = number_message(it).encode_to_vec();
        bytes(field::NUMBER, &message, &mut out);
    }
    if mask.has(field::IDENTIFIED_BY) {
        let by = identified_by(classified.by);
        number(field::IDENTIFIED_BY, by.into(), &mut out);
    }
    if classified.stale_since.is_some() && mask.has(field::PROVENANCE) {
        // A message that comes twice is taken together.
        let mut added = Some(pb::Provenance::default());
        mark_stale(&mut added, classified.stale_since);
        let added = added.unwrap_or_default().encode_to_vec();
        bytes(field::PROVENANCE, &added, &mut out);
    }
    if let Some(error) = &contact.claim_error
        && mask.has(field::CLAIM_ERROR)
    {
        text(field::CLAIM_ERROR, error, &mut out);
    }
    if let Some(routing) = &classified.routing {
        if mask.has(field::DECISION) {
            let decision = outcome::decision(routing).encode_to_vec();
            bytes(field::DECISION, &decision, &mut out);
        }
        if mask.has(field::TIMES) {
            bytes(
                field::TIMES,
                &outcome::times(routing).encode_to_vec(),
                &mut out,
            );
        }
    }
    RoutedBytes {
        bytes: out,
        verdict: RouteVerdict::Resolved,
        quality,
    }
}

/// How good an answer is; `is_crowd` where more customers share the number than are looked at.
fn quality(classified: &ClassifiedBytes, is_crowd: bool) -> RouteQuality {
    if classified.stale_since.is_some() {
        RouteQuality::Stale
    } else if classified.is_partial || is_crowd {
        RouteQuality::Partial
    } else {
        RouteQuality::Full
    }
}

/// The classification of one customer: its treatment where that of the contact stands, the rest where the customer does.
fn customer(
    classification: &[u8],
    classified: &ClassifiedBytes,
    mask: RouteMask,
    out: &mut Vec<u8>,
) {
    const TREATMENT_OF_CUSTOMER: u32 = 8;
    let of_contact = classified.treatment.as_deref();
    let of_contact = of_contact.and_then(|(treatment, basis)| assigned(Some(treatment), basis));
    let of_contact = of_contact.map(|treatment| treatment.encode_to_vec());
    let mut rest = Vec::with_capacity(classification.len());
    for part in fields(classification) {
        match part {
            Field {
                number: TREATMENT_OF_CUSTOMER,
                value: Value::Bytes(treatment),
                ..
            } => {
                if mask.has(field::TREATMENT) {
                    let treatment = of_contact.as_deref().unwrap_or(treatment);
                    bytes(field::TREATMENT, treatment, out);
                }
            }
            Field { whole, .. } => rest.extend_from_slice(whole),
        }
    }
    if mask.has(field::CUSTOMER) {
        bytes(field::CUSTOMER, &rest, out);
    }
}

/// The answer about nobody or several.
fn of_others(classified: &ClassifiedBytes, contact: &ReadContact, mask: RouteMask) -> RoutedBytes {
    // They were encoded here.
    let response = pb::ClassifyResponse::decode(&*classified.bytes).unwrap_or_default();
    let is_ambiguous = response.r#match() == pb::Match::Ambiguous;
    let verdict = if is_ambiguous {
        RouteVerdict::Ambiguous
    } else {
        RouteVerdict::Unknown
    };
    let count = usize::try_from(response.candidate_count).unwrap_or(usize::MAX);
    let quality = quality(classified, is_ambiguous && count > MAX_ASSESSED);
    let by = identified_by(classified.by);
    let mut provenance = response.provenance;
    mark_stale(&mut provenance, classified.stale_since);
    let message = pb::RouteContactResponse {
        verdict: verdict_message(verdict),
        quality: quality_message(quality),
        treatment: response.treatment,
        candidates: response.candidates,
        candidate_count: response.candidate_count,
        shared: response.shared,
        question: response.question,
        identified_by: if is_ambiguous { by } else { 0 },
        provenance,
        ..of_contact(contact, classified.routing.as_deref())
    };
    RoutedBytes {
        bytes: masked(message, mask).encode_to_vec(),
        verdict,
        quality,
    }
}

/// What an answer states of the contact itself.
fn of_contact(contact: &ReadContact, routing: Option<&RoutingOutcome>) -> pb::RouteContactResponse {
    let number = contact.number.as_ref().map(number_message);
    let unreadable = contact.caller_error.as_ref();
    let unreadable = unreadable.map(|error| pb::CallerNumber {
        error: error.clone(),
        ..Default::default()
    });
    pb::RouteContactResponse {
        number: number.or(unreadable),
        claim_error: contact.claim_error.clone().unwrap_or_default(),
        decision: routing.map(outcome::decision),
        times: routing.map(outcome::times),
        ..Default::default()
    }
}

/// The answer where no customer was looked for, or could be.
fn of_stranger(answer: &StrangerAnswer, contact: &ReadContact, mask: RouteMask) -> RoutedBytes {
    let verdict = match answer.stranger {
        Stranger::Unknown => RouteVerdict::Unknown,
        Stranger::Withheld => RouteVerdict::Withheld,
        Stranger::Invalid => RouteVerdict::Invalid,
    };
    let quality = if answer.fallback.is_some() {
        RouteQuality::Fallback
    } else {
        RouteQuality::Full
    };
    let message = pb::RouteContactResponse {
        verdict: verdict_message(verdict),
        quality: quality_message(quality),
        fallback_reason: answer.fallback.map_or(0, fallback_message),
        treatment: assigned(answer.treatment.as_ref(), &answer.basis),
        provenance: Some(provenance(None, answer.as_of, &answer.basis)),
        ..of_contact(contact, answer.routing.as_ref())
    };
    RoutedBytes {
        bytes: masked(message, mask).encode_to_vec(),
        verdict,
        quality,
    }
}

/// The message with the fields that are wanted.
fn masked(message: pb::RouteContactResponse, mask: RouteMask) -> pb::RouteContactResponse {
    fn wanted<T: Default>(value: T, is_wanted: bool) -> T {
        if is_wanted { value } else { T::default() }
    }
    pb::RouteContactResponse {
        verdict: message.verdict,
        quality: message.quality,
        fallback_reason: message.fallback_reason,
        treatment: wanted(message.treatment, mask.has(field::TREATMENT)),
        customer: wanted(message.customer, mask.has(field::CUSTOMER)),
        candidates: wanted(message.candidates, mask.has(6)),
        candidate_count: wanted(message.candidate_count, mask.has(7)),
        shared: wanted(message.shared, mask.has(8)),
        question: wanted(message.question, mask.has(9)),
        number: wanted(message.number, mask.has(field::NUMBER)),
        identified_by: wanted(message.identified_by, mask.has(field::IDENTIFIED_BY)),
        provenance: wanted(message.provenance, mask.has(field::PROVENANCE)),
        claim_error: wanted(message.claim_error, mask.has(field::CLAIM_ERROR)),
        decision: wanted(message.decision, mask.has(field::DECISION)),
        times: wanted(message.times, mask.has(field::TIMES)),
    }
}

fn verdict_message(verdict: RouteVerdict) -> i32 {
    let verdict = match verdict {
        RouteVerdict::Resolved => pb::RouteVerdict::Resolved,
        RouteVerdict::Ambiguous => pb::RouteVerdict::Ambiguous,
        RouteVerdict::Unknown => pb::RouteVerdict::Unknown,
        RouteVerdict::Withheld => pb::RouteVerdict::Withheld,
        RouteVerdict::Invalid => pb::RouteVerdict::Invalid,
    };
    verdict.into()
}

fn quality_message(quality: RouteQuality) -> i32 {
    let quality = match quality {
        RouteQuality::Full => pb::RouteQuality::Full,
        RouteQuality::Stale => pb::RouteQuality::Stale,
        RouteQuality::Partial => pb::RouteQuality::Partial,
        RouteQuality::Fallback => pb::RouteQuality::Fallback,
    };
    quality.into()
}

fn fallback_message(fallback: Fallback) -> i32 {
    let reason = match fallback {
        Fallback::TooLate => pb::FallbackReason::TooLate,
        Fallback::Database => pb::FallbackReason::Database,
        Fallback::Overloaded => pb::FallbackReason::Overloaded,
        Fallback::Internal => pb::FallbackReason::Internal,
    };
    reason.into()
}

fn identified_by(by: IdentifiedBy) -> i32 {
    let by = match by {
        IdentifiedBy::Caller => pb::IdentifiedBy::Caller,
        IdentifiedBy::CallerAndClaim => pb::IdentifiedBy::CallerAndClaim,
        IdentifiedBy::Claim => pb::IdentifiedBy::Claim,
    };
    by.into()
}

#[cfg(test)]
mod tests;
