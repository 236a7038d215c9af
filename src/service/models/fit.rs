//! Fitting a model and storing it as a version.

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;

use super::{
    Models,
    compute::{Plan, Seasonality},
    input,
    permits::Permit,
    samples,
};
use crate::{
    domain::{
        basis::{ActiveModel, Basis},
        calendar::Day,
        clv::{model::ModelFamily, spend_orders::SpendOrders},
        fitted::{
            ModelFit, ModelVersion, contract_models::ContractModels, parameters::Covariate,
            report::StoredPrior,
        },
        money::Currency,
        text::Label,
    },
    metrics::FitOutcome,
    service::{completion::spawn_to_completion, error::ServiceError, missing_rates, retry::retry},
    store,
};

/// What to fit.
#[derive(Debug, Clone)]
pub struct FitRequest {
    /// The model of orders.
    pub kind: ModelFamily,
    /// Last day whose facts are used. When it is `None`, today, or the day of anybody's last purchase where the silence since then means that
    /// facts are missing.
    pub until: Option<Day>,
    /// Whether the new version answers from now on, if it converged.
    pub activate: bool,
    /// Whether kinds of customers get parameters of their own.
    pub by_kind: bool,
    /// Names of the attributes that order rate and drop-out are to depend on; not together with `by_kind`.
    pub covariates: Vec<String>,
    /// Knowledge about the order parameters before the data.
    pub prior: Option<StoredPrior>,
    /// The orders that spend is fitted to.
    pub spend_orders: SpendOrders,
    /// Whether order rates have a seasonal index; only of a family that [knows seasons](ModelFamily::knows_seasons).
    pub seasonal: bool,
    /// The same request under the same id is answered with the same version.
    pub request_id: Option<Label>,
}

/// A fit that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningFit {
    /// The order model.
    pub kind: ModelFamily,
    /// Last day of the facts used.
    pub until: Day,
    /// When it began.
    pub since: Timestamp,
    /// The id of its request, if the caller gave one.
    pub request_id: Option<Label>,
}

/// The right to fit a kind of model.
pub(super) type FitPermit = Permit<ModelFamily, RunningFit>;

/// A request that was found sound.
struct ValidatedFit {
    request: FitRequest,
    covariates: Vec<Covariate>,
    until: Day,
}

impl FitRequest {
    /// What is asked for, in one line: equal for equal requests.
    fn canonical(&self) -> String {
        let prior = self.prior.map(|prior| (prior.medians, prior.log_spreads));
        // A request that does not choose has the line that earlier programs stored for it.
        let spend_orders = match self.spend_orders {
            SpendOrders::All => String::new(),
            orders @ (SpendOrders::Repeat | SpendOrders::RepeatMeans) => {
                format!(" spend_orders={}", orders.name())
            }
        };
        let seasonal = if self.seasonal { " seasonal" } else { "" };
        format!(
            "kind={} until={} activate={} by_kind={} covariates={} prior={prior:?}{spend_orders}{seasonal}",
            self.kind.name(),
            self.until.map_or("today".to_owned(), |day| day.to_string()),
            self.activate,
            self.by_kind,
            self.covariates.join(","),
        )
    }
}

