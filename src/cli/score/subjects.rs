//! Reads the subjects of a CSV file.

use std::collections::HashSet;
use std::path::Path;

use crate::cli::error::CliError;
use crate::cli::import::columns::{Header, open_csv};
use crate::cli::subject::parse_subject;
use crate::pb;

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
) -> Result<Vec<pb::Subject>, CliError> {
    let (mut reader, header) = open_csv(path, delimiter)?;
    let column = subject_column(&header, column)?;
    let (mut seen, mut subjects) = (HashSet::new(), Vec::new());
    for record in reader.records() {
        let record =
            record.map_err(|cause| CliError::usage(format!("{}: {cause}", path.display())))?;
        let text = record.get(column).unwrap_or_default().trim();
        if !seen.insert(text.to_owned()) {
            continue;
        }
        let subject = parse_subject(text).map_err(|reason| {
            let line = record.position().map_or(0, csv::Position::line);
            CliError::usage(format!("{}, line {line}: {reason}", path.display()))
        })?;
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
        let subjects = read(&path, column, None)?;
        Ok(subjects.iter().map(subject_text).collect())
    }

    #[test]
    fn each_subject_of_a_log_is_read_once_in_order() {
        let log = "date,customer_id\n1,b\n2,a\n3,b\n4,+493023125001\n";
        assert_eq!(read_text(log, None).unwrap(), ["b", "a", "+493023125001"]);
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
}
