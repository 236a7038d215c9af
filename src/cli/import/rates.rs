//! Rows of exchange rates.

use clap::Args;
use jiff::civil::Date;

use super::args::{Formats, InputArgs};
use super::columns::Header;
use super::currency::parse_currency;
use super::meaning::View;
use super::number::Number;
use super::pipeline::reading::Mapping;
use super::row::Row;
use super::send::{Batch, Terms};
use crate::cli::error::CliError;
use crate::domain::rates::Rate;
use crate::pb;

/// Options of `patron import rates`.
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
#[derive(Debug, Args)]
pub struct RatesArgs {
    #[command(flatten)]
    /// What all imports share.
    pub input: InputArgs,
    /// Currency to convert from, for all rows, an ISO 4217 code
    #[arg(long, value_name = "CODE", value_parser = parse_currency)]
    from: Option<String>,
    /// Column of that currency; empty cells use --from [default: from_currency, from, currency, unless --from is given]
    #[arg(long, value_name = "COLUMN")]
    from_column: Option<String>,
    /// Currency to convert to, for all rows, an ISO 4217 code
    #[arg(long, value_name = "CODE", value_parser = parse_currency)]
    to: Option<String>,
    /// Column of that currency; empty cells use --to [default: to_currency, to, unless --to is given]
    #[arg(long, value_name = "COLUMN")]
    to_column: Option<String>,
    /// Column of the first day on which the rate applies [default: date, day]
    #[arg(long, value_name = "COLUMN")]
    date_column: Option<String>,
    /// Column of the rate: units of the second currency per unit of the first; empty or N/A: no rate [default: rate]
    #[arg(long, value_name = "COLUMN")]
    rate_column: Option<String>,
    /// Every column that is called like a currency holds the rates to it
    #[arg(long, conflicts_with_all = ["to", "to_column", "rate_column"], requires = "from")]
    all_columns: bool,
}

/// Where rates stand in a row.
#[derive(Debug)]
pub struct RateMapping {
    from: Side,
    to: Target,
    date: usize,
    formats: Formats,
}

/// Which rates a row has.
#[derive(Debug)]
enum Target {
    /// One.
    One { to: Side, rate: usize },
    /// One in each of these columns, to the currency of its name.
    Columns(Vec<(String, usize)>),
}

/// Where one of the two currencies comes from: a column, all rows, or both.
#[derive(Debug)]
struct Side {
    name: &'static str,
    fixed: Option<String>,
    column: Option<usize>,
}

impl Side {
    fn new(
        name: &'static str,
        fixed: Option<&String>,
        column: Option<&String>,
        defaults: &[&str],
        header: &Header,
    ) -> Result<Self, CliError> {
        // A column that nobody named counts only where no currency is given.
        let defaults = if fixed.is_some() { &[] } else { defaults };
        let option = format!("--{name}-column");
        let column = header.optional(&option, column.map(String::as_str), defaults)?;
        if fixed.is_none() && column.is_none() {
            return Err(CliError::Usage {
                message: format!("the currency of the rates is missing: {name}"),
                hint: format!("set --{name}, for example --{name} EUR, or {option}"),
            });
        }
        Ok(Self {
            name,
            fixed: fixed.cloned(),
            column,
        })
    }

    /// The currency of a row. `None` when there is none; then that is noted.
    fn in_row(&self, row: &mut Row<'_>) -> Option<String> {
        if !row.text(self.column).is_empty() {
            return row.parse(self.column, parse_currency);
        }
        if self.fixed.is_none() {
            row.refuse(format!("the currency to convert {} is empty", self.name));
        }
        self.fixed.clone()
    }
}

