//! Published definitions: immutable, at most one of them in force.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::store::{error::StoreError, instant::Instant};

/// A published document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRevision {
    /// Number of the revision, from 1.
    pub revision: i64,
    /// Whether it is in force.
    pub active: bool,
    /// The document as it was published.
    pub document: String,
    /// When it was published.
    pub published_at: Timestamp,
    /// Why, in the words of who published it.
    pub note: String,
}

struct Row {
    revision: i64,
    active: bool,
    document: String,
    published_at: Instant,
    note: String,
}

crate::store::row::from_row!(Row {
    revision,
    active,
    document,
    published_at,
    note
});

impl From<Row> for StoredRevision {
    fn from(row: Row) -> Self {
        Self {
            revision: row.revision,
            active: row.active,
            document: row.document,
            published_at: row.published_at.0,
            note: row.note,
        }
    }
}

/// Stores a document as the next revision and returns its number.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    document: &str,
    note: &str,
    published_at: Timestamp,
) -> Result<i64, StoreError> {
    let (revision,): (i64,) = sqlx::query_as(
        "INSERT INTO definition_revisions (revision, document, published_at, note)
         SELECT coalesce(max(revision), 0) + 1, $1, $2, $3
         FROM definition_revisions
         RETURNING revision",
    )
    .bind(document)
    .bind(Instant(published_at))
    .bind(note)
    .fetch_one(tx)
    .await?;
    Ok(revision)
}

/// Puts a stored revision in force.
///
/// # Errors
/// When the database cannot be asked, or there is no such revision.
pub async fn activate(
    tx: &mut PgConnection,
    revision: i64,
    activated_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO active_revision (revision, activated_at)
         VALUES ($1, $2)
         ON CONFLICT (singleton) DO UPDATE
         SET revision     = excluded.revision,
             activated_at = excluded.activated_at",
    )
    .bind(revision)
    .bind(Instant(activated_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// Puts the built-in revision in force.
///
/// # Errors
/// When the database cannot be asked.
pub async fn deactivate(tx: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM active_revision")
        .execute(tx)
        .await?;
    Ok(())
}

/// A revision, if there is one of that number.
///
/// # Errors
/// When the database cannot be asked.
pub async fn find(
    connection: &mut PgConnection,
    revision: i64,
) -> Result<Option<StoredRevision>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT r.revision, a.revision IS NOT NULL AS active, r.document, r.published_at, r.note
         FROM definition_revisions AS r
         LEFT JOIN active_revision AS a ON a.revision = r.revision
         WHERE r.revision = $1",
    )
    .bind(revision)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(StoredRevision::from))
}

/// The revision in force, unless it is the built-in one.
///
/// # Errors
/// When the database cannot be asked.
pub async fn find_active(
    connection: &mut PgConnection,
) -> Result<Option<StoredRevision>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT r.revision, true AS active, r.document, r.published_at, r.note
         FROM definition_revisions AS r
         JOIN active_revision AS a ON a.revision = r.revision",
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(StoredRevision::from))
}

/// At most `limit` revisions below `before`, newest first.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list(
    connection: &mut PgConnection,
    before: i64,
    limit: i64,
) -> Result<Vec<StoredRevision>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT r.revision, a.revision IS NOT NULL AS active, r.document, r.published_at, r.note
         FROM definition_revisions AS r
         LEFT JOIN active_revision AS a ON a.revision = r.revision
         WHERE r.revision < $1
         ORDER BY r.revision DESC
         LIMIT $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(StoredRevision::from).collect())
}
