//! `patron service deflection` and `patron service surges`.

use clap::Args;

use super::{ReadArgs, amount, missing_lines, part};
use crate::cli::connection::{Connection, FIT_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::text::{self, Align, fixed, p_value};
use crate::pb;

/// Options of `patron service deflection`.
#[derive(Debug, Args)]
pub struct DeflectionArgs {
    /// Length of the window in calendar months
    #[arg(long, default_value = "3", value_name = "N", value_parser = clap::value_parser!(i32).range(1..=120))]
    months: i32,
    /// The channel to move contacts to (default: the cheapest of the definitions)
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// Share of the contacts that can be moved, above 0 and up to 1
    #[arg(long, default_value = "0.3", value_name = "SHARE")]
    share: f64,
    /// Share of one topic; may be repeated
    #[arg(long, value_name = "TOPIC=SHARE", value_parser = topic_share)]
    topic: Vec<(String, f64)>,
    /// Maximum number of candidates
    #[arg(long, default_value = "20", value_name = "N", value_parser = clap::value_parser!(i32).range(1..=200))]
    limit: i32,
    #[command(flatten)]
    read: ReadArgs,
}

/// Options of `patron service surges`.
#[derive(Debug, Args)]
pub struct SurgesArgs {
    /// Days in which a topic may have surged
    #[arg(long, default_value = "7", value_name = "N", value_parser = clap::value_parser!(i32).range(1..=366))]
    recent: i32,
    /// Days before them to compare with
    #[arg(long, default_value = "84", value_name = "N", value_parser = clap::value_parser!(i32).range(1..=3660))]
    earlier: i32,
    /// Greatest expected share of false alarms among the surges
    #[arg(long, default_value = "0.05", value_name = "SHARE")]
    false_alarms: f64,
    #[command(flatten)]
    read: ReadArgs,
}

fn topic_share(text: &str) -> Result<(String, f64), String> {
    let parts = text.rsplit_once('=');
    let read = parts.and_then(|(topic, share)| Some((topic.to_owned(), share.parse().ok()?)));
    read.ok_or_else(|| "write TOPIC=SHARE, for example password=0.5".to_owned())
}

/// Asks and prints the candidates.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
pub(super) async fn deflection(args: &DeflectionArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.read.connection, FIT_TIMEOUT).await?;
    let request = connection.request(pb::ListDeflectionCandidatesRequest {
        group: Some(args.read.group.message()),
        months: args.months,
        as_of: args.read.as_of(),
        target_channel: args.to.clone().unwrap_or_default(),
        share: args.share,
        topic_shares: args.topic.iter().cloned().collect(),
        limit: args.limit,
    });
    let answer = connection
        .desk()
        .list_deflection_candidates(request)
        .await?;
    let answer = answer.into_inner();
    if args.read.json {
        output.response("ServiceDeskService/ListDeflectionCandidates", &answer)
    } else {
        output.line(&deflection_page(&answer))
    }
}

fn deflection_page(answer: &pb::ListDeflectionCandidatesResponse) -> String {
    let header = [
        ("topic", Align::Left),
        ("channel", Align::Left),
        ("contacts", Align::Right),
        ("customers", Align::Right),
        ("cost", Align::Right),
        ("share", Align::Right),
        ("saving a month", Align::Right),
    ];
    let row = |one: &pb::DeflectionCandidate| {
        vec![
            one.topic.clone(),
            one.channel.clone(),
            one.contact_count.to_string(),
            one.customer_count.to_string(),
            amount(one.cost.as_ref()),
            format!("{} %", fixed(one.share * 100.0, 0)),
            amount(one.saving_per_month.as_ref()),
        ]
    };
    let rows: Vec<Vec<String>> = answer.candidates.iter().map(row).collect();
    let (first, last, target) = (&answer.first_day, &answer.last_day, &answer.target_channel);
    let table = if rows.is_empty() {
        "No topic would be cheaper there.".to_owned()
    } else {
        text::table(&header, &rows)
    };
    format!(
        "Contacts from {first} to {last} that {target} ({} each) could take over:\n\n{table}{}",
        amount(answer.target_cost.as_ref()),
        part("Without a cost", &missing_lines(&answer.missing)),
    )
}

/// Asks and prints the surges.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
pub(super) async fn surges(args: &SurgesArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.read.connection, FIT_TIMEOUT).await?;
    let request = connection.request(pb::ListTopicSurgesRequest {
        group: Some(args.read.group.message()),
        as_of: args.read.as_of(),
        recent_days: args.recent,
        earlier_days: args.earlier,
        false_discovery_rate: args.false_alarms,
    });
    let answer = connection.desk().list_topic_surges(request).await?;
    let answer = answer.into_inner();
    if args.read.json {
        output.response("ServiceDeskService/ListTopicSurges", &answer)
    } else {
        output.line(&surges_page(&answer))
    }
}

fn surges_page(answer: &pb::ListTopicSurgesResponse) -> String {
    let header = [
        ("topic", Align::Left),
        ("contacts", Align::Right),
        ("expected", Align::Right),
        ("factor", Align::Right),
        ("customers", Align::Right),
        ("adjusted", Align::Left),
    ];
    let row = |one: &pb::TopicSurge| {
        let factor = one.factor.map(|factor| fixed(factor, 1));
        vec![
            one.topic.clone(),
            one.recent_count.to_string(),
            fixed(one.expected_count, 1),
            factor.unwrap_or_else(|| "new".to_owned()),
            one.customer_count.to_string(),
            p_value(one.adjusted_p_value),
        ]
    };
    let rows: Vec<Vec<String>> = answer.surges.iter().map(row).collect();
    let (first, last, tested) = (
        &answer.first_recent_day,
        &answer.last_day,
        answer.tested_topic_count,
    );
    let table = if rows.is_empty() {
        "No topic surged.".to_owned()
    } else {
        text::table(&header, &rows)
    };
    format!(
        "{tested} topics from {first} to {last}, compared with the days since {}:\n\n{table}",
        answer.first_earlier_day
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_a_topic_is_read_from_its_end() {
        assert_eq!(topic_share("a=b=0.5"), Ok(("a=b".to_owned(), 0.5)));
        assert!(topic_share("a").is_err());
        assert!(topic_share("a=many").is_err());
    }

    #[test]
    fn a_new_topic_has_no_factor() {
        let answer = pb::ListTopicSurgesResponse {
            first_recent_day: "2026-11-16".into(),
            first_earlier_day: "2026-08-24".into(),
            last_day: "2026-11-22".into(),
            tested_topic_count: 2,
            surges: vec![pb::TopicSurge {
                topic: "outage".into(),
                recent_count: 12,
                adjusted_p_value: 1.5e-9,
                customer_count: 10,
                ..Default::default()
            }],
            ..Default::default()
        };
        assert_eq!(
            surges_page(&answer),
            "2 topics from 2026-11-16 to 2026-11-22, compared with the days since 2026-08-24:\n\n\
             topic   contacts  expected  factor  customers  adjusted\n\
             outage        12       0.0     new         10  p = 1.5e-9"
        );
    }
}
