//! The customers with amounts that may not be convertible.

use futures_util::TryStreamExt;
use sqlx::PgConnection;

use super::Row;
use crate::{
    domain::{calendar::Day, customer::profile::Profile, money::Currency},
    store::error::StoreError,
};

/// From which day on amounts in a currency can be converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvertibleFrom {
    /// The currency.
    pub currency: Currency,
    /// The day; `None`: never.
    pub first_day: Option<Day>,
}

/// Whose amounts may not be convertible.
#[derive(Debug, Clone, Copy)]
pub struct Unconverted<'a> {
    /// All currencies but the one that is converted to.
    pub currencies: &'a [ConvertibleFrom],
    /// Whether the costs of contacts have to be converted.
    pub contacts_count: bool,
    /// By whose rate the prices of contracts are converted.
    pub today: Day,
}

/// Persons and companies who bought in several currencies, bought in one before it could be converted, or have a contract or a contact
/// that cannot be: each with what all facts say. Some of them are not affected, nobody else is.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn each_unconverted(
    connection: &mut PgConnection,
    affected: Unconverted<'_>,
    mut each: impl FnMut(Profile),
) -> Result<(), StoreError> {
    let codes = affected.currencies.iter().map(|one| one.currency.code());
    let days = affected.currencies.iter();
    let days = days.map(|one| one.first_day.map(Day::number));
    let mut rows = sqlx::query_as::<_, Row>(
        "WITH one AS (
           SELECT currency, coalesce(first_day, 2147483647) AS first_day
           FROM unnest($1::text[], $2::integer[]) AS given (currency, first_day)
         ), affected AS (
           SELECT p.customer_id
           FROM profiles AS p
           LEFT JOIN one ON one.currency = p.currency
           WHERE p.first_purchase_day IS NOT NULL AND (p.currency IS NULL OR p.first_purchase_day < one.first_day)
           UNION
           SELECT c.customer_id
           FROM contracts AS c
           JOIN one ON one.currency = c.currency
           WHERE $3 < one.first_day
           UNION
           SELECT c.customer_id
           FROM contacts AS c
           JOIN one ON one.currency = c.currency
           WHERE $4 AND c.day < one.first_day
         ), member AS (
           SELECT unnest(m.members) AS customer_id, m.customer_id AS root
           FROM profiles AS m
           WHERE m.members IS NOT NULL
         ), counted AS (
           SELECT DISTINCT coalesce(member.root, affected.customer_id) AS customer_id
           FROM affected
           LEFT JOIN member ON member.customer_id = affected.customer_id
         )
         SELECT p.customer_id, p.version, p.kind, p.display_name, p.packed, p.recorded_at, p.members
         FROM counted
         JOIN profiles AS p ON p.customer_id = counted.customer_id
         WHERE p.kind IN (1, 2)",
    )
    .bind(codes.collect::<Vec<_>>())
    .bind(days.collect::<Vec<_>>())
    .bind(affected.today.number())
    .bind(affected.contacts_count)
    .fetch(connection);
    while let Some(row) = rows.try_next().await? {
        each(row.try_into()?);
    }
    Ok(())
}
