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

/// Currencies that came into use lately.
#[derive(Debug, Default)]
pub struct RecentCurrencies {
    booked: Vec<Currency>,
    of_contacts: Vec<Currency>,
}

impl RecentCurrencies {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.booked.is_empty() && self.of_contacts.is_empty()
    }
}

/// The currencies that came into use since an instant.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_recent(
    connection: &mut PgConnection,
    since: Timestamp,
) -> Result<RecentCurrencies, StoreError> {
    let booked: Vec<(String,)> =
        sqlx::query_as("SELECT currency FROM currencies WHERE first_recorded >= $1")
            .bind(Instant(since))
            .fetch_all(&mut *connection)
            .await?;
    let of_contacts: Vec<(String,)> =
        sqlx::query_as("SELECT currency FROM contact_currencies WHERE first_recorded >= $1")
            .bind(Instant(since))
            .fetch_all(connection)
            .await?;
    Ok(RecentCurrencies {
        booked: read(&booked)?,
        of_contacts: read(&of_contacts)?,
    })
}

/// Currencies in which nothing was booked when it was looked.
#[derive(Debug, Default)]
pub struct UnusedCurrencies {
    currencies: RecentCurrencies,
    /// Facts that came since are of the customers of later rows of the change log.
    last_change: i64,
}

/// Waits for the transactions that have noted currencies, which every one does before it is in the change log, and returns the last row of the
/// log: what is written later has later rows.
///
/// # Errors
/// When the database cannot be asked.
pub async fn wait_for_writers(tx: &mut PgConnection) -> Result<i64, StoreError> {
    lock_tables(tx).await?;
    let last: i64 = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM change_log")
        .fetch_one(tx)
        .await?;
    Ok(last)
}

/// No transaction notes a currency until this one ends.
async fn lock_tables(tx: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("LOCK TABLE currencies, contact_currencies IN EXCLUSIVE MODE")
        .execute(tx)
        .await?;
    Ok(())
}

/// Those of `recent` in which nothing is booked.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_unused(
    connection: &mut PgConnection,
    recent: RecentCurrencies,
    last_change: i64,
) -> Result<UnusedCurrencies, StoreError> {
    let booked: Vec<(String,)> = sqlx::query_as(
        "SELECT c.currency
         FROM unnest($1::text[]) AS c (currency)
         WHERE NOT EXISTS (SELECT 1 FROM transactions AS t WHERE t.currency = c.currency)
           AND NOT EXISTS (SELECT 1 FROM contracts AS t WHERE t.currency = c.currency)",
    )
    .bind(codes_of(&recent.booked))
    .fetch_all(&mut *connection)
    .await?;
    let of_contacts: Vec<(String,)> = sqlx::query_as(
        "SELECT c.currency
         FROM unnest($1::text[]) AS c (currency)
         WHERE NOT EXISTS (SELECT 1 FROM contacts AS t WHERE t.currency = c.currency)",
    )
    .bind(codes_of(&recent.of_contacts))
    .fetch_all(connection)
    .await?;
    Ok(UnusedCurrencies {
        currencies: RecentCurrencies {
            booked: read(&booked)?,
            of_contacts: read(&of_contacts)?,
        },
        last_change,
    })
}

/// Forgets the currencies in which nothing is booked, unless facts came since it was looked: only the customers who changed since are asked, while
/// writers who note a currency wait.
///
/// # Errors
/// When the database cannot be asked.
pub async fn delete_unused(
    tx: &mut PgConnection,
    unused: &UnusedCurrencies,
) -> Result<(), StoreError> {
    if unused.currencies.is_empty() {
        return Ok(());
    }
    lock_tables(tx).await?;
    sqlx::query(
        "DELETE FROM currencies AS c
         WHERE c.currency = ANY($1)
           AND NOT EXISTS (SELECT 1 FROM change_log AS l JOIN transactions AS t ON t.customer_id = l.customer_id
                           WHERE l.id > $2 AND t.currency = c.currency)
           AND NOT EXISTS (SELECT 1 FROM change_log AS l JOIN contracts AS t ON t.customer_id = l.customer_id
                           WHERE l.id > $2 AND t.currency = c.currency)",
    )
    .bind(codes_of(&unused.currencies.booked))
    .bind(unused.last_change)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "DELETE FROM contact_currencies AS c
         WHERE c.currency = ANY($1)
           AND NOT EXISTS (SELECT 1 FROM change_log AS l JOIN contacts AS t ON t.customer_id = l.customer_id
                           WHERE l.id > $2 AND t.currency = c.currency)",
    )
    .bind(codes_of(&unused.currencies.of_contacts))
    .bind(unused.last_change)
    .execute(tx)
    .await?;
    Ok(())
}
