//! How well a model predicts what customers do, and whether the active version still does. Nothing here is stored.

mod candidate;
mod compare;
mod drift;
mod input;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use sqlx::{Postgres, Transaction};

pub use self::{
    candidate::{Described, FitPlan, Fits, Fitted},
    compare::{ComparedModel, ComparisonRequest, LikelihoodFigures, ModelComparison, ModelFigures},
    drift::{DriftReport, DriftRequest},
};
use crate::{
    clock::Clock,
    domain::{
        basis::Basis,
        calendar::Day,
        clv::{model::ModelFamily, season::estimate::SeasonalIndex, spend_orders::SpendOrders},
        customer::{
            CustomerKind,
            profile::{History, PurchaseDay},
        },
        evaluation::{
            Evaluation, Window, evaluate,
            population::{LeftOut, Population},
            strata::Stratum,
        },
        fitted::{
            ModelVersion,
            parameters::{self, Covariate},
        },
        money::Currency,
    },
    metrics::{EvaluationMetrics, EvaluationOperation},
    service::{
        current_basis::CurrentBasis,
        error::ServiceError,
        lane::Lane,
        models::{
            fit::no_currency,
            permits::{Permit, Permits},
        },
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

/// How well a model predicted the holdout.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelEvaluation {
    /// The days.
    pub window: Window,
    /// The first purchase day of anybody evaluated.
    pub first_day: Day,
    /// The last purchase day of any person or company, kept until now; `None` when nobody kept any. The holdout may reach beyond it.
    pub last_purchase_day: Option<Day>,
    /// The stored version; `None` for a model that was fitted for the evaluation.
    pub version: Option<i64>,
    /// The order model.
    pub kind: ModelFamily,
    /// The orders that spend was fitted to.
    pub spend_orders: SpendOrders,
    /// The seasonal index of the model, or why there is none; `None` where none was asked for.
    pub season: Option<Result<SeasonalIndex, String>>,
    /// Names of the covariates, in the order of all values of them; none without.
    pub covariates: Vec<String>,
    /// The parameters, those of all customers first; and for how many customers each set spoke.
    pub sets: Vec<(Fitted, usize)>,
    /// The currency of all amounts.
    pub currency: Option<Currency>,
    /// Why nothing is said of spend.
    pub spend_absent_reason: Option<String>,
    /// Who is no part of it.
    pub left_out: LeftOut,
    /// The figures.
    pub evaluation: Evaluation,
    /// Time that fit and figures took.
    pub duration: Duration,
}

impl ModelEvaluation {
    /// Whether the model has a seasonal index.
    #[must_use]
    pub fn has_index(&self) -> bool {
        self.season.as_ref().is_some_and(Result::is_ok)
    }
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
        let currency = basis.reporting_currency;
        let split = window.split();
        let mut population = read_population(&mut tx, window, &plan.covariates, &basis).await?;
        tx.rollback().await?;
        let work = move || {
            let start = Instant::now();
            population.sort();
            let first_day = population
                .subjects()
                .iter()
                .map(|subject| subject.first_day);
            let first_day = first_day.min().ok_or_else(|| nobody_yet(split))?;
            let (version, fit, seed) = if let Some(found) = stored {
                let seed = found.version.unsigned_abs();
                (Some(found.version), found.fit, seed)
            } else {
                let currency = currency.ok_or_else(|| no_currency(&currencies));
                let fitted = plan.fit(&population, currency);
                let fit = fitted.map_err(|error| cannot_fit(error, split))?;
                (None, fit, candidate::SEED)
            };
            let model = candidate::candidate(&fit, currency);
            let model = model.ok_or_else(without_orders)?;
            let evaluation = evaluate(&population, &model, seed);
            let sets = candidate::sets(&fit, currency).into_iter().map(|set| {
                let spoken_for = evaluation.selections.iter();
                let spoken_for = spoken_for.filter(|(it, _)| set.whom.speaks_for(*it));
                let customers = spoken_for.map(|(_, customers)| customers).sum();
                (set, customers)
            });
            let sets: Vec<(Fitted, usize)> = sets.collect();
            let covariates = fit.refinement.covariates().iter();
            Ok(ModelEvaluation {
                window,
                first_day,
                last_purchase_day,
                version,
                kind: fit.kind,
                spend_orders: fit.spend_orders,
                season: fit.season.clone(),
                covariates: covariates.map(|it| it.name.to_string()).collect(),
                currency,
                spend_absent_reason: spend_absent_reason(&sets),
                left_out: population.left_out(),
                evaluation,
                duration: start.elapsed(),
                sets,
            })
        };
        self.compute(work, permit).await
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
        let until = until.or(last.map(|last| last.min(today)));
        let until = until.ok_or_else(|| {
            ServiceError::NothingToEvaluate("no purchase is recorded yet".to_owned())
        })?;
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
    input::read(tx, split, until, covariates, |kind, known, whole| {
        let stratum = stratum(kind, covariates, known, split);
        population.add(stratum, &known.purchases, &whole.purchases, money)
    })
    .await?;
    Ok(population)
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

/// An amount in major units of the reporting currency.
fn major(basis: &Basis, entry: &PurchaseDay) -> Option<f64> {
    let converted = basis.reporting_major(entry.amount_minor, entry.currency, entry.day);
    converted.ok()
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
