//! The columns of a CSV file: finding them by name, reading cells, collecting what is wrong with a row.

use std::fs::File;
use std::path::Path;

use csv::{Reader, ReaderBuilder, StringRecord};

use crate::cli::error::CliError;

/// Opens a CSV file and reads its header. Rows may have any number of cells; [`Row`] refuses those that do not fit the header.
///
/// # Errors
///
/// Wrong usage: no such file, no header, a delimiter that is none.
pub fn open_csv(path: &Path, delimiter: Option<&str>) -> Result<(Reader<File>, Header), CliError> {
    let shown = path.display();
    let file = File::open(path)
        .map_err(|cause| CliError::usage(format!("cannot open {shown}: {cause}")))?;
    let delimiter = delimiter.map_or(Ok(b','), parse_delimiter)?;
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(file);
    let names = reader
        .headers()
        .map_err(|cause| CliError::usage(format!("cannot read the header of {shown}: {cause}")))?;
    let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
    if names.iter().all(String::is_empty) {
        return Err(CliError::usage(format!("{shown} has no header")));
    }
    Ok((reader, Header { names, delimiter }))
}

fn parse_delimiter(text: &str) -> Result<u8, CliError> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'"' => Ok(*byte),
        _ => Err(CliError::usage(format!(
            "--delimiter {text:?} is not one ASCII character (or \"tab\")"
        ))),
    }
}

/// The names of a file's columns.
#[derive(Debug, Clone)]
pub struct Header {
    names: Vec<String>,
    delimiter: u8,
}

impl Header {
    /// The names in the order of the file.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The separator of the columns.
    #[must_use]
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The position of a column that an option names.
    ///
    /// # Errors
    ///
    /// Wrong usage, with the file's columns and the nearest one; or the name occurs twice.
    pub fn find(&self, option: &str, name: &str) -> Result<usize, CliError> {
        let name = name.trim();
        if let Some(position) = self.unique(name, |a, b| a == b, option)? {
            return Ok(position);
        }
        if let Some(position) = self.unique(name, str::eq_ignore_ascii_case, option)? {
            return Ok(position);
        }
        let columns = self.names.join(", ");
        let nearest = self.nearest(name);
        Err(CliError::Usage {
            message: format!("{option}: the file has no column {name:?}; it has {columns}"),
            hint: nearest.map_or_else(String::new, |nearest| format!("did you mean {nearest:?}?")),
        })
    }

    /// The position of the first of several names that the file has.
    #[must_use]
    pub fn first_of(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| {
            self.names
                .iter()
                .position(|column| column.eq_ignore_ascii_case(name))
        })
    }

    /// A column that must be there: the one named, else the first of the default names.
    ///
    /// # Errors
    ///
    /// Wrong usage, with the file's columns.
    pub fn required(
        &self,
        option: &str,
        named: Option<&str>,
        defaults: &[&str],
    ) -> Result<usize, CliError> {
        if let Some(name) = named {
            return self.find(option, name);
        }
        self.first_of(defaults).ok_or_else(|| CliError::Usage {
            message: format!(
                "the file has none of the columns {}; it has {}",
                defaults.join(", "),
                self.names.join(", ")
            ),
            hint: format!("set the column with {option}"),
        })
    }

    /// A column that may be there. An empty name leaves it out.
    ///
    /// # Errors
    ///
    /// Wrong usage when the named column is not there.
    pub fn optional(
        &self,
        option: &str,
        named: Option<&str>,
        defaults: &[&str],
    ) -> Result<Option<usize>, CliError> {
        match named {
            Some("") => Ok(None),
            Some(name) => self.find(option, name).map(Some),
            None => Ok(self.first_of(defaults)),
        }
    }

    fn unique(
        &self,
        name: &str,
        same: impl Fn(&str, &str) -> bool,
        option: &str,
    ) -> Result<Option<usize>, CliError> {
        let mut found = self
            .names
            .iter()
            .enumerate()
            .filter(|(_, column)| same(column, name));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(CliError::usage(format!(
                "{option}: the file has several columns {name:?}"
            ))),
            (first, _) => Ok(first.map(|(position, _)| position)),
        }
    }

    /// The column whose name is nearest, if any is near at all.
    fn nearest(&self, name: &str) -> Option<&str> {
        let wanted = name.to_ascii_lowercase();
        let near = |column: &&String| {
            let distance = edit_distance(&column.to_ascii_lowercase(), &wanted);
            // Up to a third of the letters may differ, or one name contains the other.
            let close = distance * 3 <= wanted.chars().count().max(3);
            let contained = !column.is_empty() && column.to_ascii_lowercase().contains(&wanted);
            (close || contained).then_some(distance)
        };
        self.names
            .iter()
            .filter_map(|column| near(&column).map(|distance| (distance, column)))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, column)| column.as_str())
    }
}

/// Levenshtein's distance: the least number of letters to insert, delete or replace.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// A row under examination: its cells and everything that is wrong with them.
#[derive(Debug)]
pub struct Row<'a> {
    header: &'a Header,
    record: &'a StringRecord,
    problems: Vec<String>,
    nothing: Option<&'static str>,
}

