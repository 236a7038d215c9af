//! The attribute values: append-only facts; a new value is a new row.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::Day,
        customer::facts::AttributeFact,
        text::{CustomerId, Label},
    },
    store::{codes, error::StoreError, instant::Instant, packed},
};

/// Inserts observations.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert<'a>(
    tx: &mut PgConnection,
    facts: impl IntoIterator<Item = (&'a CustomerId, &'a AttributeFact)>,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    let facts: Vec<_> = facts.into_iter().collect();
    if facts.is_empty() {
        return Ok(());
    }
    let values = facts
        .iter()
        .map(|(_, fact)| fact.value.as_ref().map(packed::pack_value));
    sqlx::query(
        "INSERT INTO attribute_values (customer_id, name, profile_version, value, observed_on, source, recorded_at)
         SELECT customer_id, name, profile_version, value, observed_on, source, $7
         FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::integer[], $6::text[])
           AS new (customer_id, name, profile_version, value, observed_on, source)",
    )
    .bind(facts.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>())
    .bind(facts.iter().map(|(_, fact)| &*fact.name).collect::<Vec<_>>())
    .bind(facts.iter().map(|(_, fact)| fact.profile_version).collect::<Vec<_>>())
    .bind(values.collect::<Vec<_>>())
    .bind(facts.iter().map(|(_, fact)| fact.observed_on.number()).collect::<Vec<_>>())
    .bind(facts.iter().map(|(_, fact)| &*fact.source).collect::<Vec<_>>())
    .bind(Instant(recorded_at))
    .execute(tx)
    .await?;
    Ok(())
}

struct Row {
    customer_id: String,
    name: String,
    profile_version: i64,
    value: Option<Vec<u8>>,
    observed_on: i32,
    source: String,
}

crate::store::row::from_row!(Row {
    customer_id,
    name,
    profile_version,
    value,
    observed_on,
    source
});

impl TryFrom<Row> for (CustomerId, AttributeFact) {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let fact = AttributeFact {
            name: row.name.into(),
            value: row.value.as_deref().map(packed::unpack_value).transpose()?,
            observed_on: codes::day(row.observed_on)?,
            source: row.source.into(),
            profile_version: row.profile_version,
        };
        Ok((codes::customer_id(&row.customer_id)?, fact))
    }
}

/// The observations of `customers` made on or before `until`.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    customers: &[CustomerId],
    until: Option<Day>,
) -> Result<HashMap<CustomerId, Vec<AttributeFact>>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT customer_id, name, profile_version, value, observed_on, source
         FROM attribute_values
         WHERE customer_id = ANY($1)
           AND ($2::integer IS NULL OR observed_on <= $2)",
    )
    .bind(codes::id_array(customers))
    .bind(until.map(Day::number))
    .fetch_all(connection)
    .await?;
    let mut by_customer: HashMap<CustomerId, Vec<AttributeFact>> = HashMap::new();
    for row in rows {
        let (customer_id, fact) = row.try_into()?;
        by_customer.entry(customer_id).or_default().push(fact);
    }
    Ok(by_customer)
}

/// An attribute of a customer on the day of an observation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObservationDay {
    /// The customer.
    pub customer_id: CustomerId,
    /// Name of the attribute.
    pub name: Label,
    /// Day of the observation.
    pub observed_on: Day,
}

/// The observation recorded last for each of `days` that has one.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_last(
    connection: &mut PgConnection,
    days: &[ObservationDay],
) -> Result<HashMap<ObservationDay, AttributeFact>, StoreError> {
    if days.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT DISTINCT ON (a.customer_id, a.name, a.observed_on)
                a.customer_id, a.name, a.profile_version, a.value, a.observed_on, a.source
         FROM attribute_values AS a
         JOIN unnest($1::text[], $2::text[], $3::integer[]) AS day (customer_id, name, observed_on)
           ON a.customer_id = day.customer_id AND a.name = day.name AND a.observed_on = day.observed_on
         WHERE a.customer_id = ANY($1)
         ORDER BY a.customer_id, a.name, a.observed_on, a.profile_version DESC",
    )
    .bind(days.iter().map(|day| day.customer_id.as_str()).collect::<Vec<_>>())
    .bind(days.iter().map(|day| &*day.name).collect::<Vec<_>>())
    .bind(days.iter().map(|day| day.observed_on.number()).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let mut last = HashMap::with_capacity(rows.len());
    for row in rows {
        let (customer_id, fact) = row.try_into()?;
        let day = ObservationDay {
            customer_id,
            name: fact.name.clone(),
            observed_on: fact.observed_on,
        };
        last.insert(day, fact);
    }
    Ok(last)
}
