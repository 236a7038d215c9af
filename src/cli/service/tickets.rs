//! `patron service tickets`: sorts the tickets of a CSV file.

use std::path::PathBuf;

use clap::Args;
use csv::{ByteRecord, StringRecord};

use crate::cli::connection::{Connection, ConnectionArgs, FIT_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::import::input::open_csv;
use crate::cli::import::when::parse_when;
use crate::cli::output::Output;
use crate::cli::subject::parse_subject;
use crate::cli::text::{self, Align};
use crate::pb;

/// Options of `patron service tickets`.
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
#[derive(Debug, Args)]
pub struct TicketsArgs {
    /// CSV file with the columns ticket_id, customer, title, text, topic, channel, impact (none, degraded, stopped) and created; all but
    /// the first are optional
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A category with its keywords; may be repeated
    #[arg(long, value_name = "NAME=WORD,WORD", value_parser = category)]
    category: Vec<pb::TicketCategory>,
    /// Separator of the columns: one character, or "tab"
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

fn category(text: &str) -> Result<pb::TicketCategory, String> {
    let parts = text.split_once('=');
    let (name, words) =
        parts.ok_or("write NAME=WORD,WORD, for example Invoices=invoice,payment")?;
    Ok(pb::TicketCategory {
        name: name.to_owned(),
        keywords: words
            .split(',')
            .map(|word| word.trim().to_owned())
            .collect(),
    })
}

/// Reads the file, asks and prints the tickets, the most urgent first.
///
/// # Errors
///
/// Wrong usage, no server, an error of the server, or no reader.
pub(super) async fn run(args: &TicketsArgs, output: &mut Output) -> Result<(), CliError> {
    let tickets = read(args)?;
    let connection = Connection::open(&args.connection, FIT_TIMEOUT).await?;
    let request = connection.request(pb::PresortTicketsRequest {
        tickets,
        categories: args.category.clone(),
    });
    let answer = connection.desk().presort_tickets(request).await?;
    let answer = answer.into_inner();
    if args.json {
        return output.response("ServiceDeskService/PresortTickets", &answer);
    }
    output.line(&page(&answer))
}

/// Where each column of a ticket is.
struct Columns {
    id: usize,
    customer: Option<usize>,
    title: Option<usize>,
    text: Option<usize>,
    topic: Option<usize>,
    channel: Option<usize>,
    impact: Option<usize>,
    created: Option<usize>,
}

fn read(args: &TicketsArgs) -> Result<Vec<pb::Ticket>, CliError> {
    let (mut rows, header) = open_csv(&args.file, args.delimiter.as_deref())?;
    let shown = args.file.display();
    let id = header.first_of(&["ticket_id", "id"]);
    let columns = Columns {
        id: id.ok_or_else(|| CliError::usage(format!("{shown} has no column ticket_id")))?,
        customer: header.first_of(&["customer", "customer_id"]),
        title: header.first_of(&["title"]),
        text: header.first_of(&["text"]),
        topic: header.first_of(&["topic"]),
        channel: header.first_of(&["channel"]),
        impact: header.first_of(&["impact"]),
        created: header.first_of(&["created"]),
    };
    let mut tickets = vec![];
    let mut record = ByteRecord::new();
    while let Some((line, record)) = rows.next_text(&mut record)? {
        let read = record.and_then(|record| ticket(&columns, &record));
        tickets.push(
            read.map_err(|reason| CliError::usage(format!("{shown}, line {line}: {reason}")))?,
        );
    }
    Ok(tickets)
}

fn ticket(columns: &Columns, record: &StringRecord) -> Result<pb::Ticket, String> {
    let cell = |column: Option<usize>| {
        let cell = column.and_then(|column| record.get(column));
        cell.unwrap_or_default().trim()
    };
    let subject = match cell(columns.customer) {
        "" => None,
        customer => Some(parse_subject(customer)?),
    };
    let impact = match cell(columns.impact) {
        "" | "none" => pb::ProductionImpact::None,
        "degraded" => pb::ProductionImpact::Degraded,
        "stopped" => pb::ProductionImpact::Stopped,
        other => {
            return Err(format!(
                "{other:?} is not an impact: none, degraded or stopped"
            ));
        }
    };
    let created_time = match cell(columns.created) {
        "" => None,
        created => {
            let instant = parse_when(created)?.instant();
            Some(instant.ok_or_else(|| {
                format!("{created:?} has no time: write it as 2026-01-31T08:15:00Z")
            })?)
        }
    };
    Ok(pb::Ticket {
        ticket_id: cell(Some(columns.id)).to_owned(),
        subject,
        title: cell(columns.title).to_owned(),
        text: cell(columns.text).to_owned(),
        topic: cell(columns.topic).to_owned(),
        channel: cell(columns.channel).to_owned(),
        production_impact: impact.into(),
        created_time,
    })
}

fn page(answer: &pb::PresortTicketsResponse) -> String {
    let header = [
        ("ticket", Align::Left),
        ("priority", Align::Right),
        ("because", Align::Left),
        ("customer", Align::Left),
        ("tier", Align::Left),
        ("queue", Align::Left),
        ("roles", Align::Left),
        ("category", Align::Left),
        ("due", Align::Left),
    ];
    let row = |ticket: &pb::PresortedTicket| {
        let reasons = ticket.priority_reasons.iter().map(|part| {
            let text = part.reason.as_ref().and_then(|reason| reason.text.as_ref());
            format!("{} {}", part.points, text.map_or("", |text| &text.en))
        });
        let customer = match ticket.r#match() {
            pb::Match::One => ticket.customer_id.clone(),
            pb::Match::Ambiguous => "one of several".to_owned(),
            pb::Match::Unavailable => "not looked up".to_owned(),
            pb::Match::Invalid => "invalid".to_owned(),
            pb::Match::Unknown | pb::Match::Unspecified => "unknown".to_owned(),
        };
        let tier = ticket.tier.as_ref().map_or("", |tier| match &*tier.name {
            "" => "UNRATED",
            name => name,
        });
        vec![
            ticket.ticket_id.clone(),
            ticket.priority.to_string(),
            reasons.collect::<Vec<_>>().join(", "),
            customer,
            tier.to_owned(),
            ticket.queue.clone(),
            ticket.roles.join(", "),
            ticket.category.clone(),
            text::time_text(ticket.due_time.as_ref()).unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = answer.tickets.iter().map(row).collect();
    text::table(&header, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<pb::Ticket>, CliError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tickets.csv");
        std::fs::write(&file, text).unwrap();
        read(&TicketsArgs {
            file,
            category: vec![],
            delimiter: None,
            json: false,
            connection: ConnectionArgs::default(),
        })
    }

    #[test]
    fn tickets_are_read_from_the_columns_that_are_there() {
        let tickets = read_text(
            "id,customer,title,impact,created\n\
             1,ada,\"Help, please\",stopped,2026-11-22T08:00:00Z\n\
             2,,,,\n",
        )
        .unwrap();
        assert_eq!(tickets[0].title, "Help, please");
        assert_eq!(
            tickets[0].production_impact(),
            pb::ProductionImpact::Stopped
        );
        assert_eq!(
            tickets[0].created_time.map(|time| time.seconds),
            Some(1_795_334_400)
        );
        assert_eq!((&tickets[1].subject, &*tickets[1].ticket_id), (&None, "2"));
    }

    #[test]
    fn a_cell_that_cannot_be_read_is_named_with_its_line() {
        let wrong = |text: &str| read_text(text).unwrap_err().lines().join("\n");
        assert!(wrong("title\na\n").contains("no column ticket_id"));
        assert!(wrong("id,impact\n1,none\n2,high\n").contains("line 3: \"high\""));
        assert!(wrong("id,created\n1,2026-11-22\n").contains("has no time"));
    }

    #[test]
    fn a_category_is_its_name_and_its_words() {
        let read = category("Invoices=invoice, Rechnung").unwrap();
        assert_eq!(read.keywords, ["invoice", "Rechnung"]);
        assert!(category("Invoices").is_err());
    }
}
