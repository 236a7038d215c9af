//! How well a model foretells what customers do, and whether the active version still does. Nothing here is stored.

mod candidate;
mod drift;
mod input;
mod turn;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use sqlx::{PgPool, Postgres, Transaction};

use self::{
    candidate::Candidate,
    turn::{Turn, Turns},
};
pub use self::{
    candidate::Fitted,
    drift::{DriftReport, DriftRequest},
};
use crate::{
    clock::Clock,
    domain::{
        basis::Basis,
        calendar::Day,
        evaluation::{
            Evaluation, Window, evaluate,
            population::{LeftOut, Population},
        },
        model_version::Refinement,
        money::Currency,
        profile::PurchaseDay,
        value::{fit::FitError, model::ModelKind},
    },
    metrics::{EvaluationMetrics, EvaluationOperation},
    service::{bases::Bases, error::ServiceError, models::fit::no_currency},
    store::{self, pool::SNAPSHOT},
};

/// Evaluates models, one at a time.
pub struct Evaluations {
    /// For the histories, whose statement may run for minutes.
    batch: PgPool,
    bases: Arc<Bases>,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    metrics: EvaluationMetrics,
    turns: Turns,
}

/// What to evaluate.
#[derive(Debug, Clone, Copy)]
pub struct EvaluationRequest {
    /// The model.
    pub model: EvaluatedModel,
    /// The last day that it knows.
    pub split: Day,
    /// The last day of the holdout; the last purchase day of anybody, today at the latest, when it is `None`.
    pub until: Option<Day>,
}

/// Where a model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaluatedModel {
    /// Fitted for the evaluation.
    Fit(ModelKind),
    /// A stored version.
    Version(i64),
}

/// How well a model foretold the holdout.
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
    pub kind: ModelKind,
    /// The parameters, at least one set.
    pub sets: Vec<Fitted>,
    /// The currency of all amounts.
    pub currency: Option<Currency>,
    /// Why nothing is said of spend.
    pub spend_absent_reason: Option<String>,
    /// Why no intervals were drawn.
    pub intervals_absent_reason: Option<String>,
    /// Who is no part of it.
    pub left_out: LeftOut,
    /// The figures.
    pub evaluation: Evaluation,
    /// Time that fit and figures took.
    pub duration: Duration,
}

