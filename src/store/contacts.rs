//! The contacts: append-only facts, one row for each key.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::{Day, EventTime},
        customer::facts::{Contact, ContactContent, FactKey, Interaction},
        desk::window::Window,
        money::Money,
        text::{CustomerId, Label},
    },
    store::{codes, error::StoreError, facts::KeyRow, instant::Instant},
};

/// The columns of many contacts, one array each.
#[derive(Default)]
struct Columns<'a> {
    customer_id: Vec<&'a str>,
    source: Vec<&'a str>,
    contact_id: Vec<&'a str>,
    day: Vec<i32>,
    occurred_at: Vec<Option<Instant>>,
    channel: Vec<Option<&'a str>>,
    topic: Vec<Option<&'a str>>,
    duration_seconds: Vec<Option<i32>>,
    cost_minor: Vec<Option<i64>>,
    currency: Vec<Option<&'static str>>,
    outcome: Vec<Option<&'a str>>,
    retracts_id: Vec<Option<&'a str>>,
    profile_version: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, fact: &'a Contact, profile_version: i64) {
        self.customer_id.push(fact.key.customer_id.as_str());
        self.source.push(&fact.key.source);
        self.contact_id.push(&fact.key.id);
        self.day.push(fact.when.day.number());
        self.occurred_at.push(fact.when.instant.map(Instant));
        let (contact, retracts) = match &fact.content {
            ContactContent::Happened(contact) => (Some(contact), None),
            ContactContent::Retracts(id) => (None, Some(id)),
        };
        let cost = contact.and_then(|contact| contact.cost);
        self.channel.push(contact.map(|contact| &*contact.channel));
        self.topic.push(contact.and_then(|it| it.topic.as_deref()));
        self.duration_seconds
            .push(contact.and_then(|it| it.duration_seconds));
        self.cost_minor.push(cost.map(|cost| cost.amount_minor));
        self.currency.push(cost.map(|cost| cost.currency.code()));
        self.outcome
            .push(contact.and_then(|it| it.outcome.as_deref()));
        self.retracts_id.push(retracts.map(|id| &**id));
        self.profile_version.push(profile_version);
    }
}

/// Inserts the contacts whose key is new and returns those keys. Each comes with the profile version that will first contain it.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert<'a>(
    tx: &mut PgConnection,
    facts: impl IntoIterator<Item = (&'a Contact, i64)>,
    recorded_at: Timestamp,
) -> Result<Vec<FactKey>, StoreError> {
    let mut columns = Columns::default();
    for (fact, profile_version) in facts {
        columns.push(fact, profile_version);
    }
    let rows: Vec<KeyRow> = sqlx::query_as(
        "INSERT INTO contacts
           (customer_id, source, contact_id, day, occurred_at, channel, topic, duration_seconds, cost_minor, currency,
            outcome, retracts_id, profile_version, recorded_at)
         SELECT customer_id, source, contact_id, day, occurred_at, channel, topic, duration_seconds, cost_minor, currency,
                outcome, retracts_id, profile_version, $14
         FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::timestamptz[], $6::text[], $7::text[],
                     $8::integer[], $9::bigint[], $10::text[], $11::text[], $12::text[], $13::bigint[])
           AS new (customer_id, source, contact_id, day, occurred_at, channel, topic, duration_seconds, cost_minor, currency,
                   outcome, retracts_id, profile_version)
         ON CONFLICT (customer_id, source, contact_id) DO NOTHING
         RETURNING customer_id, source, contact_id AS id",
    )
    .bind(columns.customer_id)
    .bind(columns.source)
    .bind(columns.contact_id)
    .bind(columns.day)
    .bind(columns.occurred_at)
    .bind(columns.channel)
    .bind(columns.topic)
    .bind(columns.duration_seconds)
    .bind(columns.cost_minor)
    .bind(columns.currency)
    .bind(columns.outcome)
    .bind(columns.retracts_id)
    .bind(columns.profile_version)
    .bind(Instant(recorded_at))
    .fetch_all(tx)
    .await?;
    rows.into_iter().map(FactKey::try_from).collect()
}

struct Row {
    customer_id: String,
    source: String,
    contact_id: String,
    day: i32,
    occurred_at: Option<Instant>,
    channel: Option<String>,
    topic: Option<String>,
    duration_seconds: Option<i32>,
    cost_minor: Option<i64>,
    currency: Option<String>,
    outcome: Option<String>,
    retracts_id: Option<String>,
}

