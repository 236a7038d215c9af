//! What fits read: distinct histories of persons and companies with their counts, as of a day.
//!
//! A customer without facts after that day is counted by the database from the scalar columns of the profile. The others come one by
//! one, since what they did until then is only in the packed part, or, after refunds, only in the facts. So do, for their spend, those
//! who bought in other currencies, since each of their days has a rate of its own, and those whose columns an earlier program left empty.

use futures_util::TryStreamExt;
use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::Day,
        clv::history::LogGaps,
        customer::{CustomerKind, profile::History},
        money::Currency,
        text::CustomerId,
    },
    store::{codes, error::StoreError, packed},
};

/// Customers of one kind that share a history of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderCount {
    /// Their kind.
    pub kind: CustomerKind,
    /// Purchase days after the first.
    pub frequency: i32,
    /// Days from the first to the last purchase day.
    pub recency_days: i32,
    /// Days from the first purchase day to the day of the fit.
    pub age_days: i32,
    /// How many customers.
    pub customers: i64,
    /// The gaps between purchase days of all of them.
    pub log_gaps: LogGaps,
}

/// Customers of one kind that share a number of orders and their total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpendCount {
    /// Their kind.
    pub kind: CustomerKind,
    /// Orders of each of them, at least 1: those with a positive net amount, or all repeat orders where means are counted.
    pub orders: i32,
    /// Total amount of those orders, in minor units.
    pub amount_minor: i64,
    /// Sum over the orders of all of them of the natural logarithm, of minor units and in billionths; `None` where means are counted.
    pub log_sum_nano: Option<i64>,
    /// How many customers.
    pub customers: i64,
}

/// One customer with what all facts say.
#[derive(Debug, Clone)]
pub struct OneCustomer {
    /// Who.
    pub id: CustomerId,
    /// Of which kind.
    pub kind: CustomerKind,
    /// In which of the [`BUCKETS`](crate::store::fit_samples::BUCKETS).
    pub bucket: i32,
    /// What the facts say.
    pub history: History,
}

/// Histories of orders, among customers without facts after `until`.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn count_orders(
    connection: &mut PgConnection,
    until: Day,
) -> Result<Vec<OrderCount>, StoreError> {
    let rows: Vec<(i16, i32, i32, i32, i64, i64)> = sqlx::query_as(
        "SELECT kind,
                purchase_day_count - 1                       AS frequency,
                last_purchase_day - first_purchase_day       AS recency_days,
                $1 - first_purchase_day                      AS age_days,
                count(*)                                     AS customers,
                coalesce(sum(log_gap_billionths), 0)::bigint AS log_gap_billionths
         FROM profiles
         WHERE kind IN (1, 2) AND first_purchase_day IS NOT NULL AND last_event_day <= $1
         GROUP BY 1, 2, 3, 4",
    )
    .bind(until.number())
    .fetch_all(connection)
    .await?;
    let counts = rows.into_iter().map(
        |(kind, frequency, recency_days, age_days, customers, log_gaps)| {
            Ok(OrderCount {
                log_gaps: codes::log_gaps(log_gaps),
                kind: codes::customer_kind(kind)?,
                frequency,
                recency_days,
                age_days,
                customers,
            })
        },
    );
    counts.collect()
}

/// Paid orders in `currency`, with the first or without it, among customers without facts after `until`. Customers whose columns are not
/// known yet are not among them, see [`list_uncounted`].
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn count_paid_orders(
    connection: &mut PgConnection,
    until: Day,
    currency: Currency,
    has_first: bool,
) -> Result<Vec<SpendCount>, StoreError> {
    let rows: Vec<(i16, i32, i64, i64, i64)> = if has_first {
        sqlx::query_as(
            "SELECT kind,
                    paid_day_count                 AS orders,
                    paid_amount_minor              AS amount_minor,
                    sum(paid_log_sum_nano)::bigint AS log_sum_nano,
                    count(*)                       AS customers
             FROM profiles
             WHERE kind IN (1, 2) AND paid_day_count > 0 AND last_event_day <= $1 AND currency = $2
             GROUP BY 1, 2, 3",
        )
    } else {
        // The first day, which brought what the others did not, is taken off again, with the same billionths that it was added by.
        sqlx::query_as(
            "SELECT kind,
                    paid_day_count - (paid_amount_minor > repeat_amount_minor)::integer AS orders,
                    repeat_amount_minor                                                 AS amount_minor,
                    sum(paid_log_sum_nano
                        - coalesce(round(ln(nullif(paid_amount_minor - repeat_amount_minor, 0)::double precision)
                                         * 1000000000), 0)::bigint
                    )::bigint                                                           AS log_sum_nano,
                    count(*)                                                            AS customers
             FROM profiles
             WHERE kind IN (1, 2) AND repeat_amount_minor > 0 AND paid_day_count IS NOT NULL
               AND last_event_day <= $1 AND currency = $2
             GROUP BY 1, 2, 3",
        )
    }
    .bind(until.number())
    .bind(currency.code())
    .fetch_all(connection)
    .await?;
    let counts = rows
        .into_iter()
        .map(|(kind, orders, amount_minor, log_sum_nano, customers)| {
            Ok(SpendCount {
                kind: codes::customer_kind(kind)?,
                orders,
                amount_minor,
                log_sum_nano: Some(log_sum_nano),
                customers,
            })
        });
    counts.collect()
}

