//! Subjects on the command line and in files of subjects: which customer a request is about.

use crate::pb;
use crate::pb::subject::Subject as Name;

/// How a subject is written, for the help of every command that takes one.
pub const SUBJECT_HELP: &str = "The customer: a customer id, a phone number (E.164, +49...), an e-mail address, \
an external id (external:SYSTEM/ID), or id:... to force a customer id";

/// Most bytes of a customer id or an external id.
const ID_BYTES: usize = 128;

/// Reads a subject: `+...` is a phone number, `external:SYSTEM/ID` an external id, `id:...` a customer id, anything with `@` an
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
    } else if text.starts_with('+') {
        Name::PhoneNumber(parse_phone_number(text)?)
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

/// A phone number in E.164. Blanks and the usual separators are dropped and a leading `00` is read as `+`.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn parse_phone_number(text: &str) -> Result<String, String> {
    if text.contains("(0)") {
        return Err(format!(
            "{text:?} has an optional (0): write it without, for example +49 30 23125001"
        ));
    }
    let dense: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')'))
        .collect();
    let digits = dense
        .strip_prefix('+')
        .or_else(|| dense.strip_prefix("00"))
        .ok_or_else(|| {
            format!("{text:?} has no country code: write it in E.164, for example +493023125001")
        })?;
    if digits.len() < 7
        || digits.len() > 15
        || digits.starts_with('0')
        || !digits.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(format!(
            "{text:?} is not a phone number: \"+\" and 7 to 15 digits, for example +493023125001"
        ));
    }
    Ok(format!("+{digits}"))
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
            "+49 (0)30 1234567",
            &"x".repeat(129),
        ] {
            assert!(parse_subject(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn phone_numbers_are_brought_to_e164() {
        assert_eq!(
            parse_phone_number("0049 30/23125 001"),
            Ok("+493023125001".to_owned())
        );
        assert!(parse_phone_number("030 23125001").is_err());
        assert!(parse_phone_number("+0301234567").is_err());
        assert!(parse_phone_number("+4930123456789012").is_err());
    }
}
