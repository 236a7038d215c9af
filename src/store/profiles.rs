//! The profiles: one row a customer, read by id, written only by who holds the customer's lock.

mod latest;
mod packed;
mod stored;
mod unconverted;

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;

pub use self::latest::list_latest;
pub use self::packed::{PackedProfile, list_packed};
pub use self::unconverted::{ConvertibleFrom, Unconverted, each_unconverted};
use crate::{
    domain::{
        calendar::Day,
        customer::{
            group::Groups,
            profile::{History, Profile},
        },
        money::Currency,
        text::{CustomerId, Label},
    },
    store::{
        codes,
        error::StoreError,
        instant::Instant,
        packed::{pack, unpack},
    },
};

pub use self::stored::{StoredProfile, list_stored_slice};

struct Row {
    customer_id: String,
    version: i64,
    kind: i16,
    display_name: Option<String>,
    packed: Vec<u8>,
    recorded_at: Instant,
    members: Option<Vec<String>>,
}

crate::store::row::from_row!(Row {
    customer_id,
    version,
    kind,
    display_name,
    packed,
    recorded_at,
    members
});

impl TryFrom<Row> for Profile {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            customer_id: codes::customer_id(&row.customer_id)?,
            version: row.version,
            kind: codes::customer_kind(row.kind)?,
            display_name: row.display_name.map(Label::from),
            recorded_at: row.recorded_at.0,
            members: members(row.members)?,
            history: unpack(&row.packed)?,
        })
    }
}

fn members(ids: Option<Vec<String>>) -> Result<Box<[CustomerId]>, StoreError> {
    let ids = ids.unwrap_or_default();
    ids.iter().map(|id| codes::customer_id(id)).collect()
}

/// The profiles of those of `customers` that are known.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Profile>, StoreError> {
    let rows = select(connection, customers).await?;
    rows.into_iter()
        .map(|row| Profile::try_from(row).map(|profile| (profile.customer_id.clone(), profile)))
        .collect()
}

