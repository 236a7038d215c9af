//! What is new in the logs since a position.

use jiff::Timestamp;
use sqlx::{PgConnection, Postgres, Transaction};

use super::Position;
use crate::{
    domain::{calendar::Day, text::CustomerId},
    store::{
        codes,
        error::StoreError,
        identifiers::{IdentifierDigest, stored_digest},
        instant::Instant,
        pool::Pool,
    },
};

/// So many rows of a log are read at once. Whoever has missed more drops all it has in memory sooner than it reads them.
pub const MAX_ROWS: usize = 50_000;

/// What the basis is built of, by names that change with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasisVersions {
    model: Option<i64>,
    revision: Option<i64>,
    rate: Option<i64>,
    currencies: Option<String>,
    contact_currencies: Option<String>,
}

crate::store::row::from_row!(BasisVersions {
    model,
    revision,
    rate,
    currencies,
    contact_currencies
});

impl BasisVersions {
    /// Whether these are the active model and the revision in force; 0 is the built-in one.
    #[must_use]
    pub fn are_of(&self, model: Option<i64>, revision: i64) -> bool {
        self.model == model && self.revision.unwrap_or(0) == revision
    }
}

/// How far somebody has read.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Which transactions ended.
    pub position: Position,
    /// What the basis was built of.
    pub basis: BasisVersions,
    /// The line of history of the database: a standby that takes over begins another one. `None` where only standbys have been asked.
    timeline: Option<String>,
    /// The last row that was read: in a database that lost some of its last writes, as in a failover, it may not be.
    last: Option<Last>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Last {
    id: i64,
    xid: u64,
    recorded_at: Timestamp,
}

/// What came since.
#[derive(Debug)]
pub struct News {
    /// How far it goes.
    pub seen: Seen,
    /// What changed.
    pub changes: Changes,
}

/// What changed since a position.
#[derive(Debug)]
pub enum Changes {
    /// These.
    Known(Known),
    /// More than is read at once, or what is not in the log any more.
    TooMany,
    /// The database went back to an earlier state.
    WentBack,
}

/// Changes as the logs name them.
#[derive(Debug, Default)]
pub struct Known {
    /// Customers with the versions that writes made.
    pub customers: Vec<(CustomerId, i64)>,
    /// Identifiers whose customers may be other ones.
    pub identifiers: Vec<IdentifierDigest>,
    /// When the first and the last of the writes were recorded.
    pub recorded: Option<(Timestamp, Timestamp)>,
    /// The last purchase of those among the customers who are persons and companies.
    pub last_purchase: Option<Day>,
}

#[derive(Debug)]
struct State {
    position: String,
    is_standby: bool,
    timeline: Option<String>,
    trimmed_xid: Option<String>,
    is_continued: bool,
}

crate::store::row::from_row!(State {
    position,
    is_standby,
    timeline,
    trimmed_xid,
    is_continued
});

/// Where the logs end now.
///
/// # Errors
/// When the database cannot be asked.
pub async fn find_end(pool: &Pool) -> Result<Seen, StoreError> {
    let mut tx = pool.begin_snapshot().await?;
    let state = find_state(&mut tx, None).await?;
    let basis = find_basis(&mut tx).await?;
    tx.rollback().await?;
    Ok(Seen {
        position: state.position()?,
        basis,
        timeline: state.timeline,
        last: None,
    })
}

/// What came since `seen`, as of one state of the database.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn read(pool: &Pool, seen: &Seen) -> Result<News, StoreError> {
    let mut tx = pool.begin_snapshot().await?;
    let state = find_state(&mut tx, seen.last.as_ref()).await?;
    let basis = find_basis(&mut tx).await?;
    let position = state.position()?;
    // One that has not begun is of another database, of which this one is a copy.
    let trimmed = state.trimmed()?.filter(|xid| position.has_begun(*xid));
    let mut before = seen.last.clone();
    let (changes, last) = if !position.covers(&seen.position) || seen.is_left_by(&state) {
        (Changes::WentBack, None)
    } else if trimmed.is_some_and(|xid| !seen.position.is_past(xid)) {
        (Changes::TooMany, None)
    } else if !state.is_continued && !is_trimmed(seen.last.as_ref(), trimmed) {
        (Changes::WentBack, None)
    } else {
        read_changes(&mut tx, &seen.position).await?
    };
    tx.rollback().await?;
    if !matches!(changes, Changes::Known(_)) {
        // It may be gone for good.
        before = None;
    }
    Ok(News {
        seen: Seen {
            position,
            basis,
            timeline: state.timeline.or_else(|| seen.timeline.clone()),
            last: last.or(before),
        },
        changes,
    })
}

impl Seen {
    /// Whether another history goes on, from before the last writes that somebody saw: own ones among them, which are in memory and were
    /// not read.
    fn is_left_by(&self, state: &State) -> bool {
        let both = self.timeline.as_ref().zip(state.timeline.as_ref());
        both.is_some_and(|(before, now)| before != now)
    }
}

impl State {
    fn position(&self) -> Result<Position, StoreError> {
        let position: Position = self.position.parse()?;
        Ok(if self.is_standby {
            position.cautious()
        } else {
            position
        })
    }

    /// The last transaction of which rows were deleted.
    fn trimmed(&self) -> Result<Option<u64>, StoreError> {
        let xid = self.trimmed_xid.as_ref().map(|xid| xid.parse());
        xid.transpose()
            .map_err(|_| StoreError::corrupt("trimmed transaction", "not a number"))
    }
}

