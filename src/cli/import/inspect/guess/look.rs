//! A look at the columns of a file: their names, and what stands in their first cells.

use std::collections::HashSet;

use csv::StringRecord;

use crate::cli::import::columns::{Header, words};
use crate::cli::import::when::parse_when;

/// Default names of a day or time, of an amount and of a customer.
pub(super) const DAYS: [&str; 4] = ["date", "time", "occurred_at", "timestamp"];
pub(super) const AMOUNTS: [&str; 2] = ["amount", "total"];
pub(super) const CUSTOMERS: [&str; 3] = ["customer_id", "customer", "cust"];

/// Words in the names of columns of days, of amounts and of customers.
const DAY_WORDS: [&str; 9] = [
    "date", "datum", "day", "tag", "time", "created", "ordered", "paid", "zeit",
];
const AMOUNT_WORDS: [&str; 15] = [
    "amount", "total", "betrag", "summe", "umsatz", "revenue", "sales", "value", "price", "preis",
    "dollars", "usd", "euro", "eur", "gross",
];
const CUSTOMER_WORDS: [&str; 11] = [
    "customer",
    "customerid",
    "cust",
    "kunde",
    "kundennr",
    "kundennummer",
    "client",
    "user",
    "account",
    "member",
    "buyer",
];

/// The header and the first rows.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) header: &'a Header,
    rows: &'a [StringRecord],
}

/// Where the amount probably stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AmountColumn {
    pub(super) column: usize,
    /// Whether it has a name that nothing else has.
    pub(super) is_usual: bool,
}

impl<'a> Look<'a> {
    pub(super) fn new(header: &'a Header, rows: &'a [StringRecord]) -> Self {
        Self { header, rows }
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = usize> + use<> {
        0..self.header.names().len()
    }

    pub(super) fn name(&self, column: usize) -> &'a str {
        self.header.names().get(column).map_or("", String::as_str)
    }

    /// The cells of a column that are not empty.
    pub(super) fn cells(&self, column: usize) -> Vec<&'a str> {
        let cells = self.rows.iter().map(|row| self.header.cell(row, column));
        cells.filter(|cell| !cell.is_empty()).collect()
    }

    /// Whether every cell of a column that is not empty is of a kind, and there is one.
    pub(super) fn are_all(&self, column: usize, is: impl Fn(&str) -> bool) -> bool {
        let cells = self.cells(column);
        !cells.is_empty() && cells.iter().all(|cell| is(cell))
    }

    /// Whether a value comes twice in a column.
    pub(super) fn repeats(&self, column: usize) -> bool {
        let mut seen = HashSet::new();
        self.cells(column).iter().any(|cell| !seen.insert(*cell))
    }

    /// The columns with one of these words in their names.
    pub(super) fn with_word(&self, wanted: &[&str]) -> Vec<usize> {
        let has = |column: &usize| {
            let words = words(self.name(*column));
            words.iter().any(|word| wanted.contains(&word.as_str()))
        };
        self.columns().filter(has).collect()
    }

    pub(super) fn first_with_word(&self, wanted: &[&str]) -> Option<usize> {
        self.with_word(wanted).first().copied()
    }

    /// Whether the cells of a column are days or times, in whatever order they have day and month.
    pub(super) fn has_days(&self, column: usize) -> bool {
        self.are_all(column, is_day)
    }

    /// The column of the day or time.
    pub(super) fn day(&self) -> Option<usize> {
        let named = self.with_word(&DAY_WORDS).into_iter();
        let mut likely = named.chain(self.columns());
        let usual = self.header.first_of(&DAYS);
        usual.or_else(|| likely.find(|column| self.has_days(*column)))
    }

    /// Whether there is a column of channels: words, where a table of features has numbers.
    pub(super) fn has_channels(&self) -> bool {
        let column = self.header.first_of(&["channel"]);
        column.is_some_and(|column| !self.are_all(column, is_number))
    }

    /// The column of the amount.
    pub(super) fn amount(&self) -> Option<AmountColumn> {
        if let Some(column) = self.header.first_of(&AMOUNTS) {
            return Some(AmountColumn {
                column,
                is_usual: true,
            });
        }
        // The words stand in the order in which they mean the whole amount.
        let mut words = AMOUNT_WORDS.iter();
        let column = words.find_map(|word| {
            let named = self.with_word(&[word]).into_iter();
            let mut fitting = named.filter(|column| self.are_all(*column, is_number));
            fitting.next()
        })?;
        Some(AmountColumn {
            column,
            is_usual: false,
        })
    }

    /// The columns that probably name the customer, the likeliest first.
    pub(super) fn customers(&self) -> Vec<usize> {
        if let Some(usual) = self.header.first_of(&CUSTOMERS) {
            return vec![usual];
        }
        let is_id = |column: &usize| {
            let words = words(self.name(*column));
            words
                .last()
                .is_some_and(|last| ["id", "nr", "no", "number"].contains(&last.as_str()))
        };
        let named = self.with_word(&CUSTOMER_WORDS).into_iter();
        // "user_name" is no id where there is a "user_id".
        let (ids, others): (Vec<usize>, Vec<usize>) = named.partition(is_id);
        let mails = self
            .columns()
            .filter(|column| self.are_all(*column, is_email));
        let further = self.columns().filter(is_id);
        let mut found: Vec<usize> = Vec::new();
        for column in ids.into_iter().chain(others).chain(mails).chain(further) {
            if !found.contains(&column) && !self.cells(column).is_empty() {
                found.push(column);
            }
        }
        found
    }
}

/// Whether a text is a day with separators, or a day and a time. A number of eight digits is more often an id.
fn is_day(text: &str) -> bool {
    let has_separator = text.contains(['-', '/', '.', ' ']);
    let is_number = text.parse::<f64>().is_ok();
    has_separator && !is_number && (parse_when(text).is_ok() || slashed(text).is_some())
}

/// The first two numbers of `1/2/2026`, and the time behind it.
pub(super) fn slashed(cell: &str) -> Option<(u32, u32, &str)> {
    let (day, time) = cell.split_once(' ').unwrap_or((cell, ""));
    let mut parts = day.split('/').map(str::parse::<u32>);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(first)), Some(Ok(second)), Some(Ok(_))) => Some((first, second, time)),
        _ => None,
    }
}

/// Whether a text has a digit and otherwise only what stands in amounts.
pub(super) fn is_number(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || " .,-+()'Ee€$£".contains(c);
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let inner = ["EUR", "USD", "GBP", "CHF"]
        .iter()
        .fold(text.to_owned(), |text, code| text.replace(code, ""));
    digits > 0 && inner.chars().all(is_part) && slashed(text).is_none()
}

pub(super) fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(local, host)| !local.is_empty() && host.contains('.'))
}
