//! `patron score`: what a subject, or every subject of a file, is worth, and from which inputs that follows.

use std::path::PathBuf;

use clap::Args;

use self::answer::page;
use self::tally::ComparisonTally;
use super::classify::readings::exactly_one;
use super::connection::{Connection, ConnectionArgs, READ_TIMEOUT, WRITE_TIMEOUT};
use super::error::CliError;
use super::output::{Output, indented, no_json, to_json};
use super::subject::{SUBJECT_HELP, parse_subject, subject_text};
use super::text;
use crate::app::message_json::ResponseJson;
use crate::pb;

pub mod answer;
pub mod order_forecast;
pub mod subjects;
pub mod tally;
pub mod uncertainty;

/// Most subjects of one call.
const BATCH: usize = 1_000;

/// Options of `patron score`.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
#[command(group(clap::ArgGroup::new("whom").required(true).args(["subject", "subjects"])))]
pub struct ScoreArgs {
    #[arg(help = SUBJECT_HELP, value_parser = parse_subject)]
    subject: Option<pb::Subject>,
    /// CSV file with a header; scores each of its customers once, in file order
    #[arg(long, value_name = "FILE.csv")]
    subjects: Option<PathBuf>,
    /// Column of the customers (default: customer_id, then id, then the first column)
    #[arg(long, value_name = "COLUMN", requires = "subjects")]
    subject_column: Option<String>,
    /// What the column holds: id, email, phone, external:SYSTEM, or any for subjects as on the command line
    #[arg(long, value_name = "WAY", default_value = "id", requires = "subjects", value_parser = subjects::parse_reading)]
    subject_by: subjects::Reading,
    /// Column separator of the file: one character, or "tab"
    #[arg(long, value_name = "CHARACTER", requires = "subjects")]
    delimiter: Option<String>,
    /// The day to answer for, YYYY-MM-DD (default: today in the server's time zone)
    #[arg(long, value_name = "DATE")]
    as_of: Option<String>,
    /// Horizon in months of 30.4375 days (default: by the active definitions)
    #[arg(long, value_name = "MONTHS", value_parser = clap::value_parser!(i32).range(1..=120))]
    horizon_months: Option<i32>,
    /// Print prediction intervals with this coverage probability, above 0.5 and up to 0.99
    #[arg(long, value_name = "PROBABILITY")]
    interval: Option<f64>,
    /// Also score with this model version, next to the active one
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i64).range(1..))]
    compare: Option<i64>,
    /// Print further order forecasts: probability active at the end of the horizon, the customer's own rates,
    /// and residual orders and value over the lifetime
    #[arg(long)]
    order_forecast: bool,
    /// With --order-forecast: forecast orders after this day, counted from the day of the answer (with --to-days)
    #[arg(long, value_name = "DAYS", requires_all = ["order_forecast", "to_days"], value_parser = clap::value_parser!(i32).range(0..=36_525))]
    from_days: Option<i32>,
    /// With --order-forecast: last day of that forecast
    #[arg(long, value_name = "DAYS", requires = "order_forecast", value_parser = clap::value_parser!(i32).range(1..=36_525))]
    to_days: Option<i32>,
    /// With --order-forecast: probability of each number of orders within the horizon, up to this number
    #[arg(long, value_name = "ORDERS", requires = "order_forecast", value_parser = clap::value_parser!(i32).range(0..=100))]
    order_counts: Option<i32>,
    /// With --order-forecast: effective yearly discount rate, for example 0.15 (default: by the definitions)
    #[arg(long, value_name = "FRACTION", requires = "order_forecast")]
    yearly_discount: Option<f64>,
    /// Print JSON: an object, or an array for a file; with --compare, an object with "scores" and "comparison"
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl ScoreArgs {
    fn order_forecast_options(&self) -> Option<pb::OrderForecastOptions> {
        self.order_forecast.then(|| pb::OrderForecastOptions {
            from_days: self.from_days.unwrap_or_default(),
            to_days: self.to_days.unwrap_or_default(),
            max_order_count: self.order_counts,
            yearly_discount_rate: self.yearly_discount,
        })
    }
}

/// Asks and prints the answer or the answers.
///
/// # Errors
///
/// A file that cannot be read, no server, an error of the server, no reader, or customers of a file that were not scored because the
/// database was unreachable.
pub async fn run(args: &ScoreArgs, output: &mut Output) -> Result<(), CliError> {
    match (&args.subject, &args.subjects) {
        (Some(subject), _) => score_one(args, subject, output).await,
        (None, Some(path)) => {
            let column = args.subject_column.as_deref();
            let delimiter = args.delimiter.as_deref();
            let subjects = subjects::read(path, column, delimiter, &args.subject_by)?;
            score_many(args, &subjects, output).await
        }
        (None, None) => Err(CliError::usage("set a customer, or a file with --subjects")),
    }
}