impl RateMapping {
    /// Finds the columns.
    ///
    /// # Errors
    ///
    /// Wrong usage: a column that is not there, or nothing that states which currencies.
    pub fn new(args: &RatesArgs, header: &Header) -> Result<Self, CliError> {
        let from = ["from_currency", "from", "currency"];
        let to = ["to_currency", "to"];
        let required = |option: &str, named: &Option<String>, defaults: &[&str]| {
            header.required(option, named.as_deref(), defaults)
        };
        let (from_column, to_column) = (args.from_column.as_ref(), args.to_column.as_ref());
        let from = Side::new("from", args.from.as_ref(), from_column, &from, header)?;
        let to = if args.all_columns {
            Target::Columns(currency_columns(header)?)
        } else {
            Target::One {
                to: Side::new("to", args.to.as_ref(), to_column, &to, header)?,
                rate: required("--rate-column", &args.rate_column, &["rate"])?,
            }
        };
        Ok(Self {
            from,
            to,
            date: required("--date-column", &args.date_column, &["date", "day"])?,
            formats: args.input.formats()?,
        })
    }

    /// The rate of a cell. Tables have a row for each day and a column for each currency, and not every currency has a rate every day.
    fn rate(&self, row: &mut Row<'_>, column: usize) -> Option<Rate> {
        let stated = !row.text(Some(column)).eq_ignore_ascii_case("N/A");
        let numbers = self.formats.numbers;
        row.parse(Some(column).filter(|_| stated), |text| {
            let rate: Result<Rate, _> = Number::parse(text, numbers)?.to_text().parse();
            rate.map_err(|error| error.to_string())
        })
    }
}

/// The columns that are called like currencies.
fn currency_columns(header: &Header) -> Result<Vec<(String, usize)>, CliError> {
    let names = header.names().iter().enumerate();
    let columns: Vec<(String, usize)> = names
        .filter_map(|(column, name)| Some((parse_currency(name).ok()?, column)))
        .collect();
    for (_, column) in &columns {
        header.mark(*column);
    }
    if columns.is_empty() {
        return Err(CliError::usage(format!(
            "--all-columns: no column is called like a currency; the file has {}",
            header.names().join(", ")
        )));
    }
    Ok(columns)
}

impl Mapping for RateMapping {
    type Fact = pb::ExchangeRate;
    // Of several rates of a pair and day the last one holds, so that they go in the order of the file.
    const LANES: usize = 1;

    fn formats(&mut self) -> &mut Formats {
        &mut self.formats
    }

    fn read(&mut self, row: &mut Row<'_>) -> Option<Vec<pb::ExchangeRate>> {
        let from = self.from.in_row(row);
        let dates = &self.formats.dates;
        let day = row.parse_required(self.date, |text| dates.day(text));
        let mut rates: Vec<(Option<String>, Rate)> = Vec::new();
        match &self.to {
            Target::One { to, rate } => {
                let to = to.in_row(row);
                if from.is_some() && from == to {
                    row.refuse("both currencies are the same");
                }
                rates.extend(self.rate(row, *rate).map(|rate| (to, rate)));
            }
            Target::Columns(columns) => {
                for (to, column) in columns.iter().filter(|(to, _)| from.as_ref() != Some(to)) {
                    let rate = self.rate(row, *column);
                    rates.extend(rate.map(|rate| (Some(to.clone()), rate)));
                }
            }
        }
        if rates.is_empty() {
            row.leave_out("no rate on that day");
        }
        if !row.is_sound() || rates.is_empty() {
            return None;
        }
        let (from, day): (String, Date) = (from?, day?);
        rates
            .into_iter()
            .map(|(to, rate)| {
                Some(pb::ExchangeRate {
                    from_currency: from.clone(),
                    to_currency: to?,
                    day: day.to_string(),
                    rate: rate.to_string(),
                })
            })
            .collect()
    }

    fn view<'a>(&self, fact: &'a pb::ExchangeRate) -> View<'a> {
        View {
            kind: "Rates",
            customer: None,
            day: fact.day.parse().ok(),
            money: None,
        }
    }

    fn details(&self, fact: &pb::ExchangeRate) -> Vec<(&'static str, String)> {
        let rate = format!(
            "{} {} = {}",
            fact.from_currency, fact.to_currency, fact.rate
        );
        vec![("", rate)]
    }

    fn batch(rates: Vec<pb::ExchangeRate>, terms: &Terms) -> Batch {
        Batch::Rates(pb::IngestRatesRequest {
            rates,
            import_id: terms.import_id.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
