//! What kind of transaction a row is.

use super::TransactionMapping;
use crate::cli::import::amount::Amount;
use crate::cli::import::row::Row;
use crate::pb::transaction::Kind;

impl TransactionMapping {
    /// The kind of transaction that the sign of an amount and the kind column of the row make it.
    pub(super) fn kind(&self, row: &mut Row<'_>, amount: Amount) -> Option<Kind> {
        let stated = row.parse(self.kind, parse_kind);
        match (stated, amount.negative) {
            (Some(Kind::Purchase), true) => {
                row.refuse("a purchase cannot have a negative amount: is it a refund?");
                None
            }
            (Some(kind), _) => Some(kind),
            (None, true) => Some(Kind::Refund),
            (None, false) => Some(Kind::Purchase),
        }
    }
}

fn parse_kind(text: &str) -> Result<Kind, String> {
    match text.to_ascii_lowercase().as_str() {
        "purchase" | "sale" | "order" => Ok(Kind::Purchase),
        "refund" | "return" => Ok(Kind::Refund),
        "reversal" | "cancellation" => Ok(Kind::Reversal),
        _ => Err(format!(
            "{text:?} is not a kind of transaction: write purchase, refund or reversal"
        )),
    }
}
