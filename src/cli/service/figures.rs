//! `patron service figures`: contacts, first-contact resolution, transfers, satisfaction, effort, duration and cost.

use clap::{Args, ValueEnum};

use super::{ReadArgs, amount, missing_lines, part};
use crate::cli::connection::{Connection, FIT_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::text::{self, Align, fixed};
use crate::pb;
use crate::pb::get_service_figures_request::Dimension;

/// What figures are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// The customer's tier
    Tier,
    /// The customer's segments
    Segment,
    /// The queue that handled the contact last
    Queue,
    /// The channel
    Channel,
}

/// Options of `patron service figures`.
#[derive(Debug, Args)]
pub struct FiguresArgs {
    /// Group the figures
    #[arg(long, value_enum)]
    by: Option<By>,
    /// Length of the window in days
    #[arg(long, default_value = "30", value_name = "N", value_parser = clap::value_parser!(i32).range(1..=3660))]
    days: i32,
    /// Only contacts that this queue handled last
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// Only contacts on this channel
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
}

/// Asks and prints the figures.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
pub(super) async fn run(args: &FiguresArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.read.connection, FIT_TIMEOUT).await?;
    let dimension = match args.by {
        None => Dimension::Unspecified,
        Some(By::Tier) => Dimension::Tier,
        Some(By::Segment) => Dimension::Segment,
        Some(By::Queue) => Dimension::Queue,
        Some(By::Channel) => Dimension::Channel,
    };
    let request = connection.request(pb::GetServiceFiguresRequest {
        group: Some(args.read.group.message()),
        days: args.days,
        as_of: args.read.as_of(),
        dimension: dimension.into(),
        queue: args.queue.clone().unwrap_or_default(),
        channel: args.channel.clone().unwrap_or_default(),
    });
    let answer = connection.desk().get_service_figures(request).await?;
    let answer = answer.into_inner();
    if args.read.json {
        output.response("ServiceDeskService/GetServiceFigures", &answer)
    } else {
        output.line(&page(&answer))
    }
}

fn page(answer: &pb::GetServiceFiguresResponse) -> String {
    let header = [
        ("", Align::Left),
        ("contacts", Align::Right),
        ("customers", Align::Right),
        ("resolved first", Align::Right),
        ("transferred", Align::Right),
        ("satisfaction", Align::Right),
        ("effort", Align::Right),
        ("duration", Align::Right),
        ("cost", Align::Right),
    ];
    let total = answer.total.clone().unwrap_or_default();
    let rows = answer.groups.iter().map(|group| {
        let name = if group.name.is_empty() {
            "(unknown)"
        } else {
            &group.name
        };
        row(name, group)
    });
    let mut rows: Vec<Vec<String>> = rows.collect();
    rows.push(row("all", &total));
    let (first, last) = (&answer.first_day, &answer.last_day);
    let missing = total.cost.as_ref().map_or(&[][..], |cost| &cost.missing);
    let unlisted = match answer.unlisted_group_count {
        0 => String::new(),
        count => format!("\n\n{count} further groups are not listed."),
    };
    format!(
        "Contacts from {first} to {last}. In brackets: 95 % interval, contacts with a known value.\n\n{}{unlisted}{}",
        text::table(&header, &rows),
        part("Without a cost", &missing_lines(missing)),
    )
}

fn row(name: &str, figures: &pb::ServiceFigures) -> Vec<String> {
    let cost = figures.cost.as_ref();
    vec![
        name.to_owned(),
        figures.contact_count.to_string(),
        figures.customer_count.to_string(),
        share(figures.resolved_at_first_contact.as_ref()),
        share(figures.transferred.as_ref()),
        mean(figures.satisfaction.as_ref(), 2),
        mean(figures.effort.as_ref(), 2),
        mean(figures.duration_seconds.as_ref(), 0),
        amount(cost.and_then(|cost| cost.cost.as_ref())),
    ]
}

fn share(figure: Option<&pb::ShareFigure>) -> String {
    let Some(figure) = figure else {
        return "-".to_owned();
    };
    let percent = |share: f64| fixed(share * 100.0, 0);
    match (figure.share, figure.lower, figure.upper) {
        (Some(share), Some(lower), Some(upper)) => format!(
            "{} % ({}-{}, {})",
            percent(share),
            percent(lower),
            percent(upper),
            figure.known_count
        ),
        _ => "-".to_owned(),
    }
}

fn mean(figure: Option<&pb::MeanFigure>, digits: usize) -> String {
    match figure.and_then(|figure| Some((figure.mean?, figure.known_count))) {
        Some((mean, count)) => format!("{} ({count})", fixed(mean, digits)),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_intervals_and_what_they_are_based_on() {
        let figures = |name: &str| pb::ServiceFigures {
            name: name.into(),
            contact_count: 4,
            customer_count: 2,
            resolved_at_first_contact: Some(pb::ShareFigure {
                count: 2,
                known_count: 3,
                share: Some(0.666),
                lower: Some(0.2077),
                upper: Some(0.9385),
            }),
            satisfaction: Some(pb::MeanFigure {
                known_count: 2,
                mean: Some(3.5),
            }),
            ..Default::default()
        };
        let answer = pb::GetServiceFiguresResponse {
            first_day: "2026-10-24".into(),
            last_day: "2026-11-22".into(),
            total: Some(figures("")),
            groups: vec![figures("first")],
            ..Default::default()
        };
        let table = page(&answer);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "       contacts  customers   resolved first  transferred  satisfaction  effort  duration  cost",
                "first         4          2  67 % (21-94, 3)            -      3.50 (2)       -         -     -",
                "all           4          2  67 % (21-94, 3)            -      3.50 (2)       -         -     -",
            ]
        );
    }
}
