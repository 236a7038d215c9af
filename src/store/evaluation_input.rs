//! What evaluations read: everybody's history, one customer after another, and how far the data reaches.

use futures_util::TryStreamExt;
use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::Day,
        customer::{CustomerKind, profile::History},
        text::CustomerId,
    },
    store::{codes, error::StoreError, packed},
};

/// The last day on which a person or company bought and kept it; `None` before anybody did.
///
/// # Errors
/// When the database cannot be asked.
pub async fn find_last_purchase_day(
    connection: &mut PgConnection,
) -> Result<Option<Day>, StoreError> {
    let (last,): (Option<i32>,) =
        sqlx::query_as("SELECT max(last_purchase_day) FROM profiles WHERE kind IN (1, 2)")
            .fetch_one(connection)
            .await?;
    last.map(codes::day).transpose()
}

/// The first and the last day on which any person or company bought; `None` before the first purchase.
///
/// # Errors
/// When the database cannot be asked.
pub async fn find_purchase_days(
    connection: &mut PgConnection,
) -> Result<Option<(Day, Day)>, StoreError> {
    let (first, last): (Option<i32>, Option<i32>) = sqlx::query_as(
        "SELECT min(first_purchase_day), max(last_purchase_day) FROM profiles WHERE kind IN (1, 2)",
    )
    .fetch_one(connection)
    .await?;
    let days = first.zip(last);
    days.map(|(first, last)| Ok((codes::day(first)?, codes::day(last)?)))
        .transpose()
}

/// All customers with what all their facts say. Those whose purchases were all taken back are among them: on an earlier day they had
/// some.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_histories(
    connection: &mut PgConnection,
    mut each: impl FnMut(CustomerId, CustomerKind, History),
) -> Result<(), StoreError> {
    let mut rows = sqlx::query_as::<_, (String, i16, Vec<u8>)>(
        "SELECT customer_id, kind, packed
         FROM profiles
         WHERE last_event_day IS NOT NULL",
    )
    .fetch(connection);
    while let Some((id, kind, bytes)) = rows.try_next().await? {
        each(
            codes::customer_id(&id)?,
            codes::customer_kind(kind)?,
            packed::unpack(&bytes)?,
        );
    }
    Ok(())
}
