//! `patron classify`: who a subject is, which tier they hold, which segments they are in and how to treat them.

use std::fmt::Write as _;

use clap::Args;

use self::question::question_text;
use self::treatment::{segments_text, treatment_text};
use super::connection::{Connection, ConnectionArgs, READ_TIMEOUT};
use super::error::CliError;
use super::output::Output;
use super::subject::{SUBJECT_HELP, parse_subject, subject_text};
use super::text;
use crate::pb;

pub mod question;
pub mod readings;
pub mod treatment;

/// Options of `patron classify`.
#[derive(Debug, Args)]
pub struct ClassifyArgs {
    #[arg(help = SUBJECT_HELP, value_parser = parse_subject)]
    subject: pb::Subject,
    /// The day to answer for, YYYY-MM-DD (default: today in the server's time zone)
    #[arg(long, value_name = "DATE")]
    as_of: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Asks and prints the answer.
///
/// # Errors
///
/// No server, an error of the server, no reader, or [`CliError::NotOne`].
pub async fn run(args: &ClassifyArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let request = connection.request(pb::ClassifyRequest {
        subject: Some(args.subject.clone()),
        as_of: args.as_of.clone().unwrap_or_default(),
        ..Default::default()
    });
    let response = connection.scoring().classify(request).await?.into_inner();
    if args.json {
        output.response("ScoringService/Classify", &response)?;
    } else {
        output.line(&page(&subject_text(&args.subject), &response))?;
    }
    if response.r#match() == pb::Match::Unknown {
        let as_of = args.as_of.as_deref().unwrap_or_default();
        if let Some(hint) = readings::hint(&connection, &args.subject, as_of).await {
            output.note(&hint);
        }
    }
    readings::exactly_one(response.r#match())
}

/// The answer for a person.
#[must_use]
pub fn page(asked: &str, response: &pb::ClassifyResponse) -> String {
    let provenance = response.provenance.as_ref();
    let page = match (response.r#match(), &response.classification) {
        (pb::Match::One, Some(one)) => one_page(one, provenance),
        (pb::Match::Ambiguous, _) => ambiguous_page(asked, response),
        (
            pb::Match::One
            | pb::Match::Unknown
            | pb::Match::Unavailable
            | pb::Match::Invalid
            | pb::Match::Unspecified,
            _,
        ) => {
            let mut page = format!("No customer found for {asked}.");
            if let Some(treatment) = &response.treatment {
                let text = text::indented(&treatment_text(treatment));
                let _ = write!(page, "\n\nTreatment of unknown callers\n{text}");
            }
            page
        }
    };
    text::with_stale_note(page, provenance)
}

fn one_page(one: &pb::Classification, outer: Option<&pb::Provenance>) -> String {
    let provenance = one.provenance.as_ref().or(outer);
    let mut rows = vec![("Customer", one.customer_id.clone())];
    if !one.display_name.is_empty() {
        rows.push(("Name", one.display_name.clone()));
    }
    rows.push(("Kind", text::kind_word(one.kind).to_owned()));
    rows.push(("Tier", text::tier_text(one.tier.as_ref())));
    let missing = text::missing_rates_text(&one.missing_rates);
    rows.extend(missing.into_iter().map(|line| ("Missing", line)));
    let extrapolated = text::extrapolated_text(&one.extrapolated_covariates);
    rows.extend(extrapolated.into_iter().map(|line| ("Extrapolated", line)));
    if let Some(value) = &one.lifetime_value {
        let rate = text::oldest_rate_text(one.oldest_rate.as_ref());
        rows.push(("Lifetime value", text::money_text(value) + &rate));
    }
    if let Some(provenance) = provenance {
        rows.push(("As of", provenance.as_of.clone()));
    }
    rows.push(("Based on", text::provenance_text(provenance)));
    if !one.next_check_in.is_empty() {
        rows.push(("Next check-in", one.next_check_in.clone()));
    }
    let references = one.references.iter();
    rows.extend(references.map(|it| ("Reference", format!("{} {}", it.system, it.ids.join(", ")))));
    let mut parts = vec![text::labelled(&rows)];
    for (title, text) in [
        ("Segments", segments_text(&one.segments)),
        (
            "Treatment",
            one.treatment
                .as_ref()
                .map_or_else(String::new, treatment_text),
        ),
    ] {
        if !text.is_empty() {
            parts.push(format!("{title}\n{}", text::indented(&text)));
        }
    }
    parts.join("\n\n")
}

fn ambiguous_page(asked: &str, response: &pb::ClassifyResponse) -> String {
    let rows: Vec<Vec<String>> = response
        .candidates
        .iter()
        .map(|one| {
            let value = one.lifetime_value.as_ref();
            vec![
                one.customer_id.clone(),
                one.display_name.clone(),
                text::kind_word(one.kind).to_owned(),
                value.map_or_else(String::new, text::money_text),
                text::tier_text(one.tier.as_ref()),
            ]
        })
        .collect();
    let header = [
        ("customer", text::Align::Left),
        ("name", text::Align::Left),
        ("kind", text::Align::Left),
        ("lifetime value", text::Align::Right),
        ("tier", text::Align::Left),
    ];
    let mut page = format!(
        "{} customers share {asked}:\n{}\n",
        response.candidate_count,
        text::indented(&text::table(&header, &rows))
    );
    let shared = response.shared.as_ref();
    let kind = shared.filter(|shared| shared.kind() != pb::CustomerKind::Unspecified);
    let kind = kind.map_or("differs", |shared| text::kind_word(shared.kind));
    let tier = shared.and_then(|shared| shared.tier.as_ref());
    let tier = tier.map_or_else(|| "differs".to_owned(), |tier| text::tier_text(Some(tier)));
    page.push_str("Common to all of them:\n");
    page.push_str(&text::indented(&text::labelled(&[
        ("Kind", kind.to_owned()),
        ("Tier", tier),
    ])));
    if let Some(treatment) = &response.treatment {
        let text = text::indented(&treatment_text(treatment));
        let _ = write!(page, "\n\nTreatment until it is known who calls\n{text}");
    }
    if let Some(question) = &response.question {
        let text = text::indented(&question_text(question));
        let _ = write!(page, "\n\nQuestion\n{text}");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: &str) -> pb::Classification {
        pb::Classification {
            next_check_in: String::new(),
            references: vec![],
            customer_id: id.into(),
            kind: pb::CustomerKind::Person.into(),
            display_name: "Ada".into(),
            tier: Some(pb::Tier {
                name: "gold".into(),
                rank: 2,
                unrated_reason: 0,
            }),
            lifetime_value: Some(pb::Money {
                amount_minor: 123_456,
                currency: "EUR".into(),
            }),
            segments: vec![],
            treatment: None,
            missing_rates: vec![],
            oldest_rate: None,
            extrapolated_covariates: vec![pb::ExtrapolatedCovariate {
                name: "age".into(),
                value: 95.0,
                fitted_min: 18.0,
                fitted_max: 80.5,
            }],
            provenance: Some(pb::Provenance {
                as_of: "2024-01-01".into(),
                data_time: None,
                profile_version: 3,
                basis_id: "r0-m1-EUR".into(),
                ..Default::default()
            }),
        }
    }

    #[test]
    fn one_customer_is_shown_with_name_tier_and_value() {
        let response = pb::ClassifyResponse {
            r#match: pb::Match::One.into(),
            classification: Some(candidate("c-1")),
            ..Default::default()
        };
        let subject = parse_subject("c-1").unwrap();
        let page = page(&subject_text(&subject), &response);
        for part in ["c-1", "Ada", "gold (rank 2", "1234.56 EUR", "2024-01-01"] {
            assert!(page.contains(part), "{part} in\n{page}");
        }
    }

    #[test]
    fn a_shared_number_lists_all_candidates_and_what_they_share() {
        let subject = parse_subject("+493023125001").unwrap();
        let response = pb::ClassifyResponse {
            r#match: pb::Match::Ambiguous.into(),
            candidates: vec![candidate("c-1"), candidate("c-2")],
            candidate_count: 2,
            shared: Some(pb::SharedFacts {
                kind: pb::CustomerKind::Person.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let page = page(&subject_text(&subject), &response);
        assert!(page.starts_with("2 customers share +493023125001:"));
        assert!(page.contains("c-2"));
        assert!(page.contains("differs"));
    }

    #[test]
    fn an_unknown_subject_is_an_answer() {
        let subject = parse_subject("nobody").unwrap();
        let response = pb::ClassifyResponse {
            r#match: pb::Match::Unknown.into(),
            ..Default::default()
        };
        assert_eq!(
            page(&subject_text(&subject), &response),
            "No customer found for nobody."
        );
    }
}
