//! Fitted model versions: immutable, at most one of them active.

pub mod activations;
pub mod fit_requests;

mod document;

use jiff::Timestamp;
use sqlx::PgConnection;

use self::document::FitDocument;
use crate::{
    domain::fitted::{ModelFit, ModelVersion},
    store::{
        error::StoreError,
        instant::Instant,
        locks::{Single, lock_single},
    },
};

/// Stores a fit as the next version and returns its number. Fits that end at the same time queue until the transaction's end.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    fit: &ModelFit,
    created_at: Timestamp,
) -> Result<i64, StoreError> {
    let document = serde_json::to_string(&FitDocument::from(fit))
        .map_err(|error| StoreError::corrupt("model version", error))?;
    lock_single(tx, Single::ModelVersions).await?;
    let (version,): (i64,) = sqlx::query_as(
        "INSERT INTO model_versions (version, fit, created_at)
         SELECT coalesce(max(version), 0) + 1, $1::jsonb, $2
         FROM model_versions
         RETURNING version",
    )
    .bind(document)
    .bind(Instant(created_at))
    .fetch_one(tx)
    .await?;
    Ok(version)
}

struct Row {
    version: i64,
    active: bool,
    created_at: Instant,
    fit: String,
}

crate::store::row::from_row!(Row {
    version,
    active,
    created_at,
    fit
});

impl TryFrom<Row> for ModelVersion {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let document: FitDocument = serde_json::from_str(&row.fit)
            .map_err(|error| StoreError::corrupt("model version", error))?;
        Ok(Self {
            version: row.version,
            active: row.active,
            created_at: row.created_at.0,
            fit: document.try_into()?,
        })
    }
}

/// A version, if there is one of that number.
///
/// # Errors
/// When the database cannot be asked or the row cannot be read.
pub async fn find(
    connection: &mut PgConnection,
    version: i64,
) -> Result<Option<ModelVersion>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT m.version, a.version IS NOT NULL AS active, m.created_at, m.fit::text AS fit
         FROM model_versions AS m
         LEFT JOIN active_model AS a ON a.version = m.version
         WHERE m.version = $1",
    )
    .bind(version)
    .fetch_optional(connection)
    .await?;
    row.map(ModelVersion::try_from).transpose()
}

/// The version that answers, if one was activated.
///
/// # Errors
/// When the database cannot be asked or the row cannot be read.
pub async fn find_active(
    connection: &mut PgConnection,
) -> Result<Option<ModelVersion>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT m.version, true AS active, m.created_at, m.fit::text AS fit
         FROM model_versions AS m
         JOIN active_model AS a ON a.version = m.version",
    )
    .fetch_optional(connection)
    .await?;
    row.map(ModelVersion::try_from).transpose()
}

/// At most `limit` versions below `before`, newest first.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    before: i64,
    limit: i64,
) -> Result<Vec<ModelVersion>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT m.version, a.version IS NOT NULL AS active, m.created_at, m.fit::text AS fit
         FROM model_versions AS m
         LEFT JOIN active_model AS a ON a.version = m.version
         WHERE m.version < $1
         ORDER BY m.version DESC
         LIMIT $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(ModelVersion::try_from).collect()
}
