//! Rows of exchange rates.

use std::path::PathBuf;

use clap::Args;

use super::amount::plain_decimal;
use super::columns::{Header, Row};
use super::currency::parse_currency;
use super::pipeline::Mapping;
use super::send::Batch;
use super::when::{self, parse_day};
use super::{FileArgs, Formats};
use crate::cli::connection::ConnectionArgs;
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
    /// A CSV file with a header, in UTF-8
    #[arg(value_name = "FILE.csv")]
    pub file: PathBuf,
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
    /// Column separator: one character, or "tab" [default: ,]
    #[arg(long, value_name = "CHARACTER")]
    pub delimiter: Option<String>,
    /// Format of days (strftime), for example %d/%m/%Y
    #[arg(long, value_name = "FORMAT", value_parser = when::check_format)]
    date_format: Option<String>,
    /// Read numbers with a decimal comma: 0,9225
    #[arg(long)]
    decimal_comma: bool,
    /// Check the file only: send nothing, write no file
    #[arg(long)]
    dry_run: bool,
    /// File for refused rows, readable only by your account [default: FILE.rejected.csv, next to the file]
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl RatesArgs {
    /// What the pipeline of all imports takes; rates have no customer and no source.
    #[must_use]
    pub fn file_args(&self) -> FileArgs {
        FileArgs {
            file: self.file.clone(),
            customer_column: None,
            source: String::new(),
            kind: None,
            delimiter: self.delimiter.clone(),
            date_format: self.date_format.clone(),
            decimal_comma: self.decimal_comma,
            dry_run: self.dry_run,
            rejected: self.rejected.clone(),
            json: self.json,
            connection: self.connection.clone(),
        }
    }
}

/// Where a rate stands in a row.
#[derive(Debug)]
pub struct RateMapping {
    from: Side,
    to: Side,
    date: usize,
    rate: usize,
    formats: Formats,
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
    /// Wrong usage: a column that is not there, or nothing that says which currencies.
    pub fn new(args: &RatesArgs, header: &Header) -> Result<Self, CliError> {
        let from = ["from_currency", "from", "currency"];
        let to = ["to_currency", "to"];
        let required = |option: &str, named: &Option<String>, defaults: &[&str]| {
            header.required(option, named.as_deref(), defaults)
        };
        let (from_column, to_column) = (args.from_column.as_ref(), args.to_column.as_ref());
        Ok(Self {
            from: Side::new("from", args.from.as_ref(), from_column, &from, header)?,
            to: Side::new("to", args.to.as_ref(), to_column, &to, header)?,
            date: required("--date-column", &args.date_column, &["date", "day"])?,
            rate: required("--rate-column", &args.rate_column, &["rate"])?,
            formats: args.file_args().formats(),
        })
    }
}

impl Mapping for RateMapping {
    type Fact = pb::ExchangeRate;
    // Of several rates of a pair and day the last one holds, so that they go in the order of the file.
    const IN_FLIGHT: usize = 1;

    fn read(&mut self, row: &mut Row<'_>) -> Option<pb::ExchangeRate> {
        let (from, to) = (self.from.in_row(row), self.to.in_row(row));
        if from.is_some() && from == to {
            row.refuse("both currencies are the same");
        }
        let format = self.formats.date.clone();
        let day = row.parse_required(self.date, |text| parse_day(text, format.as_deref()));
        let comma = self.formats.decimal_comma;
        // Tables have a row for each day and a column for each currency, and not every currency has a rate every day.
        let stated = !row.text(Some(self.rate)).eq_ignore_ascii_case("N/A");
        let rate = row.parse(Some(self.rate).filter(|_| stated), |text| {
            let rate: Result<Rate, _> = plain_decimal(text, comma)?.parse();
            rate.map_err(|error| error.to_string())
        });
        if rate.is_none() {
            row.leave_out("no rate on that day");
        }
        if !row.is_sound() {
            return None;
        }
        Some(pb::ExchangeRate {
            from_currency: from?,
            to_currency: to?,
            day: day?.to_string(),
            rate: rate?.to_string(),
        })
    }

    fn batch(facts: Vec<pb::ExchangeRate>) -> Batch {
        Batch::Rates(facts)
    }
}

