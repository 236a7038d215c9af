//! Fitted model versions: immutable, at most one of them active.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::{
    domain::{
        model_version::{ModelFit, ModelVersion, StoredReport},
        value::{gamma_gamma::GammaGamma, model::ModelKind, model::OrderModel},
    },
    store::{codes, error::StoreError, instant::Instant},
};

/// The fit as it stands in its column.
#[derive(Serialize, Deserialize)]
struct FitDocument {
    kind: String,
    until: i32,
    orders: StoredReport,
    spend: Option<SpendDocument>,
    spend_absent_reason: Option<String>,
    /// Absent in versions that were fitted before amounts could be converted.
    #[serde(default)]
    unconvertible_customers: u64,
}

#[derive(Serialize, Deserialize)]
struct SpendDocument {
    currency: String,
    report: StoredReport,
}

impl From<&ModelFit> for FitDocument {
    fn from(fit: &ModelFit) -> Self {
        let spend = fit
            .spend
            .as_ref()
            .ok()
            .map(|(_, currency, report)| SpendDocument {
                currency: currency.to_string(),
                report: report.clone(),
            });
        Self {
            kind: fit.orders.kind().name().to_owned(),
            until: fit.until.number(),
            orders: fit.orders_report.clone(),
            spend,
            spend_absent_reason: fit.spend.as_ref().err().cloned(),
            unconvertible_customers: fit.unconvertible_customers,
        }
    }
}

impl TryFrom<FitDocument> for ModelFit {
    type Error = StoreError;

    fn try_from(document: FitDocument) -> Result<Self, StoreError> {
        let corrupt = |why: &dyn std::fmt::Display| StoreError::corrupt("model version", why);
        let kind = ModelKind::from_name(&document.kind).ok_or_else(|| corrupt(&document.kind))?;
        let orders =
            OrderModel::new(kind, values(&document.orders)?).map_err(|error| corrupt(&error))?;
        let spend = match document.spend {
            Some(SpendDocument { currency, report }) => {
                let [p, q, v] = values(&report)?;
                let model = GammaGamma::new(p, q, v).map_err(|error| corrupt(&error))?;
                Ok((model, codes::currency(&currency)?, report))
            }
            None => Err(document.spend_absent_reason.unwrap_or_default()),
        };
        Ok(Self {
            orders,
            orders_report: document.orders,
            spend,
            unconvertible_customers: document.unconvertible_customers,
            until: codes::day(document.until)?,
        })
    }
}

/// The parameters of a report, of which a model has `N`.
fn values<const N: usize>(report: &StoredReport) -> Result<[f64; N], StoreError> {
    let values: Vec<f64> = report
        .parameters
        .iter()
        .map(|parameter| parameter.value)
        .collect();
    let count = values.len();
    values
        .try_into()
        .map_err(|_| StoreError::corrupt("number of model parameters", count))
}

/// Stores a fit as the next version and returns its number.
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

/// Makes a stored version the active one.
///
/// # Errors
/// When the database cannot be asked, or there is no such version.
pub async fn activate(
    tx: &mut PgConnection,
    version: i64,
    activated_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO active_model (version, activated_at)
         VALUES ($1, $2)
         ON CONFLICT (singleton) DO UPDATE
         SET version      = excluded.version,
             activated_at = excluded.activated_at",
    )
    .bind(version)
    .bind(Instant(activated_at))
    .execute(tx)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    version: i64,
    active: bool,
    created_at: Instant,
    fit: String,
}

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
