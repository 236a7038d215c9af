//! `patron route`: what a telephone system asks when a call arrives.

mod contact;

use clap::Args;

use self::contact::contact_text;
use super::classify::page;
use super::classify::treatment::treatment_text;
use super::connection::{Connection, ConnectionArgs, READ_TIMEOUT};
use super::error::CliError;
use super::output::Output;
use super::subject::parse_subject;
use super::text;
use crate::pb;
use crate::pb::route_contact_request::Caller;

/// Options of `patron route`.
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
#[derive(Debug, Args)]
pub struct RouteArgs {
    /// The caller's number as the trunk sends it, for example 004930123456 or sip:+4930123456@host. Without it: a withheld number
    #[arg(value_name = "NUMBER", allow_hyphen_values = true)]
    number: Option<String>,
    /// The trunk of the call, a name from `trunks` in the definitions (default: the trunk "default")
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
    /// How the number is written, in place of the trunk's plan: e164, e164_no_plus, national:DE, international_prefix:00, auto, auto:DE
    #[arg(long, value_name = "PLAN")]
    number_plan: Option<String>,
    /// Claimed identity of the caller: a customer id, or external:SYSTEM/ID
    #[arg(long, value_name = "SUBJECT", value_parser = parse_subject)]
    claim: Option<pb::Subject>,
    /// Channel of the contact, a name from `channels` in the definitions
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// What the contact is about, a name from `intents` in the definitions
    #[arg(long, value_name = "NAME")]
    intent: Option<String>,
    /// The number that was dialled
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    dialled: Option<String>,
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
pub async fn run(args: &RouteArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let request = connection.request(pb::RouteContactRequest {
        caller: args.number.clone().map(Caller::Number),
        trunk: args.trunk.clone().unwrap_or_default(),
        number_plan: args.number_plan.clone().unwrap_or_default(),
        claim: args.claim.clone(),
        channel: args.channel.clone().unwrap_or_default(),
        intent: args.intent.clone().unwrap_or_default(),
        dialled_number: args.dialled.clone().unwrap_or_default(),
        read_mask: None,
    });
    let response = connection.routing().route_contact(request).await?;
    let response = response.into_inner();
    if args.json {
        output.response("RoutingService/RouteContact", &response)?;
    } else {
        output.line(&as_page(&response))?;
    }
    if response.verdict() == pb::RouteVerdict::Resolved {
        Ok(())
    } else {
        Err(CliError::NotOne)
    }
}

fn as_page(response: &pb::RouteContactResponse) -> String {
    let mut rows = vec![(
        "Caller",
        match response.verdict() {
            pb::RouteVerdict::Resolved => "one customer",
            pb::RouteVerdict::Ambiguous => "one of several customers",
            pb::RouteVerdict::Unknown => "no customer has this number",
            pb::RouteVerdict::Withheld => "withheld",
            pb::RouteVerdict::Invalid => "not a number",
            pb::RouteVerdict::Unspecified => "?",
        }
        .to_owned(),
    )];
    rows.extend(response.number.as_ref().map(|it| ("Number", number(it))));
    let quality = match (response.quality(), response.fallback_reason()) {
        (pb::RouteQuality::Full | pb::RouteQuality::Unspecified, _) => None,
        (pb::RouteQuality::Stale, _) => Some("stale: the database is away"),
        (pb::RouteQuality::Partial, _) => {
            Some("partial: a part could not be looked up, or too many customers share the number")
        }
        (pb::RouteQuality::Fallback, pb::FallbackReason::TooLate) => {
            Some("fallback: the time for routing passed")
        }
        (pb::RouteQuality::Fallback, pb::FallbackReason::Database) => {
            Some("fallback: the database is away and the customer is not in memory")
        }
        (pb::RouteQuality::Fallback, pb::FallbackReason::Overloaded) => {
            Some("fallback: the server has too much to do")
        }
        (
            pb::RouteQuality::Fallback,
            pb::FallbackReason::Internal | pb::FallbackReason::Unspecified,
        ) => Some("fallback: a fault of the server; see its log"),
    };
    rows.extend(quality.map(|quality| ("Quality", quality.to_owned())));
    if response.identified_by() == pb::IdentifiedBy::Claim {
        let claim = "by what the caller claims: verify it".to_owned();
        rows.push(("Identified", claim));
    }
    if !response.claim_error.is_empty() {
        rows.push(("Claim", format!("ignored: {}", response.claim_error)));
    }
    let head = text::labelled(&rows);
    let rest = match response.verdict() {
        pb::RouteVerdict::Resolved | pb::RouteVerdict::Ambiguous => customers(response),
        pb::RouteVerdict::Unknown
        | pb::RouteVerdict::Withheld
        | pb::RouteVerdict::Invalid
        | pb::RouteVerdict::Unspecified => response.treatment.as_ref().map_or_else(
            || "No definitions are published, so there is no treatment.".to_owned(),
            |treatment| format!("Treatment\n{}", text::indented(&treatment_text(treatment))),
        ),
    };
    let contact = contact_text(response);
    let rest = [rest, contact].into_iter().filter(|part| !part.is_empty());
    let rest: Vec<String> = rest.collect();
    format!("{head}\n\n{}", rest.join("\n\n"))
}

/// The customers as `patron classify` shows them.
fn customers(response: &pb::RouteContactResponse) -> String {
    let is_one = response.verdict() == pb::RouteVerdict::Resolved;
    let treatment = response.treatment.clone();
    let classified = pb::ClassifyResponse {
        r#match: if is_one {
            pb::Match::One.into()
        } else {
            pb::Match::Ambiguous.into()
        },
        classification: response.customer.clone().map(|one| pb::Classification {
            treatment: treatment.clone(),
            ..one
        }),
        candidates: response.candidates.clone(),
        candidate_count: response.candidate_count,
        shared: response.shared.clone(),
        provenance: response.provenance.clone(),
        treatment: treatment.filter(|_| !is_one),
        question: response.question.clone(),
        violations: vec![],
    };
    page("this number", &classified)
}

fn number(number: &pb::CallerNumber) -> String {
    let plan = &number.number_plan;
    if !number.error.is_empty() {
        return format!("it {} (read as {plan})", number.error);
    }
    if !number.readings.is_empty() {
        return format!("{} (read as {plan})", number.readings.join(" or "));
    }
    if number.e164.is_empty() {
        return "not shown".to_owned();
    }
    let mut text = number.e164.clone();
    if !number.extension.is_empty() {
        text.push_str(", extension ");
        text.push_str(&number.extension);
    }
    let range = if number.is_valid {
        ""
    } else {
        ", outside the ranges known to be in use"
    };
    format!("{text} (read as {plan}{range})")
}
