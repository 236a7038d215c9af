//! Who bought last.

use sqlx::PgConnection;

use crate::{
    domain::text::CustomerId,
    store::{codes, error::StoreError},
};

/// At most `limit` customers, those who bought last first; those who never bought come after them, by the day of their latest fact.
///
/// Not by that day alone: a nightly export dates the attributes of everybody.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_latest(
    connection: &mut PgConnection,
    limit: i64,
) -> Result<Vec<CustomerId>, StoreError> {
    // Reads every row and sorts the days: once a start. An index would cost every write of every customer.
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT customer_id
         FROM profiles
         ORDER BY last_purchase_day DESC NULLS LAST, last_event_day DESC NULLS LAST, customer_id
         LIMIT $1",
    )
    .bind(limit)
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| codes::customer_id(id)).collect()
}
