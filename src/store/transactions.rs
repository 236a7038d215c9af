//! The transactions: append-only facts, one row for each key.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::{Day, EventTime},
        customer::facts::{FactKey, Transaction},
        money::Money,
        text::{CustomerId, Label},
    },
    store::{codes, error::StoreError, facts::KeyRow, instant::Instant},
};

/// The columns of many transactions, one array each.
#[derive(Default)]
struct Columns<'a> {
    customer_id: Vec<&'a str>,
    source: Vec<&'a str>,
    transaction_id: Vec<&'a str>,
    kind: Vec<i16>,
    day: Vec<i32>,
    occurred_at: Vec<Option<Instant>>,
    amount_minor: Vec<i64>,
    currency: Vec<&'static str>,
    cost_minor: Vec<Option<i64>>,
    category: Vec<Option<&'a str>>,
    channel: Vec<Option<&'a str>>,
    original_id: Vec<Option<&'a str>>,
    original_source: Vec<Option<&'a str>>,
    stated_customer_id: Vec<Option<&'a str>>,
    profile_version: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, fact: &'a Transaction, profile_version: i64) {
        self.customer_id.push(fact.key.customer_id.as_str());
        self.source.push(&fact.key.source);
        self.transaction_id.push(&fact.key.id);
        self.kind.push(codes::transaction_kind_code(fact.kind));
        self.day.push(fact.when.day.number());
        self.occurred_at.push(fact.when.instant.map(Instant));
        self.amount_minor.push(fact.amount.amount_minor);
        self.currency.push(fact.amount.currency.code());
        self.cost_minor.push(fact.cost_minor);
        self.category.push(fact.category.as_deref());
        self.channel.push(fact.channel.as_deref());
        self.original_id.push(fact.original_id.as_deref());
        self.original_source.push(fact.original_source.as_deref());
        let stated = fact.stated_customer.as_ref();
        self.stated_customer_id.push(stated.map(CustomerId::as_str));
        self.profile_version.push(profile_version);
    }
}

/// Inserts the transactions whose key is new and returns those keys. Each comes with the profile version that will first contain it.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert<'a>(
    tx: &mut PgConnection,
    facts: impl IntoIterator<Item = (&'a Transaction, i64)>,
    recorded_at: Timestamp,
) -> Result<Vec<FactKey>, StoreError> {
    let mut columns = Columns::default();
    for (fact, profile_version) in facts {
        columns.push(fact, profile_version);
    }
    let rows: Vec<KeyRow> = sqlx::query_as(
        "INSERT INTO transactions
           (customer_id, source, transaction_id, kind, day, occurred_at, amount_minor, currency, cost_minor, category,
            channel, original_id, original_source, stated_customer_id, profile_version, recorded_at)
         SELECT customer_id, source, transaction_id, kind, day, occurred_at, amount_minor, currency, cost_minor, category,
                channel, original_id, original_source, stated_customer_id, profile_version, $16
         FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::integer[], $6::timestamptz[], $7::bigint[],
                     $8::text[], $9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                     $15::bigint[])
           AS new (customer_id, source, transaction_id, kind, day, occurred_at, amount_minor, currency, cost_minor, category,
                   channel, original_id, original_source, stated_customer_id, profile_version)
         ON CONFLICT (customer_id, source, transaction_id) DO NOTHING
         RETURNING customer_id, source, transaction_id AS id",
    )
    .bind(columns.customer_id)
    .bind(columns.source)
    .bind(columns.transaction_id)
    .bind(columns.kind)
    .bind(columns.day)
    .bind(columns.occurred_at)
    .bind(columns.amount_minor)
    .bind(columns.currency)
    .bind(columns.cost_minor)
    .bind(columns.category)
    .bind(columns.channel)
    .bind(columns.original_id)
    .bind(columns.original_source)
    .bind(columns.stated_customer_id)
    .bind(columns.profile_version)
    .bind(Instant(recorded_at))
    .fetch_all(tx)
    .await?;
    rows.into_iter().map(FactKey::try_from).collect()
}

struct Row {
    customer_id: String,
    source: String,
    transaction_id: String,
    kind: i16,
    day: i32,
    occurred_at: Option<Instant>,
    amount_minor: i64,
    currency: String,
    cost_minor: Option<i64>,
    category: Option<String>,
    channel: Option<String>,
    original_id: Option<String>,
    original_source: Option<String>,
    stated_customer_id: Option<String>,
}