impl<'a> Row<'a> {
    /// A row of a file. One with more or fewer cells than the header is refused.
    #[must_use]
    pub fn new(header: &'a Header, record: &'a StringRecord) -> Self {
        let (columns, cells) = (header.names.len(), record.len());
        let problems = if columns == cells {
            Vec::new()
        } else {
            vec![format!("has {cells} cells, the header has {columns}")]
        };
        Self {
            header,
            record,
            problems,
            nothing: None,
        }
    }

    /// A cell without the blanks around it. Empty when the column is left out.
    #[must_use]
    pub fn text(&self, column: Option<usize>) -> &'a str {
        let cell = column.and_then(|column| self.record.get(column));
        cell.unwrap_or_default().trim()
    }

    /// Reads a cell. `None` when it is empty or wrong; what is wrong is noted.
    pub fn parse<T>(
        &mut self,
        column: Option<usize>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(column);
        if text.is_empty() {
            return None;
        }
        match parse(text) {
            Ok(value) => Some(value),
            Err(reason) => {
                let name = column.and_then(|column| self.header.names.get(column));
                let name = name.map_or("?", String::as_str);
                self.problems.push(format!("{name}: {reason}"));
                None
            }
        }
    }

    /// Reads a cell that must not be empty.
    pub fn parse_required<T>(
        &mut self,
        column: usize,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.text(Some(column)).is_empty() {
            let name = self.header.names.get(column).map_or("?", String::as_str);
            self.problems.push(format!("{name}: is empty"));
            return None;
        }
        self.parse(Some(column), parse)
    }

    /// Reads a text of at most so many bytes. Empty when absent or wrong.
    pub fn short_text(&mut self, column: Option<usize>, bytes: usize) -> String {
        self.parse(column, |text| {
            short_text(text, bytes).map(|text| text.unwrap_or_default().to_owned())
        })
        .unwrap_or_default()
    }

    /// Reads an id of at most 128 bytes that must be there.
    pub fn id(&mut self, column: usize) -> Option<String> {
        self.parse_required(column, |text| {
            short_text(text, 128).map(|text| text.unwrap_or_default().to_owned())
        })
    }

    /// Notes that something is wrong.
    pub fn refuse(&mut self, reason: impl Into<String>) {
        self.problems.push(reason.into());
    }

    /// Notes that the row, with which nothing is wrong, holds no fact, and why.
    pub fn leave_out(&mut self, reason: &'static str) {
        self.nothing = Some(reason);
    }

    /// Why a sound row holds no fact, if it holds none.
    #[must_use]
    pub fn left_out(&self) -> Option<&'static str> {
        self.nothing.filter(|_| self.is_sound())
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// Everything that is wrong, in one line.
    #[must_use]
    pub fn into_reason(self) -> String {
        self.problems.join("; ")
    }
}

/// A text of at most so many bytes without control characters. `None` when empty.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn short_text(text: &str, bytes: usize) -> Result<Option<&str>, String> {
    let text = text.trim();
    if text.len() > bytes {
        return Err(format!(
            "has {} bytes, at most {bytes} are allowed",
            text.len()
        ));
    }
    if text.chars().any(char::is_control) {
        return Err("has a control character (a line break, for example)".to_owned());
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Header {
        Header {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            delimiter: b',',
        }
    }

    #[test]
    fn an_unknown_column_is_refused_with_the_columns_and_the_nearest() {
        let header = header(&["sample_id", "date", "dollars"]);
        let error = header.find("--amount-column", "dolars").unwrap_err();
        assert_eq!(
            error.lines(),
            [
                "error: --amount-column: the file has no column \"dolars\"; it has sample_id, date, dollars",
                "hint: did you mean \"dollars\"?"
            ]
        );
        assert_eq!(error.exit_code(), 64);
        assert_eq!(header.find("-", "DATE").unwrap(), 1);
    }

    #[test]
    fn defaults_are_taken_in_their_order_and_an_empty_name_leaves_a_column_out() {
        let header = header(&["time", "date", "category"]);
        assert_eq!(header.required("-", None, &["date", "time"]).unwrap(), 1);
        assert!(header.required("-", None, &["amount"]).is_err());
        assert_eq!(header.optional("-", None, &["category"]).unwrap(), Some(2));
        assert_eq!(header.optional("-", Some(""), &["category"]).unwrap(), None);
    }

    #[test]
    fn a_column_that_occurs_twice_cannot_be_named() {
        assert!(header(&["a", "a"]).find("-", "a").is_err());
    }

    #[test]
    fn distances_are_levenshteins() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("same", "same"), 0);
    }

    #[test]
    fn everything_wrong_with_a_row_is_collected() {
        let header = header(&["a", "b"]);
        let record = StringRecord::from(vec!["", "x\u{7}"]);
        let mut row = Row::new(&header, &record);
        assert_eq!(row.id(0), None);
        assert_eq!(row.short_text(Some(1), 64), "");
        assert!(!row.is_sound());
        assert_eq!(
            row.into_reason(),
            "a: is empty; b: has a control character (a line break, for example)"
        );
        let short = StringRecord::from(vec!["only"]);
        assert_eq!(
            Row::new(&header, &short).into_reason(),
            "has 1 cells, the header has 2"
        );
    }
}
