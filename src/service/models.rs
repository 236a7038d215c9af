//! Fitting models, and which of them answers.

mod contracts;
mod input;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use sqlx::PgPool;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{
    clock::Clock,
    domain::{
        basis::ActiveModel,
        calendar::Day,
        contract_models::ContractModels,
        model_version::{
            FittedSet, ModelFit, ModelVersion, Refinement, StoredParameter, StoredReport,
        },
        money::Currency,
        value::{
            fit::{
                FitError, fit_orders, fit_spend,
                report::{Convergence, FitReport},
            },
            model::ModelKind,
        },
    },
    metrics::{FitMetrics, FitOutcome},
    service::{bases::Bases, error::ServiceError},
    store::{self, pool::SNAPSHOT},
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
    /// Held while a fit runs: one at a time, so that a fit never starves the callers of the other cores.
    fitting: Arc<Mutex<()>>,
}

/// What to fit.
#[derive(Debug, Clone, Copy)]
pub struct FitRequest {
    /// The model of orders.
    pub kind: ModelKind,
    /// Last day whose facts are used; today when it is `None`.
    pub until: Option<Day>,
    /// Whether the new version answers from now on, if it converged.
    pub activate: bool,
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
            fitting: Arc::default(),
        }
    }

    /// Fits a model and stores it as a new version. A version that did not converge is stored for its report, and not activated.
    ///
    /// # Errors
    /// Another fit runs, there is nothing to fit on, or the database cannot be asked.
    pub async fn fit(&self, request: FitRequest) -> Result<ModelVersion, ServiceError> {
        let turn = Arc::clone(&self.fitting).try_lock_owned();
        let turn = turn.map_err(|_| ServiceError::FitRunning)?;
        let start = Instant::now();
        let result = self.fit_and_store(request, turn).await;
        let outcome = match &result {
            Ok(version) if version.fit.converged() => FitOutcome::Converged,
            Ok(_) => FitOutcome::NotConverged,
            Err(_) => FitOutcome::Failed,
        };
        self.metrics.record(outcome, start.elapsed().as_secs_f64());
        result
    }

    async fn fit_and_store(
        &self,
        request: FitRequest,
        turn: OwnedMutexGuard<()>,
    ) -> Result<ModelVersion, ServiceError> {
        let now = self.clock.now();
        let today =
            Day::of(now, &self.zone).map_err(|error| ServiceError::Internal(Box::new(error)))?;
        let until = request.until.unwrap_or(today);
        // One snapshot: a customer who buys between two statements would be counted by both.
        let mut tx = self.batch.begin_with(SNAPSHOT).await?;
        let currencies = store::currencies::list(&mut tx).await?;
        let currency = self.bases.current().reporting_currency;
        let input = input::read(&mut tx, until, currency).await?;
        tx.rollback().await?;
        let absent = currency.is_none().then(|| no_currency(&currencies));
        // The turn goes with the computation, which goes on when the caller gives up: two would starve the callers of all cores.
        let fitted = tokio::task::spawn_blocking(move || {
            let fitted = fit(request.kind, until, &input, absent);
            (fitted, turn)
        });
        let (fit, _turn) = fitted
            .await
            .map_err(|error| ServiceError::Internal(Box::new(error)))?;
        let fit = fit?;

        let mut tx = self.pool.begin().await?;
        let version = store::models::insert(&mut tx, &fit, now).await?;
        // A version that cannot say what anybody is worth does not replace one that can.
        let worse = self
            .bases
            .current()
            .model
            .as_ref()
            .is_some_and(|active| says_less(&fit, active));
        let active = request.activate && fit.converged() && !worse;
        if active {
            store::models::activate(&mut tx, version, now).await?;
            self.bases.commit_and_renew(tx).await?;
        } else {
            tx.commit().await?;
        }
        Ok(ModelVersion {
            version,
            active,
            created_at: now,
            fit,
        })
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
        store::models::activate(&mut tx, version, self.clock.now()).await?;
        self.bases.commit_and_renew(tx).await?;
        Ok(ModelVersion {
            active: true,
            ..found
        })
    }
}

/// Whether a fit lacks a model of spend or of contracts that the active version has.
fn says_less(fit: &ModelFit, active: &ActiveModel) -> bool {
    let contracts = ContractModels::of_fits(&fit.contracts);
    (fit.pooled.spend.is_err() && active.has_spend())
        || (!contracts.has_pooled() && active.contracts.has_pooled())
}

/// Why there is no reporting currency.
fn no_currency(currencies: &[Currency]) -> String {
    match currencies {
        [] => "nothing was bought yet".to_owned(),
        [only] => format!("the only currency in use, {only}, came into use just now: fit again"),
        several => {
            let codes: Vec<_> = several.iter().map(|currency| currency.code()).collect();
            format!(
                "amounts are in {}, and no definitions say which to report in",
                codes.join(", ")
            )
        }
    }
}

fn fit(
    kind: ModelKind,
    until: Day,
    input: &input::Input,
    no_currency: Option<String>,
) -> Result<ModelFit, ServiceError> {
    let start = Instant::now();
    let orders = fit_orders(kind, &input.orders).map_err(ServiceError::NothingToFit)?;
    let orders_report = stored(&orders.report, start.elapsed());
    let start = Instant::now();
    let spend = match (input.currency, no_currency) {
        (Some(currency), None) => fit_spend(&input.spend)
            .map(|spend| {
                (
                    spend.model,
                    currency,
                    stored(&spend.report, start.elapsed()),
                )
            })
            .map_err(|error: FitError| error.to_string()),
        (_, reason) => Err(reason.unwrap_or_default()),
    };
    Ok(ModelFit {
        until,
        pooled: FittedSet {
            orders: orders.model,
            orders_report,
            spend,
        },
        refinement: Refinement::No,
        contracts: contracts::fit(&input.contracts),
    })
}

fn stored(report: &FitReport, duration: Duration) -> StoredReport {
    let errors = report.standard_errors();
    let parameters = report
        .parameter_names
        .iter()
        .zip(&report.estimates)
        .enumerate();
    StoredReport {
        parameters: parameters
            .map(|(at, (name, &value))| StoredParameter {
                name: name.clone(),
                value,
                standard_error: errors
                    .as_ref()
                    .map(|errors| errors[at])
                    .filter(|error| error.is_finite()),
            })
            .collect(),
        log_covariance: report.log_covariance.clone(),
        log_likelihood: report.log_likelihood,
        customers: report.customers,
        distinct_rows: report.distinct_rows as u64,
        iterations: report.iterations,
        not_converged_reason: not_converged_reason(&report.convergence),
        gradient_norm: report.gradient_norm,
        condition_number: Some(report.condition_number).filter(|condition| condition.is_finite()),
        duration,
    }
}

fn not_converged_reason(convergence: &Convergence) -> Option<String> {
    match convergence {
        Convergence::Converged => None,
        Convergence::Degenerate { parameters } => Some(format!(
            "the data do not determine {} together: the likelihood is flat there",
            parameters.join(" and ")
        )),
        Convergence::TooFewRows { distinct_rows } => Some(format!(
            "{distinct_rows} distinct histories are too few: many parameters fit them equally well"
        )),
        Convergence::NotConverged { gradient_norm } => Some(format!(
            "the search ended with a gradient of {gradient_norm:e} per customer"
        )),
    }
}
