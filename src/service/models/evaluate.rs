//! How well a model predicts what customers do, and whether the active version still does. Nothing here is stored.

mod backtest;
mod candidate;
mod compare;
mod contracts;
mod drift;
mod input;

use std::{collections::HashMap, sync::Arc, time::Instant};

use jiff::tz::TimeZone;
use sqlx::{Postgres, Transaction};

use self::backtest::Backtest;
pub use self::{
    backtest::{ModelEvaluation, OrderEvaluation},
    candidate::{Described, FitPlan, Fits, Fitted},
    compare::{
        ComparedModel, ComparedSpend, ComparisonRequest, LikelihoodFigures, ModelComparison,
        ModelFigures,
    },
    drift::{DriftReport, DriftRequest},
};
use crate::{
    clock::Clock,
    domain::{
        assess::valuation::OrderMargins,
        basis::Basis,
        calendar::Day,
        customer::{
            CustomerKind,
            profile::{History, PurchaseDay},
        },
        evaluation::{
            Window,
            contracts::{ContractAhead, ValueFacts},
            population::Population,
            strata::Stratum,
        },
        fitted::{
            ModelVersion,
            parameters::{self, Covariate},
        },
        text::CustomerId,
    },
    metrics::{EvaluationMetrics, EvaluationOperation},
    service::{
        current_basis::CurrentBasis,
        error::ServiceError,
        lane::Lane,
        models::permits::{Permit, Permits},
    },
    store::{self, pool::Pool},
};

/// Evaluates models, one at a time.
pub struct Evaluations {
    /// For the histories, whose statement may run for minutes.
    batch: Pool,
    bases: Arc<CurrentBasis>,
    /// Where models are fitted and compared.
    lane: Lane,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    metrics: EvaluationMetrics,
    /// One at a time: two evaluations would starve the callers of all cores.
    permits: Permits<(), String>,
}

/// The right to an evaluation or a drift check.
type EvaluationPermit = Permit<(), String>;

/// What to evaluate.
#[derive(Debug, Clone)]
pub struct EvaluationRequest {
    /// The model.
    pub model: EvaluatedModel,
    /// The last day that it knows; when it is `None`, the holdout is the last quarter of the time since the first purchase.
    pub split: Option<Day>,
    /// The last day of the holdout; the last purchase day of anybody, today at the latest, when it is `None`.
    pub until: Option<Day>,
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum EvaluatedModel {
    /// Fitted for the evaluation.
    Fit(FitPlan),
    /// A stored version.
    Version(i64),
}

impl Evaluations {
    /// Evaluations that read through `batch` and compute in `lane`.
    #[must_use]
    pub fn new(
        batch: Pool,
        bases: Arc<CurrentBasis>,
        lane: Lane,
        clock: Arc<dyn Clock>,
        zone: TimeZone,
        metrics: EvaluationMetrics,
    ) -> Self {
        Self {
            batch,
            bases,
            lane,
            clock,
            zone,
            metrics,
            permits: Permits::default(),
        }
    }

    /// Evaluates a model.
    ///
    /// # Errors
    /// Another evaluation runs, there is nothing to evaluate, the version knows too much, or the database cannot be asked.
    pub async fn evaluate(
        &self,
        request: EvaluationRequest,
    ) -> Result<ModelEvaluation, ServiceError> {
        let model = match &request.model {
            EvaluatedModel::Fit(plan) => plan.words(),
            EvaluatedModel::Version(version) => format!("version {version}"),
        };
        let split = request.split.map(|split| format!(", split on {split}"));
        let what = format!("an evaluation of {model}{}", split.unwrap_or_default());
        let permit = self.acquire(what)?;
        let start = Instant::now();
        let result = self.read_and_evaluate(request, permit).await;
        let seconds = start.elapsed().as_secs_f64();
        self.metrics
            .record(EvaluationOperation::Evaluation, result.is_ok(), seconds);
        result
    }