crate::store::row::from_row!(Row {
    customer_id,
    source,
    transaction_id,
    kind,
    day,
    occurred_at,
    amount_minor,
    currency,
    cost_minor,
    category,
    channel,
    original_id,
    original_source,
    stated_customer_id
});

impl TryFrom<Row> for Transaction {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let key = KeyRow {
            customer_id: row.customer_id,
            source: row.source,
            id: row.transaction_id,
        };
        Ok(Self {
            key: key.try_into()?,
            kind: codes::transaction_kind(row.kind)?,
            when: EventTime {
                day: codes::day(row.day)?,
                instant: row.occurred_at.map(|instant| instant.0),
            },
            amount: Money {
                amount_minor: row.amount_minor,
                currency: codes::currency(&row.currency)?,
            },
            cost_minor: row.cost_minor,
            category: row.category.map(Label::from),
            channel: row.channel.map(Label::from),
            original_id: row.original_id.map(Label::from),
            original_source: row.original_source.map(Label::from),
            stated_customer: row
                .stated_customer_id
                .map(|id| codes::customer_id(&id))
                .transpose()?,
        })
    }
}

/// The transactions of `customers` on or before `until`.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    customers: &[CustomerId],
    until: Option<Day>,
) -> Result<Vec<Transaction>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT customer_id, source, transaction_id, kind, day, occurred_at, amount_minor, currency, cost_minor, category,
                channel, original_id, original_source, stated_customer_id
         FROM transactions
         WHERE customer_id = ANY($1)
           AND ($2::integer IS NULL OR day <= $2)",
    )
    .bind(codes::id_array(customers))
    .bind(until.map(Day::number))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Transaction::try_from).collect()
}

/// The stored transactions of `keys`.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_by_key(
    connection: &mut PgConnection,
    keys: &[&FactKey],
) -> Result<Vec<Transaction>, StoreError> {
    if keys.is_empty() {
        return Ok(vec![]);
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT t.customer_id, t.source, t.transaction_id, t.kind, t.day, t.occurred_at, t.amount_minor, t.currency,
                t.cost_minor, t.category, t.channel, t.original_id, t.original_source, t.stated_customer_id
         FROM transactions AS t
         JOIN unnest($1::text[], $2::text[], $3::text[]) AS key (customer_id, source, id)
           ON t.customer_id = key.customer_id AND t.source = key.source AND t.transaction_id = key.id
         WHERE t.customer_id = ANY($1)",
    )
    .bind(keys.iter().map(|key| key.customer_id.as_str()).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| &*key.source).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| &*key.id).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Transaction::try_from).collect()
}

/// The stored transactions that name one of `keys` as what they take back.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_naming(
    connection: &mut PgConnection,
    keys: &[&FactKey],
) -> Result<Vec<Transaction>, StoreError> {
    if keys.is_empty() {
        return Ok(vec![]);
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT t.customer_id, t.source, t.transaction_id, t.kind, t.day, t.occurred_at, t.amount_minor, t.currency,
                t.cost_minor, t.category, t.channel, t.original_id, t.original_source, t.stated_customer_id
         FROM transactions AS t
         JOIN unnest($1::text[], $2::text[], $3::text[]) AS key (customer_id, source, id)
           ON t.customer_id = key.customer_id AND t.source = key.source AND t.original_id = key.id
         WHERE t.customer_id = ANY($1)
           AND t.original_id IS NOT NULL AND t.original_source IS NULL
         UNION ALL
         SELECT t.customer_id, t.source, t.transaction_id, t.kind, t.day, t.occurred_at, t.amount_minor, t.currency,
                t.cost_minor, t.category, t.channel, t.original_id, t.original_source, t.stated_customer_id
         FROM transactions AS t
         JOIN unnest($1::text[], $2::text[], $3::text[]) AS key (customer_id, source, id)
           ON t.customer_id = key.customer_id AND t.original_source = key.source AND t.original_id = key.id
         WHERE t.customer_id = ANY($1)
           AND t.original_source IS NOT NULL",
    )
    .bind(keys.iter().map(|key| key.customer_id.as_str()).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| &*key.source).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| &*key.id).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Transaction::try_from).collect()
}
