//! The registry of models: fitting them, keeping their versions, and which of them answers.

pub(super) mod compute;
mod contracts;
mod covariates;
pub mod evaluate;
pub(super) mod fit;
pub(super) mod input;
mod newcomers;
mod permits;
mod samples;

use std::sync::Arc;

use self::permits::Permits;
pub use self::{
    compute::Seasonality,
    covariates::CovariateProblem,
    fit::{FitRequest, RunningFit},
    newcomers::Newcomers,
};
use crate::{
    clock::Clock,
    domain::{
        clv::model::ModelFamily,
        fitted::{ModelVersion, parameters::Covariate},
    },
    metrics::FitMetrics,
    service::{current_basis::CurrentBasis, error::ServiceError, lane::Lane, retry::retry},
    store::{
        self,
        locks::{Single, lock_single},
        pool::Pool,
    },
};
use jiff::tz::TimeZone;

/// Fits models and keeps their versions.
pub struct Models {
    /// For versions, and for the input of fits, whose statements may run for minutes.
    pool: Pool,
    bases: Arc<CurrentBasis>,
    /// Where fits compute.
    lane: Lane,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    metrics: FitMetrics,
    permits: Permits<ModelFamily, RunningFit>,
}

/// What becomes of a version whose fit did not converge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotConverged {
    /// It is not activated.
    Refused,
    /// It is: the caller knows.
    Allowed,
}

impl Models {
    /// A keeper of the versions in `pool` whose fits compute in `lane`.
    #[must_use]
    pub fn new(
        pool: Pool,
        bases: Arc<CurrentBasis>,
        lane: Lane,
        clock: Arc<dyn Clock>,
        zone: TimeZone,
        metrics: FitMetrics,
    ) -> Self {
        Self {
            pool,
            bases,
            lane,
            clock,
            zone,
            metrics,
            permits: Permits::default(),
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

    /// A version; the active one when it is `None`.
    ///
    /// # Errors
    /// There is none of that number, none is active, or the database cannot be asked.
    pub async fn get(&self, version: Option<i64>) -> Result<ModelVersion, ServiceError> {
        let mut connection = self.pool.acquire().await?;
        let Some(version) = version else {
            let found = store::models::find_active(&mut connection).await?;
            return found.ok_or(ServiceError::NoActiveModel);
        };
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

    /// Makes a version the one that answers. One whose fit did not converge only when that is `allow`ed.
    ///
    /// # Errors
    /// There is none of that number, it did not converge, or the database cannot be asked.
    pub async fn activate(
        &self,
        version: i64,
        allow: NotConverged,
    ) -> Result<ModelVersion, ServiceError> {
        retry(&self.pool, || self.activate_once(version, allow)).await
    }

    async fn activate_once(
        &self,
        version: i64,
        allow: NotConverged,
    ) -> Result<ModelVersion, ServiceError> {
        let mut tx = self.pool.begin().await?;
        let found = store::models::find(&mut tx, version).await?;
        let found = found.ok_or(ServiceError::ModelNotFound(version))?;
        if allow == NotConverged::Refused && !found.fit.converged() {
            return Err(ServiceError::NotConverged(version));
        }
        store::models::activations::activate(&mut tx, version, self.clock.now()).await?;
        self.bases.commit_and_renew(tx).await?;
        Ok(ModelVersion {
            active: true,
            ..found
        })
    }

    /// Makes the version answer again that answered before the present one; `from` says which that is to be, so that a call that is
    /// sent twice does not go two steps back.
    ///
    /// # Errors
    /// There was none, another one than `from` is active, or the database cannot be asked.
    pub async fn roll_back(&self, from: Option<i64>) -> Result<ModelVersion, ServiceError> {
        retry(&self.pool, || self.roll_back_once(from)).await
    }

    async fn roll_back_once(&self, from: Option<i64>) -> Result<ModelVersion, ServiceError> {
        let mut tx = self.pool.begin().await?;
        lock_single(&mut tx, Single::Activations).await?;
        if let Some(from) = from {
            let active = store::models::find_active(&mut tx).await?;
            let active = active.map(|found| found.version);
            if active != Some(from) {
                return Err(ServiceError::ActiveVersionDiffers { from, active });
            }
        }
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