    async fn read_and_evaluate(
        &self,
        request: EvaluationRequest,
        permit: EvaluationPermit,
    ) -> Result<ModelEvaluation, ServiceError> {
        let basis = self.bases.current();
        // One snapshot: a customer who buys between two statements would be in one of them.
        let mut tx = self.batch.begin_snapshot().await?;
        let split = match request.split {
            Some(split) => split,
            None => self.default_split(request.until, &mut tx).await?,
        };
        let (window, last_purchase_day) = self.window(split, request.until, &mut tx).await?;
        let (plan, stored) = match request.model {
            EvaluatedModel::Fit(plan) => (plan, None),
            EvaluatedModel::Version(version) => {
                let found = find_version(&mut tx, version, window.split()).await?;
                (FitPlan::of_version(&found.fit), Some(found))
            }
        };
        let currencies = store::currencies::list(&mut tx).await?;
        let split = window.split();
        let mut population = Population::new(window);
        let contracts = stored.as_ref().map(|found| &*found.fit.contracts);
        let contracts = contracts::read(&mut tx, window, contracts, &basis).await?;
        population.leave_out_contracts(contracts.left_out);
        read_values(
            &mut tx,
            &mut population,
            &plan.covariates,
            &basis,
            contracts.ahead,
        )
        .await?;
        let first_start = store::contracts::find_first_start(&mut tx, split).await?;
        tx.rollback().await?;
        let backtest = Backtest {
            plan,
            stored,
            population,
            renewals: contracts.renewals,
            currency: basis.reporting_currency,
            currencies,
            first_start,
            last_purchase_day,
        };
        self.compute(move || backtest.run(), permit).await
    }

    /// The days of an evaluation, and the last on which anybody bought.
    async fn window(
        &self,
        split: Day,
        until: Option<Day>,
        tx: &mut Transaction<'static, Postgres>,
    ) -> Result<(Window, Option<Day>), ServiceError> {
        let today = self.today()?;
        let last = store::evaluation_input::find_last_purchase_day(tx).await?;
        let until = match until.or(last.map(|last| last.min(today))) {
            Some(until) => until,
            // Contracts alone are known until today.
            None => match store::contracts::find_first_start(tx, today).await? {
                Some(_) => today,
                None => return Err(nothing_recorded()),
            },
        };
        if until > today {
            return Err(ServiceError::DayAhead {
                field: "until",
                day: until,
                today,
            });
        }
        let window = Window::new(split, until);
        let window = window.ok_or(ServiceError::EmptyHoldout { split, until })?;
        Ok((window, last))
    }

    /// Runs `work` on a thread of the lane. The permit goes with it, until it is done or has stopped.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
        permit: EvaluationPermit,
    ) -> Result<T, ServiceError> {
        let work = move || {
            let _permit = permit;
            work()
        };
        self.lane.compute(work).await?
    }

    /// The permit to run `what`, which is in words.
    fn acquire(&self, what: String) -> Result<EvaluationPermit, ServiceError> {
        let permit = self.permits.acquire((), what);
        permit.map_err(|busy| ServiceError::EvaluationRunning(busy.running))
    }

    fn today(&self) -> Result<Day, ServiceError> {
        Day::in_zone(self.clock.now(), &self.zone)
            .map_err(|error| ServiceError::Internal(Box::new(error)))
    }
}

/// What persons and companies did until the split and in the holdout, with their covariates at the split.
async fn read_population(
    tx: &mut Transaction<'static, Postgres>,
    window: Window,
    covariates: &[Covariate],
    basis: &Basis,
) -> Result<Population, ServiceError> {
    let mut population = Population::new(window);
    let money = |entry: &_| major(basis, entry);
    let (split, until) = (window.split(), window.until());
    input::read(tx, split, until, covariates, |_, kind, known, whole| {
        let stratum = stratum(kind, covariates, known, split);
        population.add(stratum, &known.purchases, &whole.purchases, money)
    })
    .await?;
    Ok(population)
}

