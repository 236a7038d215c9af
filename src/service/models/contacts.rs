//! From stored profiles to counts of contacts.

use sqlx::PgConnection;

use crate::{
    domain::{basis::Basis, calendar::Day, contact_model::census::Census},
    service::error::ServiceError,
    store,
};

/// So many customers are enough: the standard error of a shape is then about 2 %, and reading more would take longer than the fit
/// of orders. A kind that is a hundredth of them still has five hundred.
const ENOUGH_CUSTOMERS: u64 = 50_000;

/// Counts the contacts until a day; of more than [`ENOUGH_CUSTOMERS`] `customers`, of a part of them chosen by their ids. Costs are
/// in the reporting currency of `basis`.
pub(super) async fn read(
    connection: &mut PgConnection,
    until: Day,
    customers: u64,
    basis: &Basis,
) -> Result<Census, ServiceError> {
    let one_in = customers.div_ceil(ENOUGH_CUSTOMERS).max(1);
    let one_in = i64::try_from(one_in).unwrap_or(i64::MAX);
    let mut census = Census::new(until);
    store::contact_input::sample(connection, one_in, |kind, history| {
        census.add(kind, &history, |minor, currency, day| {
            basis.reporting_major(minor, currency, day).ok()
        });
    })
    .await?;
    Ok(census)
}
