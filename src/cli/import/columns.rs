//! The columns of a file: finding them by name, and which of them nothing uses.

use std::cell::RefCell;
use std::collections::HashMap;

use csv::StringRecord;

use crate::cli::error::CliError;

/// Words in the name of a column that decide whether a row is a sale, or how much of one.
const DECIDING: [&str; 11] = [
    "status",
    "state",
    "stage",
    "quantity",
    "qty",
    "menge",
    "refund",
    "refunded",
    "cancelled",
    "canceled",
    "voided",
];

/// The names of a file's columns.
#[derive(Debug, Clone, Default)]
pub struct Header {
    names: Vec<String>,
    delimiter: u8,
    /// Values of a column that mean others, in lower case.
    values: HashMap<usize, HashMap<String, String>>,
    /// Which columns an option or a default name found.
    used: RefCell<Vec<bool>>,
}

impl Header {
    /// The header of a file, called `shown` in messages.
    ///
    /// # Errors
    ///
    /// Wrong usage: no name at all, or a name that several columns have.
    pub fn new(names: Vec<String>, delimiter: u8, shown: &str) -> Result<Self, CliError> {
        if names.iter().all(String::is_empty) {
            return Err(CliError::usage(format!("{shown} has no header")));
        }
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (position, name) in names
            .iter()
            .enumerate()
            .filter(|(_, name)| !name.is_empty())
        {
            if let Some(before) = first.insert(name, position) {
                return Err(CliError::Usage {
                    message: format!(
                        "{shown} has two columns {name:?}: the {}. and the {}.",
                        before + 1,
                        position + 1
                    ),
                    hint: "rename or remove one of them".to_owned(),
                });
            }
        }
        Ok(Self {
            used: RefCell::new(vec![false; names.len()]),
            values: HashMap::new(),
            names,
            delimiter,
        })
    }

    /// Sets which values of a column mean others.
    pub fn set_values(&mut self, values: HashMap<usize, HashMap<String, String>>) {
        self.values = values;
    }

    /// The cell of a line without the blanks around it, or what its value means.
    #[must_use]
    pub fn cell<'a>(&'a self, line: &'a StringRecord, column: usize) -> &'a str {
        let cell = line.get(column).unwrap_or_default().trim();
        if self.values.is_empty() {
            return cell;
        }
        let other = self.values.get(&column);
        let other = other.and_then(|values| values.get(&cell.to_lowercase()));
        other.map_or(cell, String::as_str)
    }

    /// The columns that nothing uses.
    #[must_use]
    pub fn unused(&self) -> Vec<&str> {
        let used = self.used.borrow();
        let names = self.names.iter().zip(used.iter());
        names
            .filter(|(name, used)| !**used && !name.is_empty())
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// Columns that nothing uses although their names look like what decides whether a row is a sale.
    #[must_use]
    pub fn suspicious(&self) -> Vec<&str> {
        let mut unused = self.unused();
        unused.retain(|name| {
            words(name)
                .iter()
                .any(|word| DECIDING.contains(&word.as_str()))
        });
        unused
    }

    /// Notes that a column is used.
    pub fn mark(&self, column: usize) {
        if let Some(used) = self.used.borrow_mut().get_mut(column) {
            *used = true;
        }
    }

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
        let exact = self.unique(name, |a, b| a == b, option)?;
        let position = match exact {
            Some(position) => Some(position),
            None => self.unique(name, str::eq_ignore_ascii_case, option)?,
        };
        if let Some(position) = position {
            self.mark(position);
            return Ok(position);
        }
        let columns = self.names.join(", ");
        let nearest = self.nearest(name);
        Err(CliError::Usage {
            message: format!("{option}: the file has no column {name:?}; it has {columns}"),
            hint: nearest.map_or_else(String::new, |nearest| format!("did you mean {nearest:?}?")),
        })
    }