/// The same into `population`, with what counts to the value of each customer; `contracts` are those that ran at the split.
async fn read_values(
    tx: &mut Transaction<'static, Postgres>,
    population: &mut Population,
    covariates: &[Covariate],
    basis: &Basis,
    mut contracts: HashMap<CustomerId, Vec<ContractAhead>>,
) -> Result<(), ServiceError> {
    let window = population.window();
    let (split, until) = (window.split(), window.until());
    let money = |entry: &_| major(basis, entry);
    let margins = |history: &History, days: &dyn Fn(Day) -> bool| {
        let purchases = history.purchases.iter();
        OrderMargins::of(purchases.filter(|entry| days(entry.day)), basis).ok()
    };
    input::read(tx, split, until, covariates, |id, kind, known, whole| {
        let stratum = stratum(kind, covariates, known, split);
        let mut contracts = contracts.remove(id).unwrap_or_default();
        contracts.sort_unstable_by(ContractAhead::compare);
        let value = ValueFacts {
            known_margins: margins(known, &|day| day <= split),
            holdout_margin: margins(whole, &|day| split < day && day <= until)
                .map(|margins| margins.realised()),
            contracts: contracts.into_boxed_slice(),
        };
        let (known, whole) = (&known.purchases, &whole.purchases);
        population.add_valued(stratum, known, whole, value, money)
    })
    .await?;
    for mut contracts in contracts.into_values() {
        contracts.sort_unstable_by(ContractAhead::compare);
        population.add_contracts_alone(contracts.into_boxed_slice());
    }
    Ok(())
}

/// A stored version that knows nothing after the split.
async fn find_version(
    tx: &mut Transaction<'static, Postgres>,
    version: i64,
    split: Day,
) -> Result<ModelVersion, ServiceError> {
    let found = store::models::find(tx, version).await?;
    let found = found.ok_or(ServiceError::ModelNotFound(version))?;
    let until = found.fit.until;
    if until > split {
        return Err(ServiceError::VersionFittedLater {
            version,
            until,
            split,
        });
    }
    Ok(found)
}

/// What tells which parameters speak for a customer on a day.
fn stratum(kind: CustomerKind, covariates: &[Covariate], history: &History, day: Day) -> Stratum {
    Stratum {
        kind,
        values: parameters::values(covariates, history, day),
    }
}

/// What purchases came to, in major units of the reporting currency.
fn major(basis: &Basis, entry: &PurchaseDay) -> Option<f64> {
    basis.reporting_purchases(entry).ok()
}

fn nothing_recorded() -> ServiceError {
    ServiceError::NothingToEvaluate("no purchase is recorded yet".to_owned())
}

fn nobody_yet(split: Day) -> ServiceError {
    ServiceError::NothingToEvaluate(format!("no person or company had bought by {split}"))
}

/// A version of contracts alone has nothing to compare with orders.
fn without_orders() -> ServiceError {
    ServiceError::NothingToEvaluate("the version has no order model".to_owned())
}

/// Why no model could be fitted on what was known at the split.
fn cannot_fit(error: ServiceError, split: Day) -> ServiceError {
    let reason = if let ServiceError::NothingToFit(error) = &error {
        error.to_string()
    } else if let ServiceError::NoCovariatesKnown { customers } = error {
        format!("none of the {customers} customers with a purchase has every covariate on that day")
    } else {
        return error;
    };
    ServiceError::NothingToEvaluate(format!("on the facts until {split}: {reason}"))
}

/// Why nothing is said of anybody's spend.
fn spend_absent_reason(sets: &[(Fitted, usize)]) -> Option<String> {
    let used = sets.iter().filter(|(_, customers)| *customers > 0);
    let mut spends = used.filter_map(|(set, _)| Some(&set.fits.as_ref().ok()?.spend));
    let first = spends.next()?.as_ref().err()?;
    spends.all(Result::is_err).then(|| first.clone())
}
