//! The currencies that transactions and contracts were ever booked in, and those in which contacts ever cost something.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::money::Currency,
    store::{codes, error::StoreError, instant::Instant},
};

/// Adds currencies to the list of booked ones and returns those that were not on it.
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
    .bind(codes_of(currencies))
    .bind(Instant(recorded_at))
    .fetch_all(tx)
    .await?;
    read(&rows)
}

/// The same for the list of those of contacts.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert_of_contacts(
    tx: &mut PgConnection,
    currencies: &[Currency],
    recorded_at: Timestamp,
) -> Result<Vec<Currency>, StoreError> {
    if currencies.is_empty() {
        return Ok(vec![]);
    }
    let rows: Vec<(String,)> = sqlx::query_as(
        "INSERT INTO contact_currencies (currency, first_recorded)
         SELECT code, $2
         FROM unnest($1::text[]) AS code
         ON CONFLICT (currency) DO NOTHING
         RETURNING currency",
    )
    .bind(codes_of(currencies))
    .bind(Instant(recorded_at))
    .fetch_all(tx)
    .await?;
    read(&rows)
}

/// All currencies in which a contact ever cost something, by code.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_of_contacts(connection: &mut PgConnection) -> Result<Vec<Currency>, StoreError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT currency FROM contact_currencies ORDER BY currency")
            .fetch_all(connection)
            .await?;
    read(&rows)
}

fn codes_of(currencies: &[Currency]) -> Vec<&'static str> {
    currencies.iter().map(|currency| currency.code()).collect()
}

fn read(rows: &[(String,)]) -> Result<Vec<Currency>, StoreError> {
    rows.iter().map(|(code,)| codes::currency(code)).collect()
}

/// All booked currencies, by code.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Currency>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT currency FROM currencies ORDER BY currency")
        .fetch_all(connection)
        .await?;
    read(&rows)
}
