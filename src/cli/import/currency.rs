//! Currencies of a file: of all its rows, or of each.

use super::amount::currency_in;
use super::columns::Header;
use super::row::Row;
use crate::cli::error::CliError;
use crate::cli::text::currency_exponent;

/// An ISO 4217 code in capitals.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn parse_currency(text: &str) -> Result<String, String> {
    let code = text.trim().to_ascii_uppercase();
    match currency_exponent(&code) {
        Some(_) => Ok(code),
        None => Err(format!(
            "{text:?} is not a currency: write an ISO 4217 code, for example EUR"
        )),
    }
}

/// Where the currency of a row comes from.
#[derive(Debug)]
pub struct RowCurrency {
    fixed: Option<String>,
    column: Option<usize>,
    /// The cell of the amount, if each states its currency.
    cells: Option<usize>,
}

impl RowCurrency {
    /// The currency of all rows, a column, or both. A column that nobody named counts only where no currency is given.
    ///
    /// # Errors
    ///
    /// Wrong usage when the named column is not there.
    pub fn new(
        fixed: Option<&str>,
        column: Option<&str>,
        header: &Header,
    ) -> Result<Self, CliError> {
        let defaults: &[&str] = if fixed.is_some() { &[] } else { &["currency"] };
        Ok(Self {
            fixed: fixed.map(str::to_owned),
            column: header.optional("--currency-column", column, defaults)?,
            cells: None,
        })
    }

    /// The same; where a row has no currency, that of the sign or code in the cell of its amount.
    #[must_use]
    pub fn or_in_cells(self, amount: Option<usize>) -> Self {
        Self {
            cells: amount,
            ..self
        }
    }

    /// The same, if there is a currency at all.
    ///
    /// # Errors
    ///
    /// Wrong usage when there is none.
    pub fn required(self) -> Result<Self, CliError> {
        if self.fixed.is_none() && self.column.is_none() && self.cells.is_none() {
            return Err(CliError::Usage {
                message: "the currency of the amounts is missing".to_owned(),
                hint: "set --currency, for example --currency EUR, or --currency-column".to_owned(),
            });
        }
        Ok(self)
    }

    /// The column of the currency, if it has one.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.column
    }

    /// The currency of a row, if it has one; a wrong one is noted.
    pub fn optional(&self, row: &mut Row<'_>) -> Option<String> {
        if row.text(self.column).is_empty() {
            return self.fixed.clone();
        }
        row.parse(self.column, parse_currency)
    }

    /// The currency of a row. `None` when there is none; then that is noted.
    pub fn in_row(&self, row: &mut Row<'_>) -> Option<String> {
        if row.text(self.column).is_empty() {
            if self.fixed.is_none() && self.cells.is_some() {
                return row.parse(self.cells, currency_in);
            }
            if self.fixed.is_none() {
                row.refuse("the currency is empty");
            }
            return self.fixed.clone();
        }
        row.parse(self.column, parse_currency)
    }
}