impl Models {
    /// Fits a model and stores it as a new version. A version that did not converge is stored for its report, and not activated.
    /// A request that was answered before is answered again; while the first of its id runs, the second waits for it.
    ///
    /// # Errors
    /// Another fit of that kind runs, the request id belongs to another request, there is nothing to fit on, or the database cannot be
    /// asked.
    pub async fn fit(self: &Arc<Self>, request: FitRequest) -> Result<ModelVersion, ServiceError> {
        let now = self.clock.now();
        let today = Day::in_zone(now, &self.zone)
            .map_err(|error| ServiceError::Internal(Box::new(error)))?;
        let until = request.until.unwrap_or(today);
        if until > today {
            // Silence that has not happened yet would count as silence.
            return Err(ServiceError::DayAhead {
                field: "until",
                day: until,
                today,
            });
        }
        let permit = loop {
            if let Some(answered) = self.replay(&request).await? {
                return Ok(answered);
            }
            let mine = RunningFit {
                kind: request.kind,
                until,
                since: now,
                request_id: request.request_id.clone(),
            };
            match self.permits.acquire(request.kind, mine) {
                Ok(permit) => break permit,
                Err(busy) => {
                    let running = busy.running.clone();
                    if running.request_id.is_none() || running.request_id != request.request_id {
                        return Err(ServiceError::FitRunning(Box::new(running)));
                    }
                    busy.ended().await;
                }
            }
        };
        // Between the look and the permit, the first of its id may have ended.
        if let Some(answered) = self.replay(&request).await? {
            return Ok(answered);
        }
        // Only now: what was answered once is answered again, whatever the definitions have come to say.
        let covariates = self.covariates(&request.covariates);
        let covariates = covariates.map_err(ServiceError::NotCovariates)?;
        let models = Arc::clone(self);
        let named = request.request_id.is_some();
        let what = ValidatedFit {
            request,
            covariates,
            until,
        };
        let work = async move { models.fit_and_record(what, permit).await };
        if named {
            spawn_to_completion(work).await
        } else {
            work.await
        }
    }

    /// The version that this request was answered with before.
    async fn replay(&self, request: &FitRequest) -> Result<Option<ModelVersion>, ServiceError> {
        let Some(request_id) = &request.request_id else {
            return Ok(None);
        };
        let mut connection = self.pool.acquire().await?;
        let answered = store::models::fit_requests::find(&mut connection, request_id).await?;
        let Some(answered) = answered else {
            return Ok(None);
        };
        if answered.request != request.canonical() {
            return Err(ServiceError::RequestIdReused(request_id.clone()));
        }
        let found = store::models::find(&mut connection, answered.version).await?;
        drop(connection);
        let version = answered.version;
        let found = found.ok_or(ServiceError::ModelNotFound(version))?;
        if found.active {
            let answers =
                |basis: &Basis| basis.model.as_ref().map(|model| model.version) == Some(version);
            self.bases.renew_unless(answers).await?;
        }
        Ok(Some(found))
    }

    async fn fit_and_record(
        self: Arc<Self>,
        what: ValidatedFit,
        permit: FitPermit,
    ) -> Result<ModelVersion, ServiceError> {
        let start = Instant::now();
        let result = self.fit_and_store(what, permit).await;
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
        what: ValidatedFit,
        permit: FitPermit,
    ) -> Result<ModelVersion, ServiceError> {
        let ValidatedFit {
            request,
            covariates,
            until,
        } = what;
        // One snapshot: a customer who buys between two statements would be counted by both.
        let mut tx = self.pool.begin_snapshot().await?;
        let currencies = store::currencies::list(&mut tx).await?;
        let basis = self.bases.current();
        let currency = basis.reporting_currency;
        let wanted = input::Wanted {
            spend_orders: request.spend_orders,
            covariates: &covariates,
            by_day: request.seasonal,
        };
        let mut input = input::read(&mut tx, until, &basis, wanted).await?;
        let facts_end = input.facts_end(until);
        // A day that nobody asked for is not one whose facts are missing.
        let until = match facts_end {
            Some(end) if request.until.is_none() && end.lacks_facts() => {
                let until = end.last_purchase;
                input = input::read(&mut tx, until, &basis, wanted).await?;
                end.last_purchase
            }
            Some(_) | None => until,
        };
        let (customers, gaps) = (input.customers(), std::mem::take(&mut input.gaps));
        let today = Day::in_zone(self.clock.now(), &self.zone);
        let today = today.map_err(|error| ServiceError::Internal(Box::new(error)))?;
        let plan = Plan {
            kind: request.kind,
            stages: None,
            until,
            by_kind: request.by_kind,
            covariates,
            prior: request.prior,
            spend_orders: request.spend_orders,
            season: if request.seasonal {
                Seasonality::Estimated
            } else {
                Seasonality::No
            },
            currency: currency.ok_or_else(|| no_currency(&currencies)),
        };
        // The permit goes with the computations, which go on when the caller gives up: two fits would starve the callers of all cores.
        let permit = Arc::new(permit);
        let from_rows = self.compute(&permit, move || plan.compute(&input));
        // The database reads the samples while the rows are fitted.
        let from_samples = async {
            let samples = samples::read(&mut tx, until, customers, gaps, &basis).await?;
            let unconvertible = missing_rates::count(&mut tx, &basis, today).await?;
            tx.rollback().await?;
            let samples = self
                .compute(&permit, move || Ok(samples.fit(currency)))
                .await?;
            Ok::<_, ServiceError>((samples, unconvertible.customers))
        };
        // Both run to their ends: a caller who gets "nothing to fit" may retry at once and finds the permit free.
        let (draft, from_samples) = tokio::join!(from_rows, from_samples);
        let (draft, (samples, unconvertible_customers)) = (draft?, from_samples?);
        let fit = ModelFit {
            unconvertible_customers,
            facts_end,
            ..draft.complete(samples)
        };
        retry(&self.pool, || self.store(&request, &fit)).await
    }

