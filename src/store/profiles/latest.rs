//! Who was active last.

use sqlx::PgConnection;

use crate::{
    domain::text::CustomerId,
    store::{codes, error::StoreError},
};

/// At most `limit` customers, those with the latest facts first: who bought, called or was described last.
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
         WHERE last_event_day IS NOT NULL
         ORDER BY last_event_day DESC, customer_id
         LIMIT $1",
    )
    .bind(limit)
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| codes::customer_id(id)).collect()
}
