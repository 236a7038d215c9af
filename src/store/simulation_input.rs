//! What simulations read: the contacts of a period, in the order in which they came.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::Day,
        text::{CustomerId, Label},
    },
    store::{codes, error::StoreError, instant::Instant},
};

/// A contact of which is known when it began.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedContact {
    /// Whose.
    pub customer_id: CustomerId,
    /// The day.
    pub day: Day,
    /// When it began.
    pub at: Timestamp,
    /// How.
    pub channel: Label,
    /// What about.
    pub topic: Option<Label>,
    /// How long, if it is known.
    pub duration_seconds: Option<i32>,
}

struct Row {
    customer_id: String,
    day: i32,
    occurred_at: Instant,
    channel: String,
    topic: Option<String>,
    duration_seconds: Option<i32>,
}

crate::store::row::from_row!(Row {
    customer_id,
    day,
    occurred_at,
    channel,
    topic,
    duration_seconds
});

impl TryFrom<Row> for TimedContact {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            customer_id: codes::customer_id(&row.customer_id)?,
            day: codes::day(row.day)?,
            at: row.occurred_at.0,
            channel: row.channel.into(),
            topic: row.topic.map(Into::into),
            duration_seconds: row.duration_seconds,
        })
    }
}

/// The first `most` contacts from one day to another, without those that were recorded wrongly; those of customers who were merged are
/// of the customer into whom they were. Retractions count on every day.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_contacts(
    connection: &mut PgConnection,
    from: Day,
    until: Day,
    most: i64,
) -> Result<Vec<TimedContact>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "WITH member AS (
           SELECT unnest(m.members) AS customer_id, m.customer_id AS root, m.members AS others
           FROM profiles AS m
           WHERE m.members IS NOT NULL
         )
         SELECT coalesce(member.root, c.customer_id) AS customer_id, c.day, c.occurred_at, c.channel, c.topic, c.duration_seconds
         FROM contacts AS c
         LEFT JOIN member ON member.customer_id = c.customer_id
         WHERE c.day BETWEEN $1 AND $2
           AND c.occurred_at IS NOT NULL
           AND c.channel IS NOT NULL
           AND NOT EXISTS (
             SELECT 1
             FROM contacts AS r
             WHERE r.customer_id = c.customer_id AND r.source = c.source
               AND r.retracts_id = c.contact_id AND r.retracts_id IS NOT NULL
               AND NOT EXISTS (
                 SELECT 1
                 FROM contacts AS again
                 WHERE again.customer_id = r.customer_id AND again.source = r.source
                   AND again.retracts_id = r.contact_id AND again.retracts_id IS NOT NULL))
           AND (member.root IS NULL OR NOT EXISTS (
             SELECT 1
             FROM contacts AS own
             WHERE own.customer_id = ANY (member.root || member.others)
               AND (own.customer_id = member.root OR own.customer_id < c.customer_id)
               AND own.source = c.source AND own.contact_id = c.contact_id
               AND own.day = c.day AND own.channel = c.channel AND coalesce(own.occurred_at, c.occurred_at) = c.occurred_at))
         ORDER BY c.occurred_at, c.customer_id, c.source, c.contact_id
         LIMIT $3",
    )
    .bind(from.number())
    .bind(until.number())
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(TimedContact::try_from).collect()
}

/// Number of contacts from one day to another: with the time at which they began, and with the day alone.
///
/// # Errors
/// When the database cannot be asked.
pub async fn count_contacts(
    connection: &mut PgConnection,
    from: Day,
    until: Day,
) -> Result<(i64, i64), StoreError> {
    let counts: (i64, i64) = sqlx::query_as(
        "SELECT count(c.occurred_at), count(*) - count(c.occurred_at)
         FROM contacts AS c
         WHERE c.day BETWEEN $1 AND $2
           AND c.channel IS NOT NULL
           AND NOT EXISTS (
             SELECT 1
             FROM contacts AS r
             WHERE r.customer_id = c.customer_id AND r.source = c.source
               AND r.retracts_id = c.contact_id AND r.retracts_id IS NOT NULL
               AND NOT EXISTS (
                 SELECT 1
                 FROM contacts AS again
                 WHERE again.customer_id = r.customer_id AND again.source = r.source
                   AND again.retracts_id = r.contact_id AND again.retracts_id IS NOT NULL))",
    )
    .bind(from.number())
    .bind(until.number())
    .fetch_one(connection)
    .await?;
    Ok(counts)
}
