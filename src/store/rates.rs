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

/// Takes back the rates that an import stated: of each pair and day the last rate holds again that was stated and not taken back, or none does.
/// Appended in the order of the rates, numbered from the one after `last`. Returns how many were taken back, and how many stay because others
/// stated them too. To be called with the lock of rates held.
///
/// # Errors
/// When the database cannot be asked.
pub async fn take_back(
    tx: &mut PgConnection,
    import: i64,
    last: i64,
    recorded_at: Timestamp,
) -> Result<(i64, i64), StoreError> {
    let counts: (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE NOT stays), count(*) FILTER (WHERE stays)
         FROM (SELECT EXISTS (SELECT 1 FROM rate_repeats AS p WHERE p.number = r.number AND p.import <> $1) AS stays
               FROM import_calls AS c
               JOIN exchange_rates AS r ON r.number BETWEEN c.first_rate AND c.last_rate
               WHERE c.import = $1) AS written",
    )
    .bind(import)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query(
        "WITH affected AS (
           SELECT r.from_currency, r.to_currency, r.day
           FROM import_calls AS c
           JOIN exchange_rates AS r ON r.number BETWEEN c.first_rate AND c.last_rate
           WHERE c.import = $1
           UNION
           SELECT r.from_currency, r.to_currency, r.day
           FROM rate_repeats AS p
           JOIN exchange_rates AS r ON r.number = p.number
           WHERE p.import = $1
         ), undone AS (
           SELECT c.first_rate, c.last_rate
           FROM import_calls AS c
           JOIN imports AS i ON i.number = c.import
           WHERE c.first_rate IS NOT NULL AND (c.import = $1 OR i.undone_at IS NOT NULL)
         ), compared AS (
           SELECT a.from_currency, a.to_currency, a.day,
                  coalesce((SELECT s.number
                            FROM exchange_rates AS s
                            WHERE s.from_currency = a.from_currency AND s.to_currency = a.to_currency AND s.day = a.day
                              AND s.restores IS NULL
                              AND (NOT EXISTS (SELECT 1 FROM undone AS u WHERE s.number BETWEEN u.first_rate AND u.last_rate)
                                   OR EXISTS (SELECT 1 FROM rate_repeats AS p WHERE p.number = s.number AND p.import <> $1))
                            ORDER BY s.number DESC
                            LIMIT 1), 0) AS stated,
                  (SELECT coalesce(h.restores, h.number)
                   FROM exchange_rates AS h
                   WHERE h.from_currency = a.from_currency AND h.to_currency = a.to_currency AND h.day = a.day
                   ORDER BY h.number DESC
                   LIMIT 1) AS holding
           FROM affected AS a
         )
         INSERT INTO exchange_rates (number, from_currency, to_currency, day, rate, recorded_at, restores)
         SELECT $2 + row_number() OVER (ORDER BY c.from_currency, c.to_currency, c.day), c.from_currency, c.to_currency, c.day,
                (SELECT s.rate FROM exchange_rates AS s WHERE s.number = c.stated), $3, c.stated
         FROM compared AS c
         WHERE c.stated <> c.holding",
    )
    .bind(import)
    .bind(last)
    .bind(Instant(recorded_at))
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM rate_repeats WHERE import = $1")
        .bind(import)
        .execute(tx)
        .await?;
    Ok(counts)
}

/// Notes that `import`, or [`NO_IMPORT`](crate::store::repeats::NO_IMPORT), stated rates that hold already, where another import did: they stay when
/// that one is undone. As for other facts, the fourth import lets a rate stay for good. Says whether any note is new.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert_repeats(
    tx: &mut PgConnection,
    import: i64,
    rates: &[ExchangeRate],
) -> Result<bool, StoreError> {
    if rates.is_empty() {
        return Ok(false);
    }
    let columns = Columns::from_rates(rates);
    let noted = sqlx::query(
        "WITH holding AS (
           SELECT DISTINCT ON (r.from_currency, r.to_currency, r.day) coalesce(r.restores, r.number) AS number
           FROM unnest($2::text[], $3::text[], $4::integer[]) AS asked (from_currency, to_currency, day)
           JOIN exchange_rates AS r USING (from_currency, to_currency, day)
           ORDER BY r.from_currency, r.to_currency, r.day, r.number DESC
         )
         INSERT INTO rate_repeats (number, import)
         SELECT h.number, CASE WHEN known.count < 3 THEN $1 ELSE 0 END
         FROM holding AS h
         JOIN import_calls AS c ON h.number BETWEEN c.first_rate AND c.last_rate
         CROSS JOIN LATERAL (SELECT count(*) AS count, coalesce(bool_or(p.import IN (0, $1)), false) AS stays
                             FROM rate_repeats AS p
                             WHERE p.number = h.number) AS known
         WHERE c.first_rate IS NOT NULL AND c.import <> $1 AND NOT known.stays
         ON CONFLICT DO NOTHING",
    )
    .bind(import)
    .bind(columns.from)
    .bind(columns.to)
    .bind(columns.day)
    .execute(tx)
    .await?;
    Ok(noted.rows_affected() > 0)
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
