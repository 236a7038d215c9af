//! The registry of models: fitting them, keeping their versions, and which of them answers.

mod compute;
mod contacts;
mod contracts;
mod covariates;
pub(super) mod fit;
mod input;
mod newcomers;
mod turns;

use std::sync::Arc;

use jiff::tz::TimeZone;
use sqlx::PgPool;

use self::turns::Turns;
pub use self::{
    covariates::CovariateProblem, fit::FitRequest, newcomers::Newcomers, turns::RunningFit,
};
use crate::{
    clock::Clock,
    domain::{model_version::ModelVersion, parameters::Covariate},
    metrics::FitMetrics,
    service::{bases::Bases, error::ServiceError},
    store,
};

/// Fits models and keeps their versions.
pub struct Models {
    /// For the input of fits, whose statements may run for minutes.
    batch: PgPool,
    /// For the versions.
    pool: PgPool,
    bases: Arc<Bases>,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    metrics: FitMetrics,
    turns: Arc<Turns>,
}

impl Models {
    /// A keeper of the versions in `pool` that reads the input of fits through `batch`, to the same database.
    #[must_use]
    pub fn new(
        batch: PgPool,
        pool: PgPool,
        bases: Arc<Bases>,
        clock: Arc<dyn Clock>,
        zone: TimeZone,
        metrics: FitMetrics,
    ) -> Self {
        Self {
            batch,
            pool,
            bases,
            clock,
            zone,
            metrics,
            turns: Arc::default(),
        }
    }

    /// The covariates of these names, by the definitions in force.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn covariates(&self, names: &[String]) -> Result<Vec<Covariate>, Vec<CovariateProblem>> {
        let basis = self.bases.current();
        covariates::check(basis.revision.definitions.as_deref(), names)
    }

    /// A version.
    ///
    /// # Errors
    /// There is none of that number, or the database cannot be asked.
    pub async fn get(&self, version: i64) -> Result<ModelVersion, ServiceError> {
        let mut connection = self.pool.acquire().await?;
        let found = store::models::find(&mut connection, version).await?;
        found.ok_or(ServiceError::ModelNotFound(version))
    }

    /// At most `limit` versions below `before`, newest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list(&self, before: i64, limit: i64) -> Result<Vec<ModelVersion>, ServiceError> {
        let mut connection = self.pool.acquire().await?;
        Ok(store::models::list(&mut connection, before, limit).await?)
    }

    /// Makes a version the one that answers.
    ///
    /// # Errors
    /// There is none of that number, or the database cannot be asked.
    pub async fn activate(&self, version: i64) -> Result<ModelVersion, ServiceError> {
        let mut tx = self.pool.begin().await?;
        let found = store::models::find(&mut tx, version).await?;
        let found = found.ok_or(ServiceError::ModelNotFound(version))?;
        store::models::activations::activate(&mut tx, version, self.clock.now()).await?;
        self.bases.commit_and_renew(tx).await?;
        Ok(ModelVersion {
            active: true,
            ..found
        })
    }

    /// Makes the version answer again that answered before the present one.
    ///
    /// # Errors
    /// There was none, or the database cannot be asked.
    pub async fn roll_back(&self) -> Result<ModelVersion, ServiceError> {
        let mut tx = self.pool.begin().await?;
        let earlier = store::models::activations::roll_back(&mut tx, self.clock.now()).await?;
        let version = earlier.ok_or(ServiceError::NoEarlierModel)?;
        let found = store::models::find(&mut tx, version).await?;
        let found = found.ok_or(ServiceError::ModelNotFound(version))?;
        self.bases.commit_and_renew(tx).await?;
        Ok(ModelVersion {
            active: true,
            ..found
        })
    }
}