impl Evaluations {
    /// Evaluations that read through `batch`.
    #[must_use]
    pub fn new(
        batch: PgPool,
        bases: Arc<Bases>,
        clock: Arc<dyn Clock>,
        zone: TimeZone,
        metrics: EvaluationMetrics,
    ) -> Self {
        Self {
            batch,
            bases,
            clock,
            zone,
            metrics,
            turns: Turns::default(),
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
        let model = match request.model {
            EvaluatedModel::Fit(kind) => kind.name().to_owned(),
            EvaluatedModel::Version(version) => format!("version {version}"),
        };
        let what = format!("an evaluation of {model}, split on {}", request.split);
        let turn = self.turns.take(what)?;
        let start = Instant::now();
        let result = self.read_and_evaluate(request, turn).await;
        let seconds = start.elapsed().as_secs_f64();
        self.metrics
            .record(EvaluationOperation::Evaluation, result.is_ok(), seconds);
        result
    }

    async fn read_and_evaluate(
        &self,
        request: EvaluationRequest,
        turn: Turn,
    ) -> Result<ModelEvaluation, ServiceError> {
        let basis = self.bases.current();
        // One snapshot: a customer who buys between two statements would be in one of them.
        let mut tx = self.batch.begin_with(SNAPSHOT).await?;
        let (window, last_purchase_day) = self.window(request, &mut tx).await?;
        let stored = match request.model {
            EvaluatedModel::Fit(_) => None,
            EvaluatedModel::Version(version) => {
                let found = store::models::find(&mut tx, version).await?;
                let found = found.ok_or(ServiceError::ModelNotFound(version))?;
                if found.fit.until > window.split() {
                    return Err(ServiceError::VersionFittedLater {
                        version,
                        until: found.fit.until,
                        split: window.split(),
                    });
                }
                if matches!(found.fit.refinement, Refinement::Covariates(_)) {
                    return Err(ServiceError::VersionHasCovariates(version));
                }
                Some(found)
            }
        };
        let currencies = store::currencies::list(&mut tx).await?;
        let currency = basis.reporting_currency;
        let absent = currency.is_none().then(|| no_currency(&currencies));
        let mut population = Population::new(window);
        input::read(
            &mut tx,
            window.split(),
            window.until(),
            |kind, known, whole| population.add(kind, known, whole, |entry| major(&basis, entry)),
        )
        .await?;
        tx.rollback().await?;
        let work = move || {
            let start = Instant::now();
            population.sort();
            let first_day = population
                .subjects()
                .iter()
                .map(|subject| subject.first_day);
            let first_day = first_day.min().ok_or_else(|| nobody_yet(window.split()))?;
            let candidate = match (&stored, request.model) {
                (Some(found), _) => Candidate::of_version(found.version, &found.fit, currency),
                (None, EvaluatedModel::Fit(kind)) => {
                    let fitted = Candidate::fit(kind, &population, absent.as_deref());
                    fitted.map_err(|error| cannot_fit(&error, window.split()))?
                }
                (None, EvaluatedModel::Version(version)) => {
                    return Err(ServiceError::ModelNotFound(version));
                }
            };
            let uncertain = candidate.uncertain.as_ref();
            let evaluation = evaluate(&population, &candidate.models, uncertain.ok());
            Ok(ModelEvaluation {
                window,
                first_day,
                last_purchase_day,
                version: stored.as_ref().map(|found| found.version),
                kind: candidate.sets[0].orders.kind(),
                currency,
                spend_absent_reason: candidate.spend_absent_reason().map(str::to_owned),
                intervals_absent_reason: uncertain.err().cloned(),
                left_out: population.left_out(),
                evaluation,
                duration: start.elapsed(),
                sets: candidate.sets,
            })
        };
        compute(work, turn).await
    }

    /// The days of an evaluation, and the last on which anybody bought.
    async fn window(
        &self,
        request: EvaluationRequest,
        tx: &mut Transaction<'static, Postgres>,
    ) -> Result<(Window, Option<Day>), ServiceError> {
        let today = self.today()?;
        let last = store::evaluation_input::find_last_purchase_day(tx).await?;
        let until = request.until.or(last.map(|last| last.min(today)));
        let until = until
            .ok_or_else(|| ServiceError::NothingToEvaluate("nothing was bought yet".to_owned()))?;
        let split = request.split;
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

    fn today(&self) -> Result<Day, ServiceError> {
        Day::of(self.clock.now(), &self.zone)
            .map_err(|error| ServiceError::Internal(Box::new(error)))
    }
}

/// An amount in major units of the reporting currency.
fn major(basis: &Basis, entry: &PurchaseDay) -> Option<f64> {
    let converted = basis.reporting_major(entry.amount_minor, entry.currency, entry.day);
    converted.ok()
}

/// Runs `work` on a thread of its own. The turn goes with it: it goes on when the caller gives up.
async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
    turn: Turn,
) -> Result<T, ServiceError> {
    let run = move || {
        let done = work();
        drop(turn);
        done
    };
    tokio::task::spawn_blocking(run)
        .await
        .map_err(|error| ServiceError::Internal(Box::new(error)))?
}

fn nobody_yet(split: Day) -> ServiceError {
    ServiceError::NothingToEvaluate(format!(
        "no person or company had bought anything by {split}"
    ))
}

/// Why no model could be fitted on what was known at the split.
fn cannot_fit(error: &FitError, split: Day) -> ServiceError {
    ServiceError::NothingToEvaluate(format!("on the facts until {split}: {error}"))
}