/// Whether the last row that was read may have been deleted for its age.
fn is_trimmed(last: Option<&Last>, trimmed: Option<u64>) -> bool {
    last.zip(trimmed)
        .is_some_and(|(last, trimmed)| last.xid <= trimmed)
}

async fn find_state(
    tx: &mut Transaction<'_, Postgres>,
    last: Option<&Last>,
) -> Result<State, StoreError> {
    let state = sqlx::query_as(
        "SELECT pg_current_snapshot()::text AS position,
                pg_is_in_recovery() AS is_standby,
                CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END AS timeline,
                (SELECT trimmed_xid::text FROM log_trims WHERE singleton) AS trimmed_xid,
                $1::bigint IS NULL
                  OR EXISTS (SELECT FROM change_log
                             WHERE id = $1 AND xid = $2::text::xid8 AND recorded_at = $3) AS is_continued",
    )
    .bind(last.map(|last| last.id))
    .bind(last.map(|last| last.xid.to_string()))
    .bind(last.map(|last| Instant(last.recorded_at)));
    Ok(state.fetch_one(&mut **tx).await?)
}

async fn find_basis(tx: &mut PgConnection) -> Result<BasisVersions, StoreError> {
    let basis = sqlx::query_as(
        "SELECT (SELECT version FROM active_model WHERE singleton) AS model,
                (SELECT revision FROM active_revision WHERE singleton) AS revision,
                (SELECT max(number) FROM exchange_rates) AS rate,
                (SELECT string_agg(currency, ' ' ORDER BY currency) FROM currencies) AS currencies,
                (SELECT string_agg(currency, ' ' ORDER BY currency) FROM contact_currencies) AS contact_currencies",
    );
    Ok(basis.fetch_one(tx).await?)
}

#[derive(Debug)]
struct ChangeRow {
    id: i64,
    xid: String,
    customer_id: String,
    version: i64,
    recorded_at: Instant,
}

crate::store::row::from_row!(ChangeRow {
    id,
    xid,
    customer_id,
    version,
    recorded_at
});

/// The rows of transactions that had not ended at `since`, and the last row of the log of profiles among them.
async fn read_changes(
    tx: &mut PgConnection,
    since: &Position,
) -> Result<(Changes, Option<Last>), StoreError> {
    let limit = i64::try_from(MAX_ROWS).unwrap_or(i64::MAX);
    let since = since.to_string();
    // A row of a transaction that has not begun came with a dump of another database. Two ways to the rows, for the index: those of transactions that ran, which may be few and long ago, and those of later ones.
    let rows: Vec<ChangeRow> = sqlx::query_as(
        "SELECT id, xid::text AS xid, customer_id, version, recorded_at
         FROM change_log
         WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot) AND xid < pg_snapshot_xmax(pg_current_snapshot())
         UNION ALL
         SELECT id, xid::text AS xid, customer_id, version, recorded_at
         FROM change_log
         WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
         LIMIT $2",
    )
    .bind(&since)
    .bind(limit)
    .fetch_all(&mut *tx)
    .await?;
    let identifiers: Vec<(i16, Vec<u8>)> = sqlx::query_as(
        "SELECT kind, digest
         FROM identifier_changes
         WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot) AND xid < pg_snapshot_xmax(pg_current_snapshot())
         UNION ALL
         SELECT kind, digest
         FROM identifier_changes
         WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
         LIMIT $2",
    )
    .bind(&since)
    .bind(limit)
    .fetch_all(&mut *tx)
    .await?;
    let last = rows.iter().max_by_key(|row| row.id).map(last_of);
    let last = last.transpose()?;
    if rows.len() >= MAX_ROWS || identifiers.len() >= MAX_ROWS {
        return Ok((Changes::TooMany, last));
    }
    let last_purchase = find_last_purchase(tx, &rows).await?;
    let recorded = rows.iter().map(|row| row.recorded_at.0);
    let known = Known {
        recorded: recorded.clone().min().zip(recorded.max()),
        customers: rows
            .iter()
            .map(|row| Ok((codes::customer_id(&row.customer_id)?, row.version)))
            .collect::<Result<_, StoreError>>()?,
        identifiers: identifiers
            .into_iter()
            .map(|(kind, digest)| stored_digest(kind, digest))
            .collect::<Result<_, _>>()?,
        last_purchase,
    };
    Ok((Changes::Known(known), last))
}

fn last_of(row: &ChangeRow) -> Result<Last, StoreError> {
    let xid = row.xid.parse();
    Ok(Last {
        id: row.id,
        xid: xid.map_err(|_| StoreError::corrupt("transaction", "not a number"))?,
        recorded_at: row.recorded_at.0,
    })
}

/// The last purchase of those persons and companies who changed.
async fn find_last_purchase(
    tx: &mut PgConnection,
    rows: &[ChangeRow],
) -> Result<Option<Day>, StoreError> {
    if rows.is_empty() {
        return Ok(None);
    }
    let customers: Vec<&str> = rows.iter().map(|row| row.customer_id.as_str()).collect();
    let last: Option<i32> = sqlx::query_scalar(
        "SELECT max(last_purchase_day)
         FROM profiles
         WHERE customer_id = ANY($1) AND kind IN (1, 2)",
    )
    .bind(customers)
    .fetch_one(tx)
    .await?;
    last.map(codes::day).transpose()
}
