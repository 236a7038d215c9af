//! Subjects on the command line and in files of subjects: which customer a request is about.

use crate::domain::telephony::plan::NumberPlan;
use crate::pb;
use crate::pb::subject::Subject as Name;

/// How a subject is written, for the help of every command that takes one.
pub const SUBJECT_HELP: &str = "The customer: a customer id, a phone number with country code (+49 30 ...), an e-mail address, \
an external id (external:SYSTEM/ID), or id:... to force a customer id";

/// Most bytes of a customer id or an external id.
const ID_BYTES: usize = 128;

/// Reads a subject: `+...` and `tel:...` are phone numbers, `external:SYSTEM/ID` an external id, `id:...` a customer id, anything with `@` an
/// e-mail, and everything else a customer id.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn parse_subject(text: &str) -> Result<pb::Subject, String> {
    let text = text.trim();
    let name = if let Some(id) = text.strip_prefix("id:") {
        Name::CustomerId(id.to_owned())
    } else if let Some(external) = text.strip_prefix("external:") {
        let (system, id) = external
            .split_once('/')
            .filter(|(system, id)| !system.is_empty() && !id.is_empty())
            .ok_or_else(|| format!("{text:?} is not external:SYSTEM/ID"))?;
        Name::ExternalId(pb::ExternalId {
            system: system.to_owned(),
            id: id.to_owned(),
        })
    } else if text.starts_with('+') || is_tel(text) {
        Name::PhoneNumber(phone_number(text)?)
    } else if text.contains('@') {
        Name::Email(text.to_owned())
    } else {
        Name::CustomerId(text.to_owned())
    };
    if let Name::CustomerId(id) = &name
        && (id.is_empty() || id.len() > ID_BYTES || id.chars().any(char::is_control))
    {
        return Err(format!(
            "{text:?} is not a customer id: 1 to {ID_BYTES} bytes without control characters"
        ));
    }
    Ok(pb::Subject {
        subject: Some(name),
    })
}

fn is_tel(text: &str) -> bool {
    let scheme = text.split_once(':');
    scheme.is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("tel"))
}

/// Read here too, so that a mistake is found before a server is asked; it reads the number as it was written.
fn phone_number(text: &str) -> Result<String, String> {
    let number = NumberPlan::E164.number(text);
    let number = number.map_err(|error| format!("{text:?} {error}"))?;
    Ok(number.as_str().to_owned())
}

/// A subject as a person writes it: the form that [`parse_subject`] reads.
#[must_use]
pub fn subject_text(subject: &pb::Subject) -> String {
    match &subject.subject {
        None => String::new(),
        Some(Name::PhoneNumber(number)) => number.clone(),
        Some(Name::Email(email)) => email.clone(),
        Some(Name::ExternalId(external)) => format!("external:{}/{}", external.system, external.id),
        Some(Name::CustomerId(id)) => match parse_subject(id) {
            Ok(pb::Subject {
                subject: Some(Name::CustomerId(read)),
            }) if &read == id => id.clone(),
            _ => format!("id:{id}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Name) {
        let subject = parse_subject(text).unwrap();
        assert_eq!(subject.subject, Some(expected), "{text}");
        assert_eq!(parse_subject(&subject_text(&subject)).unwrap(), subject);
    }

    #[test]
    fn a_subject_is_told_by_its_shape() {
        check("4711", Name::CustomerId("4711".into()));
        check("id:+4711", Name::CustomerId("+4711".into()));
        check("id:a@b", Name::CustomerId("a@b".into()));
        check(
            "+49 30 23125-001",
            Name::PhoneNumber("+493023125001".into()),
        );
        check(
            "tel:+49-(0)30-23125-001",
            Name::PhoneNumber("+493023125001".into()),
        );
        check("a@example.org", Name::Email("a@example.org".into()));
        check(
            "external:crm/a/b",
            Name::ExternalId(pb::ExternalId {
                system: "crm".into(),
                id: "a/b".into(),
            }),
        );
        check("id:external:x", Name::CustomerId("external:x".into()));
    }

    #[test]
    fn what_names_nobody_is_refused_with_a_reason() {
        for wrong in [
            "",
            "id:",
            "external:crm",
            "external:/1",
            "+12",
            "+49abc",
            "+49 030 1234567",
            "tel:+0301234567",
            &"x".repeat(129),
        ] {
            assert!(parse_subject(wrong).is_err(), "{wrong}");
        }
    }
}
