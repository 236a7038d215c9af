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

/// Forgets those of the currencies that came into use since `since` in which nothing is booked any more. Says whether there were any. Takes
/// the tables for itself for that long: no fact is written between the look and the end of the transaction.
///
/// # Errors
/// When the database cannot be asked.
pub async fn delete_unused(tx: &mut PgConnection, since: Timestamp) -> Result<bool, StoreError> {
    let recent: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM currencies WHERE first_recorded >= $1)
             OR EXISTS (SELECT 1 FROM contact_currencies WHERE first_recorded >= $1)",
    )
    .bind(Instant(since))
    .fetch_one(&mut *tx)
    .await?;
    if !recent {
        return Ok(false);
    }
    sqlx::query("LOCK TABLE currencies, contact_currencies IN EXCLUSIVE MODE")
        .execute(&mut *tx)
        .await?;
    let booked = sqlx::query(
        "DELETE FROM currencies AS c
         WHERE c.first_recorded >= $1
           AND NOT EXISTS (SELECT 1 FROM transactions AS t WHERE t.currency = c.currency)
           AND NOT EXISTS (SELECT 1 FROM contracts AS t WHERE t.currency = c.currency)",
    )
    .bind(Instant(since))
    .execute(&mut *tx)
    .await?;
    let of_contacts = sqlx::query(
        "DELETE FROM contact_currencies AS c
         WHERE c.first_recorded >= $1
           AND NOT EXISTS (SELECT 1 FROM contacts AS t WHERE t.currency = c.currency)",
    )
    .bind(Instant(since))
    .execute(tx)
    .await?;
    Ok(booked.rows_affected() + of_contacts.rows_affected() > 0)
}