async fn score_one(
    args: &ScoreArgs,
    subject: &pb::Subject,
    output: &mut Output,
) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let request = connection.request(pb::ScoreLifetimeValueRequest {
        subject: Some(subject.clone()),
        as_of: args.as_of.clone().unwrap_or_default(),
        horizon_months: args.horizon_months.unwrap_or_default(),
        interval_level: args.interval,
        compare_model_version: args.compare.unwrap_or_default(),
        order_forecast: args.order_forecast_options(),
        ..Default::default()
    });
    let mut client = connection.scoring();
    let response = client.score_lifetime_value(request).await?.into_inner();
    if args.json {
        output.response("ScoringService/ScoreLifetimeValue", &response)?;
    } else {
        output.line(&page(subject, &response))?;
    }
    exactly_one(response.r#match())
}

/// Scores all subjects, a batch a call, and prints each batch as it comes.
async fn score_many(
    args: &ScoreArgs,
    subjects: &[pb::Subject],
    output: &mut Output,
) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, WRITE_TIMEOUT).await?;
    let mut client = connection.scoring();
    let (mut tally, mut comparison) = (Tally::default(), ComparisonTally::default());
    let writer = ResponseJson::new("ScoringService/ScoreLifetimeValue");
    let writer = writer.map_err(|cause| no_json(&cause))?;
    // With a comparison the array is one of two members.
    if args.json && args.compare.is_some() {
        output.line("{\"scores\":")?;
    }
    if args.json && subjects.is_empty() {
        output.line("[]")?;
    }
    let mut rest = subjects;
    while !rest.is_empty() {
        let is_first = rest.len() == subjects.len();
        let batch = &rest[..rest.len().min(BATCH)];
        let request = connection.request(batch_request(args, batch));
        let response = client.batch_score_lifetime_value(request).await?;
        let responses = answered(response.into_inner(), batch.len())?;
        // What the server left out, because the answer reached its limits, is asked for in the next call.
        rest = &rest[responses.len()..];
        let pairs = batch.iter().zip(&responses);
        output.line(&if args.json {
            json_part(&writer, pairs, is_first, rest.is_empty())?
        } else {
            table_part(pairs, is_first)
        })?;
        tally.add(&responses);
        comparison.add(&responses);
    }
    if args.json && args.compare.is_some() {
        output.line(&comparison_part(&comparison)?)?;
    }
    if !args.json {
        output.note(&tally.line());
        if let Some(line) = comparison.line() {
            output.note(&line);
        }
    }
    tally.check(subjects.len())
}

fn batch_request(args: &ScoreArgs, batch: &[pb::Subject]) -> pb::BatchScoreLifetimeValueRequest {
    pb::BatchScoreLifetimeValueRequest {
        subjects: batch.to_vec(),
        as_of: args.as_of.clone().unwrap_or_default(),
        horizon_months: args.horizon_months.unwrap_or_default(),
        interval_level: args.interval,
        compare_model_version: args.compare.unwrap_or_default(),
        order_forecast: args.order_forecast_options(),
        read_mask: None,
    }
}

/// The answers to a batch of so many subjects: at least one, and one for each that the server does not leave to another call.
fn answered(
    response: pb::BatchScoreLifetimeValueResponse,
    subjects: usize,
) -> Result<Vec<pb::ScoreLifetimeValueResponse>, CliError> {
    let unanswered = usize::try_from(response.unanswered_count).unwrap_or_default();
    let responses = response.responses;
    if responses.is_empty() || responses.len() + unanswered != subjects {
        return Err(CliError::failed(format!(
            "the server answered {} of {subjects} subjects and left {unanswered}: report this as a bug",
            responses.len(),
        )));
    }
    Ok(responses)
}

type Pairs<'a> = std::iter::Zip<
    std::slice::Iter<'a, pb::Subject>,
    std::slice::Iter<'a, pb::ScoreLifetimeValueResponse>,
>;

/// A part of the JSON array: the first opens it, the last closes it. Each response with the subject before its own members.
fn json_part(
    writer: &ResponseJson,
    pairs: Pairs<'_>,
    first: bool,
    last: bool,
) -> Result<String, CliError> {
    let mut objects = Vec::new();
    for (subject, response) in pairs {
        let subject = to_json(&subject_text(subject))?;
        let response = writer.write(response).map_err(|cause| no_json(&cause))?;
        let separator = if response == "{}" { "" } else { "," };
        let members = response.strip_prefix('{').unwrap_or("}");
        objects.push(indented(&format!(
            "{{\"subject\":{subject}{separator}{members}"
        )));
    }
    let open = if first { "[\n" } else { "" };
    let close = if last { "\n]" } else { "," };
    Ok(format!("{open}{}{close}", objects.join(",\n")))
}

/// The end of the object that has the array: what the comparison came to.
fn comparison_part(comparison: &ComparisonTally) -> Result<String, CliError> {
    Ok(format!(
        ",\n\"comparison\": {}\n}}",
        to_json(&comparison.json())?
    ))
}