crate::store::row::from_row!(Row {
    customer_id,
    source,
    contact_id,
    day,
    occurred_at,
    channel,
    topic,
    duration_seconds,
    cost_minor,
    currency,
    outcome,
    retracts_id
});

impl TryFrom<Row> for Contact {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let key = KeyRow {
            customer_id: row.customer_id,
            source: row.source,
            id: row.contact_id,
        };
        let cost = match (row.cost_minor, row.currency) {
            (Some(amount_minor), Some(code)) => Some(Money {
                amount_minor,
                currency: codes::currency(&code)?,
            }),
            _ => None,
        };
        let content = match (row.channel, row.retracts_id) {
            (Some(channel), None) => ContactContent::Happened(Interaction {
                channel: channel.into(),
                topic: row.topic.map(Label::from),
                duration_seconds: row.duration_seconds,
                cost,
                outcome: row.outcome.map(Label::from),
            }),
            (None, Some(id)) => ContactContent::Retracts(id.into()),
            (Some(_), Some(_)) | (None, None) => {
                return Err(StoreError::corrupt(
                    "contact",
                    "neither happened nor retracts",
                ));
            }
        };
        Ok(Self {
            key: key.try_into()?,
            when: EventTime {
                day: codes::day(row.day)?,
                instant: row.occurred_at.map(|instant| instant.0),
            },
            content,
        })
    }
}

/// The contacts of `customers` on or before `until`.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    customers: &[CustomerId],
    until: Option<Day>,
) -> Result<Vec<Contact>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT customer_id, source, contact_id, day, occurred_at, channel, topic, duration_seconds, cost_minor, currency,
                outcome, retracts_id
         FROM contacts
         WHERE customer_id = ANY($1)
           AND ($2::integer IS NULL OR day <= $2)",
    )
    .bind(codes::id_array(customers))
    .bind(until.map(Day::number))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Contact::try_from).collect()
}

/// The contacts of `customers` within the window, and all their retractions up to its end, which may be of contacts within it.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_within(
    connection: &mut PgConnection,
    customers: &[CustomerId],
    window: Window,
) -> Result<Vec<Contact>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT customer_id, source, contact_id, day, occurred_at, channel, topic, duration_seconds, cost_minor, currency,
                outcome, retracts_id
         FROM contacts
         WHERE customer_id = ANY($1)
           AND day <= $3
           AND (day >= $2 OR retracts_id IS NOT NULL)",
    )
    .bind(codes::id_array(customers))
    .bind(window.first.number())
    .bind(window.last.number())
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Contact::try_from).collect()
}

/// The stored contacts of `keys`.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_by_key(
    connection: &mut PgConnection,
    keys: &[&FactKey],
) -> Result<Vec<Contact>, StoreError> {
    if keys.is_empty() {
        return Ok(vec![]);
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT c.customer_id, c.source, c.contact_id, c.day, c.occurred_at, c.channel, c.topic, c.duration_seconds,
                c.cost_minor, c.currency, c.outcome, c.retracts_id
         FROM contacts AS c
         JOIN unnest($1::text[], $2::text[], $3::text[]) AS key (customer_id, source, id)
           ON c.customer_id = key.customer_id AND c.source = key.source AND c.contact_id = key.id
         WHERE c.customer_id = ANY($1)",
    )
    .bind(keys.iter().map(|key| key.customer_id.as_str()).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| &*key.source).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| &*key.id).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Contact::try_from).collect()
}

/// The stored contacts that name one of `keys` as what they retract.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_naming(
    connection: &mut PgConnection,
    keys: &[&FactKey],
) -> Result<Vec<Contact>, StoreError> {
    if keys.is_empty() {
        return Ok(vec![]);
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT c.customer_id, c.source, c.contact_id, c.day, c.occurred_at, c.channel, c.topic, c.duration_seconds,
                c.cost_minor, c.currency, c.outcome, c.retracts_id
         FROM contacts AS c
         JOIN unnest($1::text[], $2::text[], $3::text[]) AS key (customer_id, source, id)
           ON c.customer_id = key.customer_id AND c.source = key.source AND c.retracts_id = key.id
         WHERE c.customer_id = ANY($1)
           AND c.retracts_id IS NOT NULL",
    )
    .bind(keys.iter().map(|key| key.customer_id.as_str()).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| &*key.source).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| &*key.id).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Contact::try_from).collect()
}
