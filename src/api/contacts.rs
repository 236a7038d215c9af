//! Contacts that arrive, from messages.

use super::{
    answers::routed::RouteMask,
    subject, texts,
    violations::{Checker, Violations},
};
use crate::{
    domain::{telephony::plan::NumberPlan, text::Label},
    pb,
    service::answer::route::{Caller, Claim, Contact},
};

/// Most bytes of each header. Longer ones are no fault of the caller's: they are read as far as that, and found to be no number.
const MAX_HEADER_BYTES: usize = 1_024;
/// Most bytes of a name of the definitions.
const MAX_NAME_BYTES: usize = 64;
/// Most bytes of the number that was dialled.
pub const MAX_DIALLED_BYTES: usize = 256;

/// Reads a contact and which fields of the answer are wanted.
pub(crate) fn contact(
    request: &pb::RouteContactRequest,
    check: &mut Checker<'_>,
) -> (Contact, RouteMask) {
    use pb::route_contact_request::Caller as Way;
    let caller = match &request.caller {
        None => None,
        Some(Way::Number(number)) => Some(Caller::Number(number.clone())),
        Some(Way::Sip(headers)) => Some(Caller::Sip {
            asserted_identity: header(&headers.asserted_identity),
            remote_party_id: header(&headers.remote_party_id),
            from: header(&headers.from),
            privacy: header(&headers.privacy),
        }),
        Some(Way::Subject(named)) => match read_subject(named, &mut check.field("subject")) {
            None => None,
            Some(Claim::Subject(subject)) => Some(Caller::Subject(subject)),
            Some(Claim::Number(number)) => Some(Caller::Number(number)),
            Some(Claim::Unreadable(error)) => Some(Caller::Unreadable(error)),
        },
    };
    check_length(&request.trunk, MAX_NAME_BYTES, &mut check.field("trunk"));
    let channel = name(&request.channel, &mut check.field("channel"));
    let intent = name(&request.intent, &mut check.field("intent"));
    let dialled = &request.dialled_number;
    check_length(
        dialled,
        MAX_DIALLED_BYTES,
        &mut check.field("dialled_number"),
    );
    let plan = Some(&*request.number_plan).filter(|plan| !plan.is_empty());
    let number_plan = plan.and_then(|plan| {
        let plan: Result<NumberPlan, _> = plan.parse();
        check.field("number_plan").ok("INVALID_NUMBER_PLAN", plan)
    });
    let claim = request.claim.as_ref();
    let claim = claim.and_then(|claim| read_subject(claim, &mut check.field("claim")));
    let contact = Contact {
        caller,
        trunk: texts::composed(&request.trunk).into_owned(),
        number_plan,
        claim,
        channel,
        intent,
        dialled_number: Some(dialled.trim())
            .filter(|dialled| !dialled.is_empty())
            .map(Label::from),
    };
    (contact, mask(request, check))
}

/// A name of the definitions; `None` for an empty one.
fn name(text: &str, check: &mut Checker<'_>) -> Option<Label> {
    check_length(text, MAX_NAME_BYTES, check);
    (!text.is_empty()).then(|| texts::composed(text).into())
}

fn check_length(text: &str, limit: usize, check: &mut Checker<'_>) {
    let length = text.len();
    if length > limit {
        let message = format!("is {length} bytes long; at most {limit} are allowed");
        check.refuse("TOO_LONG", message);
    }
}

/// A subject as a contact brings it: what somebody typed in is no mistake of the integration. `None` is noted: it has no field.
fn read_subject(message: &pb::Subject, check: &mut Checker<'_>) -> Option<Claim> {
    match &message.subject {
        None => {
            subject(Some(message), check);
            None
        }
        Some(pb::subject::Subject::PhoneNumber(number)) => Some(Claim::Number(number.clone())),
        Some(_) => {
            let mut violations = Violations::default();
            let read = subject(Some(message), &mut violations.at(""));
            let wrong = violations.into_vec();
            let wrong = wrong
                .first()
                .map(|it| format!("{} {}", it.field, it.description));
            Some(match (read, wrong) {
                (Some(subject), None) => Claim::Subject(subject),
                (_, wrong) => Claim::Unreadable(wrong.unwrap_or_default()),
            })
        }
    }
}

fn mask(request: &pb::RouteContactRequest, check: &mut Checker<'_>) -> RouteMask {
    let Some(wanted) = request.read_mask.as_ref().filter(|it| !it.paths.is_empty()) else {
        return RouteMask::ALL;
    };
    RouteMask::new(wanted.paths.iter().map(String::as_str)).unwrap_or_else(|unknown| {
        let message = format!(
            "has no field {}: name {}",
            unknown.join(", "),
            RouteMask::names()
        );
        check.field("read_mask").refuse("UNKNOWN_FIELD", message);
        RouteMask::ALL
    })
}

fn header(value: &str) -> String {
    let end = value.floor_char_boundary(MAX_HEADER_BYTES);
    value[..end].to_owned()
}
