//! Rows of orders that are no sale, or none any more: reversals of what an earlier import may have recorded.

use super::TransactionMapping;
use crate::cli::import::row::Row;
use crate::pb;
use crate::pb::transaction::Kind;

impl TransactionMapping {
    /// The reversal of the row's order, which is recorded only if the order is. A row that does not state enough for one never was a sale that
    /// this import could have read: it is skipped.
    pub(super) fn read_reversal(
        &mut self,
        row: &mut Row<'_>,
        reason: String,
    ) -> Option<Vec<pb::Transaction>> {
        let named = self.customer.read(row);
        let dates = &self.formats.dates;
        let when = row.parse_required(self.time, |text| dates.when(text));
        let currency = self.currency.in_row(row);
        let order = self.id.and_then(|column| row.id(column));
        let (Some(named), Some(when), Some(currency), Some(order)) = (named, when, currency, order)
        else {
            row.forgive();
            row.leave_out(reason);
            return None;
        };
        row.condition(reason);
        let numbers = self.formats.numbers;
        let amount = self.amounts.read(row, &currency, numbers);
        // It is not looked at: an order that is no sale may have none.
        row.forgive();
        Some(vec![pb::Transaction {
            customer_id: named.customer_id,
            customer: named.customer,
            source: self.source.clone(),
            kind: Kind::ReversalIfRecorded.into(),
            when: Some(super::when_of(&when)),
            amount: Some(pb::Money {
                amount_minor: amount.map_or(0, |amount| amount.minor),
                currency,
            }),
            transaction_id: format!("{order}#reversed"),
            original_transaction_id: order,
            customer_kind: self.customer_kind,
            ..pb::Transaction::default()
        }])
    }
}
