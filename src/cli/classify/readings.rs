//! Other readings of a subject that no customer has: the one that finds a customer is a hint.

use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::subject::{parse_subject, subject_text};
use crate::pb;
use crate::pb::subject::Subject as Name;

/// Whether a lookup found exactly one customer.
///
/// # Errors
///
/// [`CliError::NotOne`] when it did not.
pub fn exactly_one(found: pb::Match) -> Result<(), CliError> {
    match found {
        pb::Match::One => Ok(()),
        pb::Match::Ambiguous
        | pb::Match::Unknown
        | pb::Match::Unavailable
        | pb::Match::Invalid
        | pb::Match::Unspecified => Err(CliError::NotOne),
    }
}

/// How a subject has to be written to find a customer, if another reading does. A hint is no answer: what fails on the way to it is not reported.
pub async fn hint(connection: &Connection, subject: &pb::Subject, as_of: &str) -> Option<String> {
    for other in other_readings(subject) {
        let request = connection.request(pb::ClassifyRequest {
            subject: Some(other.clone()),
            as_of: as_of.to_owned(),
            ..Default::default()
        });
        let answer = connection.scoring().classify(request).await.ok()?;
        let found = answer.into_inner().r#match();
        if matches!(found, pb::Match::One | pb::Match::Ambiguous) {
            let (was, text) = (way(subject), subject_text(&other));
            return Some(format!(
                "hint: read as {was}; as {} it finds a customer: write {text}",
                way(&other)
            ));
        }
    }
    None
}

/// What the text of a subject can mean as well.
fn other_readings(subject: &pb::Subject) -> Vec<pb::Subject> {
    let id = |text: &str| pb::Subject {
        subject: Some(Name::CustomerId(text.to_owned())),
    };
    match &subject.subject {
        Some(Name::CustomerId(text)) => {
            let digits = text.strip_prefix("00").unwrap_or(text);
            let is_number = digits.starts_with(|c: char| c.is_ascii_digit());
            let shapes = [text.clone(), format!("+{digits}")];
            let taken = if is_number { 2 } else { 1 };
            let shapes = shapes
                .iter()
                .take(taken)
                .filter_map(|text| parse_subject(text).ok());
            shapes.filter(|other| other != subject).collect()
        }
        Some(Name::Email(text) | Name::PhoneNumber(text)) => {
            let without_plus = text.strip_prefix('+').map(id);
            std::iter::once(id(text)).chain(without_plus).collect()
        }
        Some(Name::ExternalId(external)) => vec![id(&external.id)],
        None => vec![],
    }
}

fn way(subject: &pb::Subject) -> &'static str {
    match &subject.subject {
        Some(Name::CustomerId(_)) | None => "a customer id",
        Some(Name::PhoneNumber(_)) => "a phone number",
        Some(Name::Email(_)) => "an e-mail address",
        Some(Name::ExternalId(_)) => "an external id",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_also_read_in_the_ways_that_its_shape_allows() {
        let others = |text: &str| -> Vec<String> {
            let subject = parse_subject(text).unwrap();
            other_readings(&subject).iter().map(subject_text).collect()
        };
        assert_eq!(others("493023125001"), ["+493023125001"]);
        assert_eq!(others("00493023125001"), ["+493023125001"]);
        assert_eq!(others("k-17"), Vec::<String>::new());
        assert_eq!(others("id:a@b.org"), ["a@b.org"]);
        assert_eq!(others("a@b.org"), ["id:a@b.org"]);
        assert_eq!(
            others("+493023125001"),
            ["id:+493023125001", "493023125001"]
        );
        assert_eq!(others("external:crm/17"), ["17"]);
    }
}
