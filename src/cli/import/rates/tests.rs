use csv::ByteRecord;

use super::*;
use crate::cli::import::input::Input;
use crate::cli::{Cli, Command, import::ImportCommand};
use clap::Parser as _;

/// What the rows of a file say: the rate, or what is wrong.
fn read(file: &str, options: &[&str]) -> Result<Vec<Result<String, String>>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rates.csv");
    std::fs::write(&path, file).unwrap();
    let line = ["patron", "import", "rates", path.to_str().unwrap()];
    let cli = Cli::try_parse_from(line.iter().chain(options)).unwrap();
    let Command::Import(import) = cli.command else {
        panic!("no import");
    };
    let Some(ImportCommand::Rates(args)) = import.command else {
        panic!("no import of rates");
    };
    let mut input = Input::open(args.input.source.clone(), false).unwrap();
    let header = input.header().clone();
    let mut mapping = RateMapping::new(&args, &header).map_err(|error| error.lines().join("; "))?;
    let (mut rows, mut record) = (input.rows().unwrap(), ByteRecord::new());
    let mut read = Vec::new();
    while let Some((_, record)) = rows.next_text(&mut record).unwrap() {
        let records = [record.unwrap()];
        let mut row = Row::new(&header, &records);
        read.push(match mapping.read(&mut row) {
            Some(rates) => {
                let rates = rates.iter().map(|rate| {
                    format!(
                        "{} {} {} {}",
                        rate.from_currency, rate.to_currency, rate.day, rate.rate
                    )
                });
                Ok(rates.collect::<Vec<_>>().join("; "))
            }
            None => match row.left_out() {
                Some(reason) => Err(reason.to_owned()),
                None => Err(row.into_reason()),
            },
        });
    }
    Ok(read)
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

#[test]
fn all_columns_of_a_table_are_read_at_once() {
    let rows = read(
        "Date,USD,CYP,XYZ,\n2026-01-02,1.0845,N/A,1,\n2007-12-31,1.4721,0.585274,,\n2007-12-30,N/A,,,\n2007-12-29,x,0.5,,\n",
        &["--from", "EUR", "--all-columns"],
    );
    let rows = rows.unwrap();
    assert_eq!(rows[0], Ok("EUR USD 2026-01-02 1.0845".to_owned()));
    assert_eq!(
        rows[1],
        Ok("EUR USD 2007-12-31 1.4721; EUR CYP 2007-12-31 0.585274".to_owned())
    );
    assert_eq!(rows[2], Err("no rate on that day".to_owned()));
    assert!(rows[3].as_ref().unwrap_err().starts_with("USD: "));
    let error = read("Date,first,second\n", &["--from", "EUR", "--all-columns"]).unwrap_err();
    assert!(
        error.contains("no column is called like a currency"),
        "{error}"
    );
}