#[cfg(test)]
mod tests {
    use csv::StringRecord;

    use super::*;
    use crate::cli::import::columns::open_csv;
    use crate::cli::{Cli, Command, import::ImportCommand};
    use clap::Parser as _;

    /// What the rows of a file say: the rate, or what is wrong.
    fn read(file: &str, options: &[&str]) -> Result<Vec<Result<String, String>>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rates.csv");
        std::fs::write(&path, file).unwrap();
        let line = ["patron", "import", "rates", path.to_str().unwrap()];
        let cli = Cli::try_parse_from(line.iter().chain(options)).unwrap();
        let Command::Import(ImportCommand::Rates(args)) = cli.command else {
            panic!("no import of rates");
        };
        let (mut reader, header) = open_csv(&args.file, args.delimiter.as_deref()).unwrap();
        let mut mapping =
            RateMapping::new(&args, &header).map_err(|error| error.lines().join("; "))?;
        let rows = reader.records().map(|record| {
            let record: StringRecord = record.unwrap();
            let mut row = Row::new(&header, &record);
            match mapping.read(&mut row) {
                Some(rate) => Ok(format!(
                    "{} {} {} {}",
                    rate.from_currency, rate.to_currency, rate.day, rate.rate
                )),
                None => Err(row
                    .left_out()
                    .map_or_else(|| row.into_reason(), str::to_owned)),
            }
        });
        Ok(rows.collect())
    }

    #[test]
    fn a_file_of_rates_is_read_by_its_columns() {
        let rows = read(
            "date,from_currency,to_currency,rate\n2026-01-02,USD,EUR,0.92250\n02.01.2026,chf,eur,1.06\n",
            &[],
        );
        assert_eq!(
            rows.unwrap(),
            [
                Ok("USD EUR 2026-01-02 0.9225".to_owned()),
                Ok("CHF EUR 2026-01-02 1.06".to_owned())
            ]
        );
    }

    #[test]
    fn a_table_with_a_column_for_each_currency_is_read_one_at_a_time() {
        let rows = read(
            "Date;USD;JPY\n2026-01-02;1,0845;N/A\n",
            &[
                "--from",
                "EUR",
                "--to",
                "USD",
                "--rate-column",
                "USD",
                "--delimiter",
                ";",
                "--decimal-comma",
            ],
        );
        assert_eq!(rows.unwrap(), [Ok("EUR USD 2026-01-02 1.0845".to_owned())]);
    }

    #[test]
    fn a_day_without_a_rate_is_left_out_and_not_refused() {
        // As the European Central Bank publishes it: a comma at the end of each row, and N/A before a currency began and after it left.
        let rows = read(
            "Date,USD,CYP,\n2026-01-02,1.0845,N/A,\n2007-12-31,1.4721,0.585274,\n2007-12-28,1.4692,,\nyesterday,1,N/A,\n",
            &["--from", "EUR", "--to", "CYP", "--rate-column", "CYP"],
        );
        let rows = rows.unwrap();
        let left_out = Err("no rate on that day".to_owned());
        assert_eq!(
            rows[..3],
            [
                left_out.clone(),
                Ok("EUR CYP 2007-12-31 0.585274".to_owned()),
                left_out
            ]
        );
        assert!(rows[3].as_ref().unwrap_err().contains("yesterday"));
    }

    #[test]
    fn everything_that_is_wrong_with_a_row_is_said_and_guesses_are_not_made() {
        let rows = read(
            "date,currency,rate\nyesterday,EURO,-1\n2026-01-02,EUR,1\n2026-01-02,USD,\"1,084.5\"\n2026-01-02,USD,none\n",
            &["--to", "EUR"],
        );
        let rows = rows.unwrap();
        for (row, parts) in [
            (0, &["EURO", "yesterday", "not greater than 0"][..]),
            (1, &["the same"]),
            (2, &["thousands separators"]),
            (3, &["rate"]),
        ] {
            let reason = rows[row].as_ref().unwrap_err();
            for part in parts {
                assert!(reason.contains(part), "{part} in {reason}");
            }
        }
        let error = read("date,currency,rate\n", &[]).unwrap_err();
        assert!(error.contains("--to EUR"), "{error}");
    }
}