/// A part of the table: the first has the header.
fn table_part(pairs: Pairs<'_>, first: bool) -> String {
    let line = |cells: [&str; 9]| {
        let [subject, x, tx, age, mean, alive, orders, value, tier] = cells;
        format!(
            "{subject:<20} {x:>4} {tx:>8} {age:>8} {mean:>10} {alive:>6} {orders:>8} {value:>16}  {tier}"
        )
        .trim_end()
        .to_owned()
    };
    let mut lines = Vec::new();
    if first {
        lines.push(line([
            "subject",
            "x",
            "t_x",
            "T",
            "m_x",
            "alive",
            "orders",
            "lifetime value",
            "tier",
        ]));
    }
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(String::new, |value| text::fixed(value, digits))
    };
    for (subject, response) in pairs {
        let name = subject_text(subject);
        let Some(score) = &response.score else {
            let found = super::names::match_name(response.r#match);
            lines.push(line([&name, "", "", "", "", "", "", "", found]));
            continue;
        };
        let inputs = score.inputs.as_ref();
        let value = score.lifetime_value.as_ref();
        lines.push(line([
            &name,
            &inputs.map_or_else(String::new, |inputs| inputs.frequency.to_string()),
            &number(inputs.map(|inputs| inputs.recency_weeks), 2),
            &number(inputs.map(|inputs| inputs.age_weeks), 2),
            &number(inputs.and_then(|inputs| inputs.monetary_value), 2),
            &number(score.probability_alive, 3),
            &number(score.expected_orders, 3),
            &value.map_or_else(String::new, text::money_text),
            &answer::tier_word(score),
        ]));
    }
    lines.join("\n")
}

/// How many subjects were found.
#[derive(Debug, Default)]
struct Tally {
    rated: usize,
    unrated: usize,
    unknown: usize,
    ambiguous: usize,
    unavailable: usize,
    invalid: usize,
}

impl Tally {
    fn add(&mut self, responses: &[pb::ScoreLifetimeValueResponse]) {
        for response in responses {
            match (response.r#match(), &response.score) {
                (pb::Match::Ambiguous, _) => self.ambiguous += 1,
                (pb::Match::Unavailable, _) => self.unavailable += 1,
                (pb::Match::Invalid, _) => self.invalid += 1,
                (_, Some(score)) if score.lifetime_value.is_some() => self.rated += 1,
                (_, Some(_)) => self.unrated += 1,
                (_, None) => self.unknown += 1,
            }
        }
    }

    fn line(&self) -> String {
        let part = |count, name| match count {
            0 => String::new(),
            count => format!(", {count} {name}"),
        };
        let unavailable = part(self.unavailable, "unavailable");
        let invalid = part(self.invalid, "invalid");
        format!(
            "{} with a value, {} without, {} ambiguous, {} unknown{unavailable}{invalid}",
            self.rated, self.unrated, self.ambiguous, self.unknown
        )
    }

    /// A failure if some of `subjects` were not scored: what is printed is then not the whole result.
    fn check(&self, subjects: usize) -> Result<(), CliError> {
        if self.invalid > 0 {
            let message = format!("{} of {subjects} subjects are invalid", self.invalid);
            let hint = "correct them; --json prints what is wrong with each".to_owned();
            return Err(CliError::failed(message).with_hint(hint));
        }
        if self.unavailable == 0 {
            return Ok(());
        }
        let message = format!(
            "{} of {subjects} subjects not scored: the database was unreachable",
            self.unavailable
        );
        Err(CliError::failed(message).with_hint("run the command again".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_answers_something_and_accounts_for_the_rest() {
        let response = |responses, unanswered_count| pb::BatchScoreLifetimeValueResponse {
            responses: vec![pb::ScoreLifetimeValueResponse::default(); responses],
            unanswered_count,
            ..Default::default()
        };
        assert_eq!(answered(response(3, 0), 3).unwrap().len(), 3);
        assert_eq!(answered(response(1, 2), 3).unwrap().len(), 1);
        for (responses, unanswered) in [(0, 3), (2, 0), (3, 1)] {
            assert!(answered(response(responses, unanswered), 3).is_err());
        }
    }

    #[test]
    fn the_parts_of_the_array_make_one_json_document() {
        let subjects = [parse_subject("a").unwrap(), parse_subject("b").unwrap()];
        let response = |candidate_count| pb::ScoreLifetimeValueResponse {
            candidate_count,
            ..Default::default()
        };
        let responses = [response(0), response(2)];
        let writer = ResponseJson::new("ScoringService/ScoreLifetimeValue").unwrap();
        let part = |at: std::ops::Range<usize>, first, last| {
            let pairs = subjects[at.clone()].iter().zip(&responses[at]);
            json_part(&writer, pairs, first, last).unwrap()
        };
        let (first, last) = (part(0..1, true, false), part(1..2, false, true));
        let array: serde_json::Value = serde_json::from_str(&format!("{first}\n{last}\n")).unwrap();
        assert_eq!(array[0]["subject"], "a");
        assert_eq!(array[1]["subject"], "b");
        assert_eq!(array[1]["candidateCount"], 2);
        assert_eq!(array.as_array().unwrap().len(), 2);
        let end = comparison_part(&ComparisonTally::default()).unwrap();
        let object = format!("{{\"scores\":\n{first}\n{last}\n{end}");
        let object: serde_json::Value = serde_json::from_str(&object).unwrap();
        assert_eq!(object["scores"], array);
        assert_eq!(object["comparison"], serde_json::Value::Null);
    }
}
