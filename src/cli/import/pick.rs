//! Which rows count, and which values of a file mean others: `--only`, `--skip`, `--map`.

use std::collections::HashMap;

use super::args::InputArgs;
use super::columns::Header;
use super::row::Row;
use crate::cli::error::CliError;

/// `LEFT=RIGHT` on the command line.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Before the equals sign.
    pub left: String,
    /// Behind it.
    pub right: String,
}

/// Reads `COLUMN=VALUE|VALUE`. An empty value is an empty cell.
///
/// # Errors
///
/// A sentence that states the form.
pub fn parse_choice(text: &str) -> Result<Pair, String> {
    match text.split_once('=') {
        Some((left, right)) if !left.trim().is_empty() => Ok(Pair {
            left: left.trim().to_owned(),
            right: right.to_owned(),
        }),
        _ => Err("write COLUMN=VALUE, or COLUMN=VALUE|VALUE for several".to_owned()),
    }
}

/// Reads `COLUMN=VALUE=OTHER`.
///
/// # Errors
///
/// A sentence that states the form.
pub fn parse_replacement(text: &str) -> Result<(String, Pair), String> {
    let parts = text
        .split_once('=')
        .and_then(|(column, rest)| Some((column.trim(), rest.rsplit_once('=')?)));
    match parts {
        Some((column, (from, to))) if !column.is_empty() => Ok((
            column.to_owned(),
            Pair {
                left: from.trim().to_owned(),
                right: to.trim().to_owned(),
            },
        )),
        _ => Err("write COLUMN=VALUE=OTHER".to_owned()),
    }
}

/// Values of a column, compared without regard to case.
#[derive(Debug, Clone)]
pub struct Choice {
    column: usize,
    values: Vec<String>,
}

impl Choice {
    /// The column.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// The column with its value in a row, as a reason.
    #[must_use]
    pub fn shown(&self, row: &Row<'_>) -> String {
        let value = match row.text(Some(self.column)) {
            "" => "empty",
            value => value,
        };
        format!("{} {value}", row.name(self.column))
    }

    /// Finds the column of an option's choice.
    ///
    /// # Errors
    ///
    /// Wrong usage when the column is not there.
    pub fn find(option: &str, choice: &Pair, header: &Header) -> Result<Self, CliError> {
        Ok(Self {
            column: header.find(option, &choice.left)?,
            values: choice
                .right
                .split('|')
                .map(|value| value.trim().to_lowercase())
                .collect(),
        })
    }

    /// Whether the cell of a row is one of the values.
    #[must_use]
    pub fn holds(&self, row: &Row<'_>) -> bool {
        let cell = row.text(Some(self.column));
        self.values
            .iter()
            .any(|value| value.eq_ignore_ascii_case(cell) || *value == cell.to_lowercase())
    }
}

/// Which rows of a file count.
#[derive(Debug, Default)]
pub struct Picked {
    only: Vec<Choice>,
    skip: Vec<Choice>,
}

impl Picked {
    /// Finds the columns of the options, and tells the header which values mean others.
    ///
    /// # Errors
    ///
    /// Wrong usage when a column is not there.
    pub fn new(args: &InputArgs, header: &mut Header) -> Result<Self, CliError> {
        let mut values: HashMap<usize, HashMap<String, String>> = HashMap::new();
        for (column, pair) in &args.map {
            let column = header.find("--map", column)?;
            let of_column = values.entry(column).or_default();
            of_column.insert(pair.left.to_lowercase(), pair.right.clone());
        }
        header.set_values(values);
        for column in &args.ignore {
            header.find("--ignore", column)?;
        }
        let choices = |option: &str, pairs: &[Pair]| -> Result<Vec<Choice>, CliError> {
            pairs
                .iter()
                .map(|pair| Choice::find(option, pair, header))
                .collect()
        };
        Ok(Self {
            only: choices("--only", &args.only)?,
            skip: choices("--skip", &args.skip)?,
        })
    }

    /// Why a row does not count; `None` if it does. Choices by the column `but` are left to who asks.
    #[must_use]
    pub fn skips(&self, row: &Row<'_>, but: Option<usize>) -> Option<String> {
        let counts = |choice: &&Choice| Some(choice.column) != but;
        let mut only = self.only.iter().filter(counts);
        let mut skip = self.skip.iter().filter(counts);
        let outside = only.find(|choice| !choice.holds(row));
        let choice = outside.or_else(|| skip.find(|choice| choice.holds(row)))?;
        Some(choice.shown(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_and_replacements_are_split_at_the_right_signs() {
        let choice = parse_choice("Financial Status=paid|refunded").unwrap();
        assert_eq!(
            (&*choice.left, &*choice.right),
            ("Financial Status", "paid|refunded")
        );
        assert!(parse_choice("=x").is_err());
        assert!(parse_choice("status").is_err());
        let (column, pair) = parse_replacement("Via=a=b (c)=phone").unwrap();
        assert_eq!(
            (&*column, &*pair.left, &*pair.right),
            ("Via", "a=b (c)", "phone")
        );
        assert!(parse_replacement("Via=phone").is_err());
    }
}