async fn select(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<Vec<Row>, StoreError> {
    if customers.is_empty() {
        return Ok(vec![]);
    }
    let rows = sqlx::query_as(
        "SELECT customer_id, version, kind, display_name, packed, recorded_at, members
         FROM profiles
         WHERE customer_id = ANY($1)",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Those of `customers` who are known, those among them who are merged into others.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_known(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashSet<CustomerId>, StoreError> {
    if customers.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT customer_id FROM profiles WHERE customer_id = ANY($1)
         UNION ALL
         SELECT customer_id FROM customer_merges WHERE customer_id = ANY($1) AND unmerged_version IS NULL",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| codes::customer_id(id)).collect()
}

/// Those of `customers` into whom others were merged.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_groups(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<Groups, StoreError> {
    let rows: Vec<(String, Option<Vec<String>>)> = sqlx::query_as(
        "SELECT customer_id, members FROM profiles WHERE customer_id = ANY($1) AND members IS NOT NULL",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let mut groups = Groups::default();
    for (id, ids) in rows {
        groups.add(codes::customer_id(&id)?, members(ids)?);
    }
    Ok(groups)
}

/// Stores who is merged into a customer.
///
/// # Errors
/// When the database cannot be asked.
pub async fn update_members(tx: &mut PgConnection, profile: &Profile) -> Result<(), StoreError> {
    let members = (!profile.members.is_empty()).then(|| codes::id_array(&profile.members));
    sqlx::query("UPDATE profiles SET members = $2 WHERE customer_id = $1")
        .bind(profile.customer_id.as_str())
        .bind(members)
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes the profile of a customer out who was merged into another one.
///
/// # Errors
/// When the database cannot be asked.
pub async fn delete(tx: &mut PgConnection, customer: &CustomerId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM profiles WHERE customer_id = $1")
        .bind(customer.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// At most `limit` profiles of customers with ids after `after`, by id: a slice of all customers.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_slice(
    connection: &mut PgConnection,
    after: Option<&CustomerId>,
    limit: i64,
) -> Result<Vec<Profile>, StoreError> {
    let rows = select_slice(connection, after, limit).await?;
    rows.into_iter().map(Profile::try_from).collect()
}

async fn select_slice(
    connection: &mut PgConnection,
    after: Option<&CustomerId>,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT customer_id, version, kind, display_name, packed, recorded_at, members
         FROM profiles
         WHERE customer_id > $1
         ORDER BY customer_id
         LIMIT $2",
    )
    // No id is empty. A comparison alone, because a generic plan searches the key by nothing more.
    .bind(after.map_or("", CustomerId::as_str))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// The columns of many profiles, one array each.
#[derive(Default)]
struct Columns<'a> {
    customer_id: Vec<&'a str>,
    version: Vec<i64>,
    kind: Vec<i16>,
    display_name: Vec<Option<&'a str>>,
    first_purchase_day: Vec<Option<i32>>,
    last_purchase_day: Vec<Option<i32>>,
    purchase_day_count: Vec<i32>,
    repeat_amount_minor: Vec<Option<i64>>,
    paid_day_count: Vec<Option<i32>>,
    paid_amount_minor: Vec<Option<i64>>,
    paid_log_sum_nano: Vec<Option<i64>>,
    currency: Vec<Option<&'static str>>,
    last_event_day: Vec<Option<i32>>,
    packed: Vec<Vec<u8>>,
    recorded_at: Vec<Instant>,
    log_gap_billionths: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, profile: &'a Profile) {
        let Profile {
            customer_id,
            version,
            kind,
            display_name,
            recorded_at,
            members: _, // see `update_members`
            history,
        } = profile;
        let summary = history.purchase_summary();
        let currency = summary.and_then(|_| single_currency(history));
        self.customer_id.push(customer_id.as_str());
        self.version.push(*version);
        self.kind.push(codes::customer_kind_code(*kind));
        self.display_name.push(display_name.as_deref());
        self.first_purchase_day
            .push(summary.map(|summary| summary.first_day.number()));
        self.last_purchase_day
            .push(summary.map(|summary| summary.last_day.number()));
        let days = summary.map_or(0, |summary| summary.frequency.saturating_add(1));
        self.purchase_day_count
            .push(i32::try_from(days).unwrap_or(i32::MAX));
        let repeats = summary.map(|summary| summary.repeat_amount_minor());
        self.repeat_amount_minor
            .push(repeats.filter(|_| currency.is_some()));
        let paid = summary.filter(|_| currency.is_some());
        let paid = paid.map(|summary| summary.paid_days());
        self.paid_day_count
            .push(paid.map(|paid| i32::try_from(paid.count).unwrap_or(i32::MAX)));
        self.paid_amount_minor
            .push(paid.map(|paid| paid.amount_minor));
        self.paid_log_sum_nano
            .push(paid.map(|paid| paid.log_sum_nano));
        self.currency.push(currency.map(Currency::code));
        self.last_event_day
            .push(history.last_event_day.map(Day::number));
        self.packed.push(pack(history));
        self.recorded_at.push(Instant(*recorded_at));
        self.log_gap_billionths
            .push(codes::billionths(history.log_gaps()));
    }
}

/// The currency of all purchases and their refunds, if there is just one.
fn single_currency(history: &History) -> Option<Currency> {
    let first = history.purchases.first()?.currency;
    history
        .purchases
        .iter()
        .all(|entry| entry.currency == first && entry.foreign_refunds.is_none())
        .then_some(first)
}

/// Writes profiles over what is stored of the same customers, whose members stay. Returns the versions as they were stored.
///
/// # Errors
/// When the database cannot be asked.
pub async fn upsert<'a>(
    tx: &mut PgConnection,
    profiles: impl IntoIterator<Item = &'a Profile>,
) -> Result<Vec<(CustomerId, i64)>, StoreError> {
    let mut columns = Columns::default();
    for profile in profiles {
        columns.push(profile);
    }
    if columns.customer_id.is_empty() {
        return Ok(vec![]);
    }
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "INSERT INTO profiles
           (customer_id, version, kind, display_name, first_purchase_day, last_purchase_day, purchase_day_count,
            repeat_amount_minor, currency, last_event_day, packed, recorded_at,
            paid_day_count, paid_amount_minor, paid_log_sum_nano, log_gap_billionths)
         SELECT customer_id, version, kind, display_name, first_purchase_day, last_purchase_day, purchase_day_count,
                repeat_amount_minor, currency, last_event_day, packed, recorded_at,
                paid_day_count, paid_amount_minor, paid_log_sum_nano, log_gap_billionths
         FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::text[], $5::integer[], $6::integer[], $7::integer[],
                     $8::bigint[], $9::text[], $10::integer[], $11::bytea[], $12::timestamptz[],
                     $13::integer[], $14::bigint[], $15::bigint[], $16::bigint[])
           AS new (customer_id, version, kind, display_name, first_purchase_day, last_purchase_day, purchase_day_count,
                   repeat_amount_minor, currency, last_event_day, packed, recorded_at,
                   paid_day_count, paid_amount_minor, paid_log_sum_nano, log_gap_billionths)
         ON CONFLICT (customer_id) DO UPDATE
         SET version             = excluded.version,
             kind                = excluded.kind,
             display_name        = excluded.display_name,
             first_purchase_day  = excluded.first_purchase_day,
             last_purchase_day   = excluded.last_purchase_day,
             purchase_day_count  = excluded.purchase_day_count,
             repeat_amount_minor = excluded.repeat_amount_minor,
             currency            = excluded.currency,
             last_event_day      = excluded.last_event_day,
             packed              = excluded.packed,
             recorded_at         = excluded.recorded_at,
             paid_day_count      = excluded.paid_day_count,
             paid_amount_minor   = excluded.paid_amount_minor,
             paid_log_sum_nano   = excluded.paid_log_sum_nano,
             log_gap_billionths  = excluded.log_gap_billionths
         RETURNING customer_id, version",
    )
    .bind(columns.customer_id)
    .bind(columns.version)
    .bind(columns.kind)
    .bind(columns.display_name)
    .bind(columns.first_purchase_day)
    .bind(columns.last_purchase_day)
    .bind(columns.purchase_day_count)
    .bind(columns.repeat_amount_minor)
    .bind(columns.currency)
    .bind(columns.last_event_day)
    .bind(columns.packed)
    .bind(columns.recorded_at)
    .bind(columns.paid_day_count)
    .bind(columns.paid_amount_minor)
    .bind(columns.paid_log_sum_nano)
    .bind(columns.log_gap_billionths)
    .fetch_all(tx)
    .await?;
    rows.into_iter()
        .map(|(id, version)| Ok((codes::customer_id(&id)?, version)))
        .collect()
}

