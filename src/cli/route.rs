//! `patron route`: what a telephone system asks when a call arrives.

mod contact;

use clap::Args;
use serde::Serialize;

use self::contact::{DecisionJson, TimesJson, contact_text};
use super::classify::question::QuestionJson;
use super::classify::treatment::{TreatmentJson, treatment_text};
use super::classify::{ClassificationJson, SharedJson, page};
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

/// An answer as JSON.
#[derive(Debug, Serialize)]
struct RouteJson {
    verdict: &'static str,
    quality: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_reason: Option<&'static str>,
    treatment: Option<TreatmentJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<ClassificationJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<ClassificationJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_count: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shared: Option<SharedJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<QuestionJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<NumberJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identified_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<TimesJson>,
    basis_id: Option<String>,
}

/// How a number was read, as JSON.
#[derive(Debug, Serialize)]
struct NumberJson {
    e164: Option<String>,
    form: Option<&'static str>,
    extension: Option<String>,
    is_valid: bool,
    readings: Vec<String>,
    error: Option<String>,
    number_plan: String,
    metadata_version: String,
}

/// Asks and prints the answer.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
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
        output.json(&as_json(&response))
    } else {
        output.line(&as_page(&response))
    }
}

fn as_json(response: &pb::RouteContactResponse) -> RouteJson {
    let stated = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let number = response.number.as_ref().map(|number| NumberJson {
        e164: stated(&number.e164),
        form: (number.form != 0).then(|| number.form().as_str_name()),
        extension: stated(&number.extension),
        is_valid: number.is_valid,
        readings: number.readings.clone(),
        error: stated(&number.error),
        number_plan: number.number_plan.clone(),
        metadata_version: number.metadata_version.clone(),
    });
    let is_ambiguous = response.verdict() == pb::RouteVerdict::Ambiguous;
    let candidates = response.candidates.iter().map(ClassificationJson::from);
    RouteJson {
        verdict: short(response.verdict().as_str_name(), "ROUTE_VERDICT_"),
        quality: short(response.quality().as_str_name(), "ROUTE_QUALITY_"),
        fallback_reason: (response.fallback_reason != 0)
            .then(|| short(response.fallback_reason().as_str_name(), "FALLBACK_REASON_")),
        treatment: response.treatment.as_ref().map(TreatmentJson::from),
        customer: response.customer.as_ref().map(ClassificationJson::from),
        candidates: candidates.collect(),
        candidate_count: is_ambiguous.then_some(response.candidate_count),
        shared: response
            .shared
            .as_ref()
            .filter(|_| is_ambiguous)
            .map(SharedJson::from),
        question: response.question.as_ref().map(QuestionJson::from),
        number,
        claim_error: stated(&response.claim_error),
        identified_by: (response.identified_by != 0)
            .then(|| short(response.identified_by().as_str_name(), "IDENTIFIED_BY_")),
        decision: response.decision.as_ref().map(DecisionJson::from),
        times: response.times.as_ref().map(TimesJson::from),
        basis_id: response
            .provenance
            .as_ref()
            .map(|provenance| provenance.basis_id.clone()),
    }
}

/// The name of an enum value without the name of the enum.
fn short(name: &'static str, prefix: &str) -> &'static str {
    name.strip_prefix(prefix).unwrap_or(name)
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
