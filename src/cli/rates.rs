//! `patron rates`: the exchange rates that a server knows. `patron import rates` records some.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};

use super::connection::{Connection, ConnectionArgs, READ_TIMEOUT};
use super::error::CliError;
use super::import::currency::parse_currency;
use super::output::Output;
use super::pages::{self, Listed, PAGE_SIZE};
use super::text::{self, Align};
use crate::pb;

/// The commands of `patron rates`.
#[derive(Debug, Subcommand)]
pub enum RatesCommand {
    /// List recorded exchange rates, most recently recorded first
    List(ListArgs),
}

/// Options of `patron rates list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only rates from this currency, an ISO 4217 code
    #[arg(long, value_name = "CODE", value_parser = parse_currency)]
    from: Option<String>,
    /// Only rates to this currency, an ISO 4217 code
    #[arg(long, value_name = "CODE", value_parser = parse_currency)]
    to: Option<String>,
    /// Only rates of this day or later, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Maximum number of rates
    #[arg(long, default_value = "100", value_name = "NUMBER")]
    limit: NonZeroUsize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs a command.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
pub async fn run(command: &RatesCommand, output: &mut Output) -> Result<(), CliError> {
    match command {
        RatesCommand::List(args) => list(args, output).await,
    }
}

async fn list(args: &ListArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let listed = fetch(args, &connection).await?;
    if args.json {
        let response = pb::ListRatesResponse {
            rates: listed.items,
            next_page_token: String::new(),
        };
        return output.response("IngestService/ListRates", &response);
    }
    output.line(&page(&listed.items))?;
    listed.note_more(output);
    Ok(())
}

/// The rates that the options select.
async fn fetch(
    args: &ListArgs,
    connection: &Connection,
) -> Result<Listed<pb::RecordedRate>, CliError> {
    let mut client = connection.ingest();
    let listed = pages::list(args.limit.get(), async |page_token| {
        let request = connection.request(pb::ListRatesRequest {
            from_currency: args.from.clone().unwrap_or_default(),
            to_currency: args.to.clone().unwrap_or_default(),
            since: args.since.clone().unwrap_or_default(),
            page_size: PAGE_SIZE,
            page_token,
        });
        let page = client.list_rates(request).await?.into_inner();
        Ok((page.rates, page.next_page_token))
    });
    listed.await
}

fn page(rates: &[pb::RecordedRate]) -> String {
    if rates.is_empty() {
        return "No rates are recorded: run `patron import rates FILE.csv --to EUR`.".to_owned();
    }
    let header = [
        ("number", Align::Right),
        ("day", Align::Left),
        ("from", Align::Left),
        ("to", Align::Left),
        ("rate", Align::Right),
        ("", Align::Left),
        ("recorded", Align::Left),
    ];
    let row = |recorded: &pb::RecordedRate| {
        let rate = recorded.rate.clone().unwrap_or_default();
        let state = if recorded.current { "" } else { "corrected" };
        vec![
            recorded.number.to_string(),
            rate.day,
            rate.from_currency,
            rate.to_currency,
            rate.rate,
            state.to_owned(),
            text::time_text(recorded.record_time.as_ref()).unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = rates.iter().map(row).collect();
    text::table(&header, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_corrected_rates_from_those_that_hold() {
        let rate = |number, rate: &str, current| pb::RecordedRate {
            number,
            rate: Some(pb::ExchangeRate {
                from_currency: "USD".into(),
                to_currency: "EUR".into(),
                day: "2026-01-02".into(),
                rate: rate.into(),
            }),
            current,
            record_time: None,
        };
        assert_eq!(
            page(&[rate(12, "0.92", true), rate(3, "0.9", false)]),
            "number  day         from  to   rate             recorded\n    \
             12  2026-01-02  USD   EUR  0.92\n     \
             3  2026-01-02  USD   EUR   0.9  corrected"
        );
        assert!(page(&[]).contains("patron import rates"));
    }
}
