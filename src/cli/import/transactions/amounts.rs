//! Where the amount of a transaction stands: in a cell, or in a quantity and a price; in one row, or in the lines of an order.

use super::TransactionsArgs;
use crate::cli::error::CliError;
use crate::cli::import::amount::{Amount, parse_number, to_minor};
use crate::cli::import::columns::Header;
use crate::cli::import::number::{Number, Numbers};
use crate::cli::import::row::Row;

/// The columns of an amount.
#[derive(Debug)]
pub(super) enum AmountColumns {
    /// The amount itself.
    Amount(usize),
    /// Its factors.
    Product { quantity: usize, price: usize },
}

impl AmountColumns {
    /// Finds the columns.
    ///
    /// # Errors
    ///
    /// Wrong usage when one is not there.
    pub(super) fn new(args: &TransactionsArgs, header: &Header) -> Result<Self, CliError> {
        if let (Some(quantity), Some(price)) = (&args.quantity_column, &args.price_column) {
            return Ok(Self::Product {
                quantity: header.find("--quantity-column", quantity)?,
                price: header.find("--price-column", price)?,
            });
        }
        let named = args.amount_column.as_deref();
        let amount = header.required("--amount-column", named, &["amount", "total"])?;
        Ok(Self::Amount(amount))
    }

    /// The column that may state a currency.
    pub(super) fn cell(&self) -> usize {
        match self {
            Self::Amount(column) => *column,
            Self::Product { price, .. } => *price,
        }
    }

    /// The amount of a row: the sum of its lines. A line without an amount adds nothing, where another has one.
    pub(super) fn read(
        &self,
        row: &mut Row<'_>,
        currency: &str,
        numbers: Numbers,
    ) -> Option<Amount> {
        match *self {
            Self::Amount(column) => {
                row.parse_required(column, |_| Ok(()))?;
                let mut sum: Option<Amount> = None;
                for text in row.texts(Some(column)).filter(|text| !text.is_empty()) {
                    let amount = row.parse(Some(column), |_| {
                        to_minor(
                            parse_number(text, currency, numbers)?,
                            text,
                            currency,
                            numbers,
                        )
                    })?;
                    sum = Some(match sum {
                        None => amount,
                        Some(before) => add(before, amount),
                    });
                }
                sum
            }
            Self::Product { quantity, price } => {
                let lines = row.texts(Some(quantity)).zip(row.texts(Some(price)));
                let mut sum: Option<Number> = None;
                let mut shown = String::new();
                for (count, each) in lines {
                    let line = self.line(row, (count, each), currency, numbers)?;
                    sum = match sum {
                        None => Some(line),
                        Some(before) => before.plus(line),
                    };
                    shown = format!("{count} x {each}");
                    if sum.is_none() {
                        row.refuse(format!("{shown}: the sum has too many digits"));
                        return None;
                    }
                }
                let round = Numbers {
                    // A price of one piece may have more decimals than its currency; what is paid has not.
                    round: true,
                    ..numbers
                };
                row.parse(Some(price), |_| {
                    to_minor(sum.ok_or("is empty")?, &shown, currency, round)
                })
            }
        }
    }

    /// Quantity times price of a line.
    fn line(
        &self,
        row: &mut Row<'_>,
        (count, each): (&str, &str),
        currency: &str,
        numbers: Numbers,
    ) -> Option<Number> {
        let Self::Product { quantity, price } = *self else {
            return None;
        };
        for (column, text) in [(quantity, count), (price, each)] {
            if text.is_empty() {
                row.refuse(format!("{}: is empty", row.name(column)));
            }
        }
        if count.is_empty() || each.is_empty() {
            return None;
        }
        let count = row.parse(Some(quantity), |_| Number::parse(count, numbers));
        let each = row.parse(Some(price), |_| parse_number(each, currency, numbers));
        let product = count?.times(each?);
        if product.is_none() {
            row.refuse("quantity times price has too many digits");
        }
        product
    }
}

/// The sum of two amounts. A sum of 0 has a sign if one of them has: an order whose lines cancel out is not a free one.
fn add(one: Amount, other: Amount) -> Amount {
    let sum = one.signed().saturating_add(other.signed());
    Amount {
        minor: sum.saturating_abs(),
        negative: sum < 0 || (sum == 0 && (one.negative || other.negative)),
    }
}
