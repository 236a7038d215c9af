//! How contacts ended: one row for each contact, whose missing parts may be added.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::EventTime,
        customer::facts::FactKey,
        desk::{contacts::RecordedOutcome, outcome::ContactOutcome, window::Window},
        text::{CustomerId, Label},
    },
    store::{codes, error::StoreError, facts::KeyRow, instant::Instant},
};

struct Row {
    customer_id: String,
    source: String,
    contact_id: String,
    day: i32,
    occurred_at: Option<Instant>,
    channel: String,
    topic: Option<String>,
    queue: Option<String>,
    agent: Option<String>,
    transferred: Option<bool>,
    resolved_first: Option<bool>,
    satisfaction: Option<i16>,
    effort: Option<i16>,
    duration_seconds: Option<i32>,
    has_contact: bool,
}

crate::store::row::from_row!(Row {
    customer_id,
    source,
    contact_id,
    day,
    occurred_at,
    channel,
    topic,
    queue,
    agent,
    transferred,
    resolved_first,
    satisfaction,
    effort,
    duration_seconds,
    has_contact
});

impl TryFrom<Row> for RecordedOutcome {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let key = KeyRow {
            customer_id: row.customer_id,
            source: row.source,
            id: row.contact_id,
        };
        let outcome = ContactOutcome {
            key: key.try_into()?,
            when: EventTime {
                day: codes::day(row.day)?,
                instant: row.occurred_at.map(|instant| instant.0),
            },
            channel: row.channel.into(),
            topic: row.topic.map(Label::from),
            queue: row.queue.map(Label::from),
            agent: row.agent.map(Label::from),
            transferred: row.transferred,
            resolved_first: row.resolved_first,
            satisfaction: row.satisfaction,
            effort: row.effort,
            duration_seconds: row.duration_seconds,
        };
        Ok(Self {
            outcome,
            has_contact: row.has_contact,
        })
    }
}

/// The outcome recorded under a key.
///
/// # Errors
/// When the database cannot be asked or the row cannot be read.
pub async fn find(
    connection: &mut PgConnection,
    key: &FactKey,
) -> Result<Option<ContactOutcome>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT customer_id, source, contact_id, day, occurred_at, channel, topic, queue, agent, transferred, resolved_first,
                satisfaction, effort, duration_seconds, false AS has_contact
         FROM contact_outcomes
         WHERE customer_id = $1 AND source = $2 AND contact_id = $3",
    )
    .bind(key.customer_id.as_str())
    .bind(&*key.source)
    .bind(&*key.id)
    .fetch_optional(connection)
    .await?;
    let recorded = row.map(RecordedOutcome::try_from).transpose()?;
    Ok(recorded.map(|recorded| recorded.outcome))
}

/// Writes an outcome, or the parts that are new of a recorded one. The caller holds the lock of the customer and has compared them.
///
/// # Errors
/// When the database cannot be asked.
pub async fn upsert(
    tx: &mut PgConnection,
    outcome: &ContactOutcome,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO contact_outcomes
           (customer_id, source, contact_id, day, occurred_at, channel, topic, queue, agent, transferred, resolved_first,
            satisfaction, effort, duration_seconds, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (customer_id, source, contact_id) DO UPDATE
         SET topic            = excluded.topic,
             queue            = excluded.queue,
             agent            = excluded.agent,
             transferred      = excluded.transferred,
             resolved_first   = excluded.resolved_first,
             satisfaction     = excluded.satisfaction,
             effort           = excluded.effort,
             duration_seconds = excluded.duration_seconds",
    )
    .bind(outcome.key.customer_id.as_str())
    .bind(&*outcome.key.source)
    .bind(&*outcome.key.id)
    .bind(outcome.when.day.number())
    .bind(outcome.when.instant.map(Instant))
    .bind(&*outcome.channel)
    .bind(outcome.topic.as_deref())
    .bind(outcome.queue.as_deref())
    .bind(outcome.agent.as_deref())
    .bind(outcome.transferred)
    .bind(outcome.resolved_first)
    .bind(outcome.satisfaction)
    .bind(outcome.effort)
    .bind(outcome.duration_seconds)
    .bind(Instant(recorded_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// The outcomes of `customers` whose own day, or that of their contact, lies within the window.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    customers: &[CustomerId],
    window: Window,
) -> Result<Vec<RecordedOutcome>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT o.customer_id, o.source, o.contact_id, o.day, o.occurred_at, o.channel, o.topic, o.queue, o.agent, o.transferred,
                o.resolved_first, o.satisfaction, o.effort, o.duration_seconds, c.contact_id IS NOT NULL AS has_contact
         FROM contact_outcomes AS o
         LEFT JOIN contacts AS c
           ON c.customer_id = o.customer_id AND c.source = o.source AND c.contact_id = o.contact_id
         WHERE o.customer_id = ANY($1)
           AND (o.day BETWEEN $2 AND $3 OR c.day BETWEEN $2 AND $3)",
    )
    .bind(codes::id_array(customers))
    .bind(window.first.number())
    .bind(window.last.number())
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(RecordedOutcome::try_from).collect()
}
