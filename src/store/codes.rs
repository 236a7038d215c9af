//! How enums and checked texts stand in columns.

use crate::{
    domain::{
        calendar::Day,
        clv::history::LogGaps,
        customer::{CustomerKind, IdentifierKind, facts::TransactionKind},
        money::Currency,
        text::CustomerId,
    },
    store::error::StoreError,
};

/// Storage code of a customer kind.
pub(super) fn customer_kind_code(kind: CustomerKind) -> i16 {
    match kind {
        CustomerKind::Person => 1,
        CustomerKind::Company => 2,
        CustomerKind::Employee => 3,
    }
}

/// The customer kind of a storage code.
pub(super) fn customer_kind(code: i16) -> Result<CustomerKind, StoreError> {
    let known = CustomerKind::ALL
        .into_iter()
        .find(|&kind| customer_kind_code(kind) == code);
    known.ok_or_else(|| StoreError::corrupt("customer kind", code))
}

/// Storage code of a transaction kind.
pub(super) fn transaction_kind_code(kind: TransactionKind) -> i16 {
    match kind {
        TransactionKind::Purchase => 1,
        TransactionKind::Refund => 2,
        TransactionKind::Reversal => 3,
        TransactionKind::RefundTotal => 4,
    }
}

/// The transaction kind of a storage code.
pub(super) fn transaction_kind(code: i16) -> Result<TransactionKind, StoreError> {
    match code {
        1 => Ok(TransactionKind::Purchase),
        2 => Ok(TransactionKind::Refund),
        3 => Ok(TransactionKind::Reversal),
        4 => Ok(TransactionKind::RefundTotal),
        _ => Err(StoreError::corrupt("transaction kind", code)),
    }
}

/// Storage code of an identifier kind.
pub(super) fn identifier_kind_code(kind: IdentifierKind) -> i16 {
    match kind {
        IdentifierKind::Phone => 1,
        IdentifierKind::Email => 2,
        IdentifierKind::External => 3,
    }
}

/// The identifier kind of a storage code.
pub(super) fn identifier_kind(code: i16) -> Result<IdentifierKind, StoreError> {
    match code {
        1 => Ok(IdentifierKind::Phone),
        2 => Ok(IdentifierKind::Email),
        3 => Ok(IdentifierKind::External),
        _ => Err(StoreError::corrupt("identifier kind", code)),
    }
}

/// A sum of logarithms of gaps in its column.
pub(super) fn billionths(sum: LogGaps) -> i64 {
    i64::try_from(sum.billionths()).unwrap_or(i64::MAX)
}

/// The sum of logarithms of gaps of a stored number.
pub(super) const fn log_gaps(billionths: i64) -> LogGaps {
    LogGaps::from_billionths(billionths.unsigned_abs())
}

/// The day of a stored number.
pub(super) fn day(number: i32) -> Result<Day, StoreError> {
    Day::from_number(number).map_err(|error| StoreError::corrupt("day", error))
}

/// The currency of a stored code.
pub(super) fn currency(code: &str) -> Result<Currency, StoreError> {
    code.parse()
        .map_err(|error| StoreError::corrupt("currency", error))
}

/// The customer id of a stored text.
pub(super) fn customer_id(text: &str) -> Result<CustomerId, StoreError> {
    CustomerId::new(text).map_err(|error| StoreError::corrupt("customer id", error))
}

/// Customer ids as a bound array.
pub(super) fn id_array(ids: &[CustomerId]) -> Vec<&str> {
    ids.iter().map(CustomerId::as_str).collect()
}