/// Those of the customers of `profiles` whose columns for fits are not what their stored history makes.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_with_other_columns(
    connection: &mut PgConnection,
    profiles: &[Profile],
) -> Result<HashSet<CustomerId>, StoreError> {
    let mut columns = Columns::default();
    for profile in profiles {
        columns.push(profile);
    }
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT customer_id
         FROM profiles AS stored
         JOIN unnest($1::text[], $2::integer[], $3::integer[], $4::integer[], $5::bigint[], $6::text[], $7::integer[],
                     $8::integer[], $9::bigint[], $10::bigint[], $11::bigint[])
           AS made (customer_id, first_purchase_day, last_purchase_day, purchase_day_count, repeat_amount_minor, currency,
                      last_event_day, paid_day_count, paid_amount_minor, paid_log_sum_nano, log_gap_billionths)
           USING (customer_id)
         WHERE (stored.first_purchase_day, stored.last_purchase_day, stored.purchase_day_count, stored.repeat_amount_minor,
                stored.currency, stored.last_event_day, stored.paid_day_count, stored.paid_amount_minor, stored.paid_log_sum_nano,
                stored.log_gap_billionths)
               IS DISTINCT FROM
               (made.first_purchase_day, made.last_purchase_day, made.purchase_day_count, made.repeat_amount_minor,
                made.currency, made.last_event_day, made.paid_day_count, made.paid_amount_minor, made.paid_log_sum_nano,
                made.log_gap_billionths)",
    )
    .bind(columns.customer_id)
    .bind(columns.first_purchase_day)
    .bind(columns.last_purchase_day)
    .bind(columns.purchase_day_count)
    .bind(columns.repeat_amount_minor)
    .bind(columns.currency)
    .bind(columns.last_event_day)
    .bind(columns.paid_day_count)
    .bind(columns.paid_amount_minor)
    .bind(columns.paid_log_sum_nano)
    .bind(columns.log_gap_billionths)
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| codes::customer_id(id)).collect()
}
