//! `patron explain`: why a subject is in a segment or holds a tier, clause by clause, and what is missing.
//!
//! The server decides, measures and words in English and German; this module lays out the page and labels it.

use clap::Args;
use tonic::Code;
use tonic_types::StatusExt as _;

use self::language::Language;
use super::classify::readings::exactly_one;
use super::connection::{Connection, ConnectionArgs, READ_TIMEOUT};
use super::error::CliError;
use super::output::Output;
use super::subject::{SUBJECT_HELP, parse_subject};
use crate::pb;
use crate::pb::explain_segment_request::Target;

pub mod clause;
pub mod figures;
pub mod language;
pub mod page;

/// Options of `patron explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    #[arg(help = SUBJECT_HELP, value_parser = parse_subject)]
    subject: pb::Subject,
    /// A segment (scheme/name), a scheme or a tier (default: the current tier and all segments)
    #[arg(value_name = "SEGMENT|SCHEME|TIER", conflicts_with_all = ["segment", "scheme", "tier"])]
    target: Option<String>,
    /// Explain a segment, scheme/name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["scheme", "tier"])]
    segment: Option<String>,
    /// Explain all segments of a scheme
    #[arg(long, value_name = "NAME", conflicts_with = "tier")]
    scheme: Option<String>,
    /// Explain a tier: why the customer holds it, or the gap to it
    #[arg(long, value_name = "NAME")]
    tier: Option<String>,
    /// Language of the output; texts without a German version in the definitions stay English
    #[arg(long, alias = "language", value_enum, default_value = "en")]
    lang: Language,
    /// The day to answer for, YYYY-MM-DD (default: today in the server's time zone)
    #[arg(long, value_name = "DATE")]
    as_of: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl ExplainArgs {
    /// What may be meant, the likeliest first. Names of schemes and tiers look alike: only the server knows which there are.
    fn targets(&self) -> Vec<Option<Target>> {
        let stated = [
            self.segment.clone().map(Target::Segment),
            self.scheme.clone().map(Target::Scheme),
            self.tier.clone().map(Target::Tier),
        ];
        if let Some(stated) = stated.into_iter().flatten().next() {
            return vec![Some(stated)];
        }
        match self.target.clone() {
            None => vec![None],
            Some(name) if name.contains('/') => vec![Some(Target::Segment(name))],
            Some(name) => vec![Some(Target::Scheme(name.clone())), Some(Target::Tier(name))],
        }
    }
}

/// Asks and prints the answer.
///
/// # Errors
///
/// No server, an error of the server (nothing published, no such segment, scheme or tier), no reader, or [`CliError::NotOne`].
pub async fn run(args: &ExplainArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let response = ask(args, &connection).await?;
    if args.json {
        output.response("ScoringService/ExplainSegment", &response)?;
        return exactly_one(response.r#match());
    }
    let style = page::Style {
        language: args.lang,
        paint: output.paint(),
        overview: args.targets() == [None],
    };
    output.line(&page::page(&args.subject, &response, style))?;
    exactly_one(response.r#match())
}

/// Asks for each thing that may be meant, until one is known.
async fn ask(
    args: &ExplainArgs,
    connection: &Connection,
) -> Result<pb::ExplainSegmentResponse, CliError> {
    let targets = args.targets();
    let several = targets.len() > 1;
    for target in targets {
        let request = connection.request(pb::ExplainSegmentRequest {
            subject: Some(args.subject.clone()),
            target,
            as_of: args.as_of.clone().unwrap_or_default(),
            ..Default::default()
        });
        match connection.scoring().explain_segment(request).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if several && is_no_such_name(&status) => {}
            Err(status) => return Err(status.into()),
        }
    }
    let name = args.target.as_deref().unwrap_or_default();
    Err(CliError::Failed {
        message: format!("there is no scheme and no tier {name:?}"),
        hint: "a segment is written scheme/name; show all names with `patron definitions show`"
            .to_owned(),
    })
}

fn is_no_such_name(status: &tonic::Status) -> bool {
    let reason = status.get_details_error_info().map(|info| info.reason);
    status.code() == Code::NotFound
        && matches!(
            reason.as_deref(),
            Some("SCHEME_NOT_FOUND" | "TIER_NOT_FOUND")
        )
}

#[cfg(test)]
mod tests;
