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
    /// `None` when it was taken back.
    rate: Option<String>,
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
        let rate = row.rate.as_deref().unwrap_or_default();
        let rate: Rate = rate.parse().map_err(|error| corrupt(&error))?;
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
        .filter(|row| row.rate.is_some())
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

/// What was recorded of rates after a number.
#[derive(Debug)]
pub struct RecordedAfter {
    /// The greatest number.
    pub last: i64,
    /// The rates, by pair, day and number, without those that were taken back.
    pub rates: Vec<ExchangeRate>,
    /// Whether some were taken back, which may have been recorded before that number.
    pub takes_back: bool,
}

/// What was recorded after number `after`; `None` when there is nothing.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_after(
    connection: &mut PgConnection,
    after: i64,
) -> Result<Option<RecordedAfter>, StoreError> {
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
    let takes_back = rows.iter().any(|row| row.rate.is_none());
    let mut standing: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        if row.rate.is_some() {
            standing.push(row);
            continue;
        }
        let key = |row: &Row| (row.from_currency.clone(), row.to_currency.clone(), row.day);
        while standing.last().is_some_and(|last| key(last) == key(&row)) {
            standing.pop();
        }
    }
    let rates = standing
        .into_iter()
        .map(|row| RecordedRate::try_from(row).map(|recorded| recorded.rate));
    Ok(Some(RecordedAfter {
        last,
        rates: rates.collect::<Result<_, _>>()?,
        takes_back,
    }))
}

/// Takes back the rates that an import recorded and that hold now: the rate that held before holds again, or none does. Appended in the order
/// of the rates, numbered from the one after `last`. Returns how many were taken back, and how many stay because they were corrected since.
/// To be called with the lock of rates held.
///
/// # Errors
/// When the database cannot be asked.
pub async fn take_back(
    tx: &mut PgConnection,
    import: i64,
    last: i64,
    recorded_at: Timestamp,
) -> Result<(i64, i64), StoreError> {
    let (recorded, replaced): (i64, i64) = sqlx::query_as(
        "WITH written AS (
           SELECT r.number, r.from_currency, r.to_currency, r.day
           FROM import_calls AS c
           JOIN exchange_rates AS r ON r.number BETWEEN c.first_rate AND c.last_rate
           WHERE c.import = $1
         ), replaced AS (
           SELECT w.number
           FROM written AS w
           WHERE EXISTS (SELECT 1
                         FROM exchange_rates AS later
                         WHERE later.from_currency = w.from_currency AND later.to_currency = w.to_currency
                           AND later.day = w.day AND later.number > w.number
                           AND later.number NOT IN (SELECT number FROM written))
         )
         SELECT (SELECT count(*) FROM written), (SELECT count(*) FROM replaced)",
    )
    .bind(import)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query(
        "WITH written AS (
           SELECT r.number, r.from_currency, r.to_currency, r.day
           FROM import_calls AS c
           JOIN exchange_rates AS r ON r.number BETWEEN c.first_rate AND c.last_rate
           WHERE c.import = $1
         ), holding AS (
           SELECT DISTINCT w.from_currency, w.to_currency, w.day
           FROM written AS w
           WHERE NOT EXISTS (SELECT 1
                             FROM exchange_rates AS later
                             WHERE later.from_currency = w.from_currency AND later.to_currency = w.to_currency
                               AND later.day = w.day AND later.number > w.number
                               AND later.number NOT IN (SELECT number FROM written))
         )
         INSERT INTO exchange_rates (number, from_currency, to_currency, day, rate, recorded_at)
         SELECT $2 + row_number() OVER (ORDER BY h.from_currency, h.to_currency, h.day), h.from_currency, h.to_currency, h.day,
                (SELECT earlier.rate
                 FROM exchange_rates AS earlier
                 WHERE earlier.from_currency = h.from_currency AND earlier.to_currency = h.to_currency AND earlier.day = h.day
                   AND earlier.number NOT IN (SELECT number FROM written)
                 ORDER BY earlier.number DESC
                 LIMIT 1),
                $3
         FROM holding AS h",
    )
    .bind(import)
    .bind(last)
    .bind(Instant(recorded_at))
    .execute(tx)
    .await?;
    Ok((recorded - replaced, replaced))
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
         WHERE r.number < $1 AND r.rate IS NOT NULL
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
