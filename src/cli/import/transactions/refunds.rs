//! Refunds that stand in the row of their order: how much was paid back so far, or that all of it was.

use super::TransactionsArgs;
use crate::cli::error::CliError;
use crate::cli::import::amount::parse_amount;
use crate::cli::import::columns::Header;
use crate::cli::import::number::Numbers;
use crate::cli::import::pick::{Choice, Pair};
use crate::cli::import::row::Row;
use crate::cli::text::major_text;
use crate::pb;
use crate::pb::transaction::Kind;

/// Longest id of a transaction.
const ID_BYTES: usize = 128;

/// Where the refunds of an order stand.
#[derive(Debug)]
pub(super) struct RefundColumns {
    refunded: Option<usize>,
    refunded_if: Vec<Choice>,
    reversed_if: Vec<Choice>,
}

impl RefundColumns {
    /// Finds the columns.
    ///
    /// # Errors
    ///
    /// Wrong usage when one is not there.
    pub(super) fn new(args: &TransactionsArgs, header: &Header) -> Result<Self, CliError> {
        let choices = |option: &str, pairs: &[Pair]| -> Result<Vec<Choice>, CliError> {
            let choices = pairs.iter();
            choices
                .map(|choice| Choice::find(option, choice, header))
                .collect()
        };
        Ok(Self {
            refunded: header.optional("--refunded-column", args.refunded_column.as_deref(), &[])?,
            refunded_if: choices("--refunded-if", &args.refunded_if)?,
            reversed_if: choices("--reversed-if", &args.reversed_if)?,
        })
    }

    /// Whether rows can have refunds, or be reversals.
    pub(super) fn are_read(&self) -> bool {
        let has_choices = !self.refunded_if.is_empty() || !self.reversed_if.is_empty();
        self.refunded.is_some() || has_choices
    }

    /// By what a row is no sale, if it is none.
    pub(super) fn reversed(&self, row: &Row<'_>) -> Option<&Choice> {
        self.reversed_if.iter().find(|choice| choice.holds(row))
    }

    /// What was paid back of an order, as a total: the server records what is missing of it, so that a later export adds only what grew. Its id
    /// derives from the order's and from the total, so that another total is another fact.
    pub(super) fn read(
        &self,
        row: &mut Row<'_>,
        order: &pb::Transaction,
        numbers: Numbers,
    ) -> Option<pb::Transaction> {
        let paid = order.amount.clone()?;
        let stated = row.parse(self.refunded, |text| {
            parse_amount(text, &paid.currency, numbers).map(|amount| amount.minor)
        });
        let is_whole = self.refunded_if.iter().any(|choice| choice.holds(row));
        let refunded = match stated {
            Some(refunded @ 1..) => refunded,
            _ if is_whole => paid.amount_minor,
            _ => return None,
        };
        // A free order has nothing to pay back.
        if refunded == 0 {
            return None;
        }
        if order.kind() != Kind::Purchase {
            row.refuse("a refund cannot itself be refunded: its amount is negative");
            return None;
        }
        let id = format!(
            "{}#refunded-{}",
            order.transaction_id,
            major_text(refunded, &paid.currency)
        );
        if id.len() > ID_BYTES {
            row.refuse(format!(
                "the id of the refund, {id:?}, has more than {ID_BYTES} bytes"
            ));
            return None;
        }
        Some(pb::Transaction {
            kind: Kind::RefundTotal.into(),
            transaction_id: id,
            original_transaction_id: order.transaction_id.clone(),
            amount: Some(pb::Money {
                amount_minor: refunded,
                currency: paid.currency,
            }),
            cost_minor: None,
            category: String::new(),
            channel: String::new(),
            ..order.clone()
        })
    }
}
