//! Exchange rates: facts of the deployment, append-only, numbered in the order of recording.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::Day,
        money::Currency,
        rates::{ExchangeRate, Rate, RateFilter, RecordedRate},
    },
    store::{codes, error::StoreError, instant::Instant},
};

struct Row {
    number: i64,
    from_currency: String,
    to_currency: String,
    day: i32,
    rate: String,
    holds: bool,
    recorded_at: Instant,
}

crate::store::row::from_row!(Row {
    number,
    from_currency,
    to_currency,
    day,
    rate,
    holds,
    recorded_at
});

impl TryFrom<Row> for RecordedRate {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |error: &dyn std::fmt::Display| StoreError::corrupt("exchange rate", error);
        let rate: Rate = row.rate.parse().map_err(|error| corrupt(&error))?;
        let rate = ExchangeRate::new(
            codes::currency(&row.from_currency)?,
            codes::currency(&row.to_currency)?,
            codes::day(row.day)?,
            rate,
        );
        Ok(Self {
            number: row.number,
            rate: rate.map_err(|error| corrupt(&error))?,
            holds: row.holds,
            recorded_at: row.recorded_at.0,
        })
    }
}

/// Rates as columns.
#[derive(Default)]
struct Columns {
    from: Vec<&'static str>,
    to: Vec<&'static str>,
    day: Vec<i32>,
    rate: Vec<String>,
}

impl Columns {
    fn from_rates(rates: &[ExchangeRate]) -> Self {
        let mut columns = Self::default();
        for rate in rates {
            columns.from.push(rate.from().code());
            columns.to.push(rate.to().code());
            columns.day.push(rate.day.number());
            columns.rate.push(rate.rate.to_string());
        }
        columns
    }
}

/// Number of the last recorded rate; 0 while there is none.
///
/// # Errors
/// When the database cannot be asked.
pub async fn last_number(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let (number,): (i64,) =
        sqlx::query_as("SELECT coalesce(max(number), 0) AS number FROM exchange_rates")
            .fetch_one(connection)
            .await?;
    Ok(number)
}

/// The rates that hold now for the pairs and days of `rates`, where there are any.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_holding(
    connection: &mut PgConnection,
    rates: &[ExchangeRate],
) -> Result<Vec<ExchangeRate>, StoreError> {
    let asked = Columns::from_rates(rates);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT DISTINCT ON (r.from_currency, r.to_currency, r.day)
                r.number, r.from_currency, r.to_currency, r.day, r.rate::text AS rate, true AS holds, r.recorded_at
         FROM unnest($1::text[], $2::text[], $3::integer[]) AS asked (from_currency, to_currency, day)
         JOIN exchange_rates AS r USING (from_currency, to_currency, day)
         ORDER BY r.from_currency, r.to_currency, r.day, r.number DESC",
    )
    .bind(asked.from)
    .bind(asked.to)
    .bind(asked.day)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| RecordedRate::try_from(row).map(|recorded| recorded.rate))
        .collect()
}

/// Appends rates in their order, numbered from the one after `last`. To be called with the lock of rates held.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    rates: &[ExchangeRate],
    last: i64,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    let columns = Columns::from_rates(rates);
    sqlx::query(
        "INSERT INTO exchange_rates (number, from_currency, to_currency, day, rate, recorded_at)
         SELECT $5 + new.position, new.from_currency, new.to_currency, new.day, new.rate::numeric, $6
         FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[])
           WITH ORDINALITY AS new (from_currency, to_currency, day, rate, position)",
    )
    .bind(columns.from)
    .bind(columns.to)
    .bind(columns.day)
    .bind(columns.rate)
    .bind(last)
    .bind(Instant(recorded_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// The rates recorded after number `after`, by pair, day and number, with the greatest number among them; `None` when there are none.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_after(
    connection: &mut PgConnection,
    after: i64,
) -> Result<Option<(i64, Vec<ExchangeRate>)>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT number, from_currency, to_currency, day, rate::text AS rate, true AS holds, recorded_at
         FROM exchange_rates
         WHERE number > $1
         ORDER BY from_currency, to_currency, day, number",
    )
    .bind(after)
    .fetch_all(connection)
    .await?;
    let Some(last) = rows.iter().map(|row| row.number).max() else {
        return Ok(None);
    };
    let rates = rows
        .into_iter()
        .map(|row| RecordedRate::try_from(row).map(|recorded| recorded.rate));
    Ok(Some((last, rates.collect::<Result<_, _>>()?)))
}

/// At most `limit` rates with numbers below `before`, the last recorded first.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    filter: RateFilter,
    before: i64,
    limit: i64,
) -> Result<Vec<RecordedRate>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT r.number, r.from_currency, r.to_currency, r.day, r.rate::text AS rate, r.recorded_at,
                NOT EXISTS (SELECT 1
                            FROM exchange_rates AS later
                            WHERE later.from_currency = r.from_currency AND later.to_currency = r.to_currency
                              AND later.day = r.day AND later.number > r.number) AS holds
         FROM exchange_rates AS r
         WHERE r.number < $1
           AND ($2::text IS NULL OR r.from_currency = $2)
           AND ($3::text IS NULL OR r.to_currency = $3)
           AND ($4::integer IS NULL OR r.day >= $4)
         ORDER BY r.number DESC
         LIMIT $5",
    )
    .bind(before)
    .bind(filter.from.map(Currency::code))
    .bind(filter.to.map(Currency::code))
    .bind(filter.since.map(Day::number))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(RecordedRate::try_from).collect()
}