    /// Runs `work` on a thread of the lane, which keeps the permit until it is done or has stopped.
    async fn compute<T: Send + 'static>(
        &self,
        permit: &Arc<FitPermit>,
        work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let permit = Arc::clone(permit);
        let work = move || {
            let _permit = permit;
            work()
        };
        self.lane.compute(work).await?
    }

    async fn store(
        &self,
        request: &FitRequest,
        fit: &ModelFit,
    ) -> Result<ModelVersion, ServiceError> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let version = store::models::insert(&mut tx, fit, now).await?;
        if let Some(id) = &request.request_id {
            let line = request.canonical();
            if !store::models::fit_requests::insert(&mut tx, id, &line, version, now).await? {
                // Another server was first with the same id.
                tx.rollback().await?;
                let answered = self.replay(request).await?;
                return answered.ok_or(ServiceError::Contended);
            }
        }
        // A version that cannot say what anybody is worth does not replace one that can.
        let basis = self.bases.current();
        let worse = basis
            .model
            .as_ref()
            .is_some_and(|active| would_lose_capability(fit, active));
        let active = request.activate && fit.converged() && !worse;
        if active {
            store::models::activations::activate(&mut tx, version, now).await?;
            self.bases.commit_and_renew(tx).await?;
        } else {
            self.pool.check_open()?;
            tx.commit().await?;
        }
        Ok(ModelVersion {
            version,
            active,
            created_at: now,
            fit: fit.clone(),
        })
    }
}

/// Whether a fit lacks a model of orders, of spend with a mean, or of contracts, that the active version has.
fn would_lose_capability(fit: &ModelFit, active: &ActiveModel) -> bool {
    let contracts = ContractModels::of_fits(&fit.contracts);
    let spend = fit.pooled.as_ref().ok();
    let spend = spend.and_then(|set| set.spend.as_ref().ok());
    let no_spend = spend.is_none_or(|(spend, _, _)| spend.population_mean().is_err());
    let no_orders = fit.pooled.is_err() && active.parameters.is_some();
    no_orders
        || (no_spend && active.has_spend())
        || (!contracts.has_pooled() && active.contracts.has_pooled())
}

/// Why there is no reporting currency.
pub(in crate::service) fn no_currency(currencies: &[Currency]) -> String {
    match currencies {
        [] => "no purchase is recorded yet".to_owned(),
        [only] => format!("the only currency in use, {only}, is new: fit again"),
        several => {
            let codes: Vec<_> = several.iter().map(|currency| currency.code()).collect();
            format!(
                "amounts are in {}, and no definitions choose a reporting currency",
                codes.join(", ")
            )
        }
    }
}