    /// The position of the only one of several names that the file has, for a meaning that `option` sets.
    ///
    /// # Errors
    ///
    /// Wrong usage when the file has several of them: which one is meant is not known.
    pub fn one_of(&self, option: &str, names: &[&str]) -> Result<Option<usize>, CliError> {
        let is_one = |column: &str| names.iter().any(|name| column.eq_ignore_ascii_case(name));
        let mut found = self
            .names
            .iter()
            .enumerate()
            .filter(|(_, column)| is_one(column));
        match (found.next(), found.next()) {
            (Some((_, one)), Some((_, other))) => Err(CliError::Usage {
                message: format!("two columns could be meant: {one:?} and {other:?}"),
                hint: format!("choose one with {option}"),
            }),
            (Some((position, _)), None) => {
                self.mark(position);
                Ok(Some(position))
            }
            (None, _) => Ok(None),
        }
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

    /// A column that must be there: the one named, else the one with a default name.
    ///
    /// # Errors
    ///
    /// Wrong usage, with the file's columns; or several have default names.
    pub fn required(
        &self,
        option: &str,
        named: Option<&str>,
        defaults: &[&str],
    ) -> Result<usize, CliError> {
        if let Some(name) = named {
            return self.find(option, name);
        }
        self.one_of(option, defaults)?
            .ok_or_else(|| CliError::Usage {
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
    /// Wrong usage when the named column is not there, or several have default names.
    pub fn optional(
        &self,
        option: &str,
        named: Option<&str>,
        defaults: &[&str],
    ) -> Result<Option<usize>, CliError> {
        match named {
            Some("") => Ok(None),
            Some(name) => self.find(option, name).map(Some),
            None => self.one_of(option, defaults),
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

/// The words in the name of a column, in lower case: `StageName`, `financial_status` and `Lineitem quantity` have two.
#[must_use]
pub fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_is_lower = false;
    for letter in name.chars() {
        let begins = letter.is_uppercase() && before_is_lower;
        if begins || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        before_is_lower = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Header {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Header::new(names, b',', "f.csv").unwrap()
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
    fn two_columns_of_one_meaning_are_refused_and_an_empty_name_ignores_a_column() {
        let header = header(&["time", "date", "category"]);
        let error = header
            .required("--time-column", None, &["date", "time"])
            .unwrap_err();
        assert_eq!(
            error.lines(),
            [
                "error: two columns could be meant: \"time\" and \"date\"",
                "hint: choose one with --time-column"
            ]
        );
        assert_eq!(
            header
                .required("-", Some("date"), &["date", "time"])
                .unwrap(),
            1
        );
        assert!(header.required("-", None, &["amount"]).is_err());
        assert_eq!(header.optional("-", None, &["category"]).unwrap(), Some(2));
        assert_eq!(header.optional("-", Some(""), &["category"]).unwrap(), None);
    }

    #[test]
    fn a_name_that_two_columns_have_is_refused() {
        let names = vec!["a".to_owned(), String::new(), "a".to_owned(), String::new()];
        let error = Header::new(names, b',', "f.csv").unwrap_err();
        assert!(error.to_string().contains("the 1. and the 3."), "{error}");
        assert!(header(&["a", "A"]).find("-", "a").is_ok());
    }

    #[test]
    fn an_unused_column_that_decides_about_sales_is_suspicious() {
        let header = header(&[
            "StageName",
            "Financial Status",
            "Lineitem quantity",
            "estate",
            "note",
        ]);
        assert_eq!(
            header.suspicious(),
            ["StageName", "Financial Status", "Lineitem quantity"]
        );
        header.find("--only", "financial status").unwrap();
        header.find("--ignore", "StageName").unwrap();
        assert_eq!(header.suspicious(), ["Lineitem quantity"]);
        assert_eq!(header.unused(), ["Lineitem quantity", "estate", "note"]);
    }

    #[test]
    fn distances_are_levenshteins() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("same", "same"), 0);
    }
}