/// Repeat amounts in `currency`, among customers without facts after `until`.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn count_repeat_spend(
    connection: &mut PgConnection,
    until: Day,
    currency: Currency,
) -> Result<Vec<SpendCount>, StoreError> {
    let rows: Vec<(i16, i32, i64, i64)> = sqlx::query_as(
        "SELECT kind, purchase_day_count - 1 AS orders, repeat_amount_minor AS amount_minor, count(*) AS customers
         FROM profiles
         WHERE kind IN (1, 2) AND purchase_day_count > 1 AND paid_day_count IS NOT NULL
           AND last_event_day <= $1 AND currency = $2
         GROUP BY 1, 2, 3",
    )
    .bind(until.number())
    .bind(currency.code())
    .fetch_all(connection)
    .await?;
    let counts = rows
        .into_iter()
        .map(|(kind, orders, amount_minor, customers)| {
            Ok(SpendCount {
                kind: codes::customer_kind(kind)?,
                orders,
                amount_minor,
                log_sum_nano: None,
                customers,
            })
        });
    counts.collect()
}

type PackedRow = (String, i16, i32, Vec<u8>);

fn one_customer((id, kind, bucket, bytes): PackedRow) -> Result<OneCustomer, StoreError> {
    Ok(OneCustomer {
        id: codes::customer_id(&id)?,
        kind: codes::customer_kind(kind)?,
        bucket,
        history: packed::unpack(&bytes)?,
    })
}

/// Customers without facts after `until` who bought and whose spend the columns do not tell: who did not buy in `currency` alone, or whose
/// columns are not filled yet. Each with what all facts say.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_uncounted(
    connection: &mut PgConnection,
    until: Day,
    currency: Currency,
    mut each: impl FnMut(CustomerKind, &History),
) -> Result<(), StoreError> {
    let mut rows = sqlx::query_as::<_, (i16, Vec<u8>)>(
        "SELECT kind, packed
         FROM profiles
         WHERE kind IN (1, 2) AND first_purchase_day IS NOT NULL AND last_event_day <= $1
           AND (currency IS DISTINCT FROM $2 OR paid_day_count IS NULL)",
    )
    .bind(until.number())
    .bind(currency.code())
    .fetch(connection);
    while let Some((kind, bytes)) = rows.try_next().await? {
        each(codes::customer_kind(kind)?, &packed::unpack(&bytes)?);
    }
    Ok(())
}

/// Customers with facts after `until` who may have bought by then: each with what all facts say.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_later(
    connection: &mut PgConnection,
    until: Day,
    mut each: impl FnMut(OneCustomer),
) -> Result<(), StoreError> {
    let mut rows = sqlx::query_as::<_, PackedRow>(
        "SELECT customer_id, kind, hashtext(customer_id) & 65535, packed
         FROM profiles
         WHERE kind IN (1, 2) AND last_event_day > $1",
    )
    .bind(until.number())
    .fetch(connection);
    while let Some(row) = rows.try_next().await? {
        each(one_customer(row)?);
    }
    Ok(())
}

/// Customers with a purchase and without facts after `until`, each with what the facts say.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_settled(
    connection: &mut PgConnection,
    until: Day,
    mut each: impl FnMut(OneCustomer),
) -> Result<(), StoreError> {
    let mut rows = sqlx::query_as::<_, PackedRow>(
        "SELECT customer_id, kind, hashtext(customer_id) & 65535, packed
         FROM profiles
         WHERE kind IN (1, 2) AND first_purchase_day IS NOT NULL AND last_event_day <= $1",
    )
    .bind(until.number())
    .fetch(connection);
    while let Some(row) = rows.try_next().await? {
        each(one_customer(row)?);
    }
    Ok(())
}
