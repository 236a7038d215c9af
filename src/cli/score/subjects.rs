//! Reads the subjects of a CSV file.

use std::collections::HashSet;
use std::path::Path;

use csv::ByteRecord;

use crate::cli::error::CliError;
use crate::cli::import::columns::Header;
use crate::cli::import::input::open_csv;
use crate::cli::import::who::{Way, parse_way, subject_in};
use crate::cli::subject::parse_subject;
use crate::domain::telephony::plan::NumberPlan;
use crate::pb;

/// What the cells of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// All of one kind. A file of customers is exact: an id may look like anything.
    One(Way),
    /// Each what its shape makes it on the command line.
    Any,
}

/// Reads `any`, or a way to name customers.
///
/// # Errors
///
/// A sentence that states the ways.
pub fn parse_reading(text: &str) -> Result<Reading, String> {
    if text == "any" {
        return Ok(Reading::Any);
    }
    parse_way(text).map(Reading::One)
}

/// Columns that hold the subjects unless one is named; else the first column does.
const DEFAULT_COLUMNS: [&str; 2] = ["customer_id", "id"];

/// The distinct subjects of a file in the order of their first appearance, so that a purchase log serves as a list of customers.
///
/// # Errors
///
/// Wrong usage: a file or column that is not there, or a cell that names nobody (with its line).
pub fn read(
    path: &Path,
    column: Option<&str>,
    delimiter: Option<&str>,
    reading: &Reading,
) -> Result<Vec<pb::Subject>, CliError> {
    let (mut rows, header) = open_csv(path, delimiter)?;
    let column = subject_column(&header, column)?;
    let (mut seen, mut subjects) = (HashSet::new(), Vec::new());
    let mut record = ByteRecord::new();
    while let Some((line, record)) = rows.next_text(&mut record)? {
        let wrong =
            |reason: String| CliError::usage(format!("{}, line {line}: {reason}", path.display()));
        let record = record.map_err(wrong)?;
        let text = record.get(column).unwrap_or_default().trim();
        if !seen.insert(text.to_owned()) {
            continue;
        }
        let subject = match reading {
            Reading::Any => parse_subject(text),
            Reading::One(_) if text.is_empty() => Err("the customer is empty".to_owned()),
            Reading::One(way) => subject_in(text, way, &NumberPlan::E164),
        };
        let subject = subject.map_err(wrong)?;
        subjects.push(subject);
    }
    Ok(subjects)
}

fn subject_column(header: &Header, named: Option<&str>) -> Result<usize, CliError> {
    match named {
        Some(name) => header.find("--subject-column", name),
        None => Ok(header.first_of(&DEFAULT_COLUMNS).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::subject::subject_text;

    #[track_caller]
    fn read_text(text: &str, column: Option<&str>) -> Result<Vec<String>, CliError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("subjects.csv");
        std::fs::write(&path, text).unwrap();
        let subjects = read(&path, column, None, &Reading::One(Way::Id))?;
        Ok(subjects.iter().map(subject_text).collect())
    }

    #[test]
    fn each_subject_of_a_log_is_read_once_in_order() {
        let log = "date,customer_id\n1,b\n2,a\n3,b\n4,+493023125001\n";
        // An id stays one, whatever it looks like.
        assert_eq!(
            read_text(log, None).unwrap(),
            ["b", "a", "id:+493023125001"]
        );
    }

    #[test]
    fn the_column_is_customer_id_else_id_else_the_first() {
        assert_eq!(read_text("x,id\n1,2\n", None).unwrap(), ["2"]);
        assert_eq!(read_text("x,y\n1,2\n", None).unwrap(), ["1"]);
        assert_eq!(read_text("x,y\n1,2\n", Some("y")).unwrap(), ["2"]);
    }

    #[test]
    fn a_missing_column_or_an_empty_cell_is_wrong_usage() {
        let missing = read_text("x,y\n1,2\n", Some("z")).unwrap_err();
        assert_eq!(missing.exit_code(), 64);
        let empty = read_text("id,y\n,2\n", None).unwrap_err();
        assert!(empty.to_string().contains("line 2"), "{empty}");
    }

    #[test]
    fn other_readings_are_stated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("subjects.csv");
        std::fs::write(&path, "id\na@example.org\n").unwrap();
        for (way, text) in [
            ("any", "a@example.org"),
            ("email", "a@example.org"),
            ("external:crm", "external:crm/a@example.org"),
        ] {
            let reading = parse_reading(way).unwrap();
            let subjects = read(&path, None, None, &reading).unwrap();
            assert_eq!(subject_text(&subjects[0]), text, "{way}");
        }
        assert!(parse_reading("name").is_err());
        let phone = parse_reading("phone").unwrap();
        assert!(read(&path, None, None, &phone).is_err());
    }
}
