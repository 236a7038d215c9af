//! The transaction that a refund or reversal takes back, as messages name it.

use super::label;
use crate::{
    api::{texts, violations::Checker},
    domain::{
        customer::facts::{MAX_LABEL_BYTES, MAX_SOURCE_ID_BYTES, Transaction, TransactionKind},
        text::{CustomerId, Label},
    },
    pb,
};

/// The transaction that a refund or reversal takes back.
pub(super) struct Original {
    id: Option<Label>,
    source: Option<Label>,
    customer: Option<CustomerId>,
}

/// Reads what a transaction names as its original.
pub(super) fn original(
    message: &pb::Transaction,
    kind: Option<TransactionKind>,
    check: &mut Checker<'_>,
) -> Original {
    let fields = [
        ("original_transaction_id", &message.original_transaction_id),
        ("original_source", &message.original_source),
        ("original_customer_id", &message.original_customer_id),
    ];
    let [
        (id_name, id),
        (source_name, source),
        (customer_name, customer),
    ] = fields;
    let original = Original {
        id: label(id, MAX_SOURCE_ID_BYTES, &mut check.field(id_name)),
        source: label(source, MAX_LABEL_BYTES, &mut check.field(source_name)),
        customer: if customer.is_empty() {
            None
        } else {
            let customer = texts::customer_id(customer);
            check.field(customer_name).ok("INVALID_ID", customer)
        },
    };
    if kind == Some(TransactionKind::Purchase) {
        for (name, _) in fields.iter().filter(|(_, text)| !text.is_empty()) {
            check.field(name).refuse(
                "NOT_A_REFUND",
                "is only for refunds and reversals: clear it, or set kind",
            );
        }
    } else if id.is_empty() && !(source.is_empty() && customer.is_empty()) {
        check.field(id_name).refuse(
            "REQUIRED",
            "is required with original_source and original_customer_id: set the id of the original transaction",
        );
    }
    let same = |stated: &str, own: &str| {
        stated.is_empty() || texts::composed(stated) == texts::composed(own)
    };
    if !id.is_empty()
        && same(id, &message.transaction_id)
        && same(source, &message.source)
        && same(customer, &message.customer_id)
    {
        check.field(id_name).refuse(
            "OWN_ID",
            "is the transaction's own id: set the id of the original transaction",
        );
    }
    original
}

impl Original {
    /// Names it in a fact that belongs to the customer stated. Returns whether it is another customer's, to whom the fact then belongs.
    pub(super) fn apply(self, fact: &mut Transaction) -> bool {
        fact.original_id = self.id;
        fact.original_source = self.source.filter(|source| *source != fact.key.source);
        let stated = fact.key.customer_id.clone();
        let Some(customer) = self.customer.filter(|customer| *customer != stated) else {
            return false;
        };
        fact.key.customer_id = customer;
        fact.stated_customer = Some(stated);
        true
    }
}
