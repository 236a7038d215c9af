//! The currencies that transactions were ever booked in.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::money::Currency,
    store::{codes, error::StoreError, instant::Instant},
};

/// Adds currencies to the list and returns those that were not on it.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    currencies: &[Currency],
    recorded_at: Timestamp,
) -> Result<Vec<Currency>, StoreError> {
    if currencies.is_empty() {
        return Ok(vec![]);
    }
    let rows: Vec<(String,)> = sqlx::query_as(
        "INSERT INTO currencies (currency, first_recorded)
         SELECT code, $2
         FROM unnest($1::text[]) AS code
         ON CONFLICT (currency) DO NOTHING
         RETURNING currency",
    )
    .bind(
        currencies
            .iter()
            .map(|currency| currency.code())
            .collect::<Vec<_>>(),
    )
    .bind(Instant(recorded_at))
    .fetch_all(tx)
    .await?;
    rows.iter().map(|(code,)| codes::currency(code)).collect()
}

/// All currencies in use, by code.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Currency>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT currency FROM currencies ORDER BY currency")
        .fetch_all(connection)
        .await?;
    rows.iter().map(|(code,)| codes::currency(code)).collect()
}
