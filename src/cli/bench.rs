//! `patron bench`: how fast a running server answers, at a given rate of calls.
//!
//! An open loop: calls are sent when they are due, whether earlier ones are answered or not, and a latency counts from the moment a call was
//! due. A closed loop, which sends the next call after the last answer, slows down with the server and hides what its callers would have
//! waited (G. Tene, "How NOT to Measure Latency", 2013: coordinated omission).

mod load;
mod plan;
mod report;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use self::load::run_load;
use self::plan::{Hot, Mix, Plan, parse_mix, parse_share};
use self::report::{Report, Situation};
use super::connection::{Connection, ConnectionArgs, parse_timeout};
use super::error::CliError;
use super::output::Output;
use super::score::subjects;

/// Time limit of a call: who waits longer for a lookup has given up.
const CALL_TIMEOUT: Duration = Duration::from_secs(1);

/// Options of `patron bench`.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
pub struct BenchArgs {
    /// CSV file with a header, with the customers that are asked about
    #[arg(long, value_name = "FILE.csv")]
    subjects: PathBuf,
    /// Column of the customers (default: customer_id, then id, then the first column)
    #[arg(long, value_name = "COLUMN")]
    subject_column: Option<String>,
    /// What the column holds: id, email, phone, external:SYSTEM, or any for subjects as on the command line
    #[arg(long, value_name = "WAY", default_value = "id", value_parser = subjects::parse_reading)]
    subject_by: subjects::Reading,
    /// Calls per second over all connections, sent whether earlier ones are answered or not
    #[arg(long, value_name = "CALLS", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// How long calls are measured, for example 10s or 5m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_timeout)]
    duration: Duration,
    /// How long calls are sent before, and not measured
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_timeout)]
    warm_up: Duration,
    /// Connections, which take the calls in turn
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// Most calls in progress; one that is due beyond it is counted and not sent
    #[arg(long, value_name = "CALLS", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    in_flight: u32,
    /// What is asked, by weight: classify, route and score
    #[arg(long, value_name = "CALL=WEIGHT,...", default_value = "classify=1", value_parser = parse_mix)]
    mix: Mix,
    /// Share of the customers that are asked about often, 0 to 1 (with --hot-calls)
    #[arg(long, value_name = "SHARE", requires = "hot_calls", value_parser = parse_share)]
    hot_subjects: Option<f64>,
    /// Share of the calls that go to them, 0 to 1
    #[arg(long, value_name = "SHARE", requires = "hot_subjects", value_parser = parse_share)]
    hot_calls: Option<f64>,
    /// Seed of the order of calls and customers
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Sends calls and prints how they were answered.
///
/// # Errors
///
/// A file that cannot be read, no server, no reader, or no call that was answered.
pub async fn run(args: &BenchArgs, output: &mut Output) -> Result<(), CliError> {
    let column = args.subject_column.as_deref();
    let subjects = subjects::read(&args.subjects, column, None, &args.subject_by)?;
    let hot = args.hot_subjects.zip(args.hot_calls);
    let situation = Situation {
        subjects: subjects.len(),
        rate: args.rate,
        seconds: args.duration.as_secs_f64(),
        connections: args.connections,
        mix: args.mix.to_string(),
        hot: hot.map(|(subjects, calls)| Hot { subjects, calls }),
        seed: args.seed,
    };
    let plan = Plan::new(subjects, args.mix.clone(), situation.hot, args.seed)?;
    let mut connections = vec![];
    for _ in 0..args.connections {
        let connection = Connection::open(&args.connection, CALL_TIMEOUT).await?;
        connections.push(Arc::new(connection));
    }
    let pace = load::Pace {
        rate: args.rate,
        warm_up: args.warm_up,
        duration: args.duration,
        in_flight: args.in_flight,
    };
    let tally = run_load(&connections, plan, &pace).await;
    let report = Report::new(situation, &tally);
    if args.json {
        output.json(&report)?;
    } else {
        output.line(&report.page())?;
    }
    if report.is_empty() {
        return Err(CliError::failed("no call was answered"));
    }
    Ok(())
}
