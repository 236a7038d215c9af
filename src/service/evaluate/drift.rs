//! Whether the active version still describes the customers.

use std::time::Instant;

use super::{Candidate, Evaluations, compute, input, major, turn::Turn};
use crate::{
    domain::{
        calendar::Day,
        customer::CustomerKind,
        evaluation::{
            Window,
            drift::{
                Evidence, Judgement, ParameterSet, SetComparison, Significance, compare,
                expected_orders, holdout, judge, significance,
            },
            population::Population,
        },
        model_version::ModelVersion,
        value::{
            fit::{FitError, rows::CollapsedRow},
            model::ModelKind,
        },
    },
    metrics::EvaluationOperation,
    service::{error::ServiceError, evaluate::candidate::Fitted},
    store::{self, pool::SNAPSHOT},
};

/// Days of the holdout unless the request says otherwise.
const DEFAULT_DAYS: u32 = 90;

/// What to check.
#[derive(Debug, Clone, Copy)]
pub struct DriftRequest {
    /// The last day whose facts are looked at; today when it is `None`.
    pub until: Option<Day>,
    /// Days of the holdout; 90 when it is `None`.
    pub days: Option<u32>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftReport {
    /// The active version.
    pub version: i64,
    /// The order model.
    pub kind: ModelKind,
    /// Days of the holdout.
    pub days: u32,
    /// What the verdict rests on.
    pub evidence: Evidence,
    /// Likelihood ratio and Wald statistic; `None` when there was no refit.
    pub significance: Option<Significance>,
    /// The verdict.
    pub judgement: Judgement,
}

/// What customers did, as of two days.
struct Histories {
    /// Until the split, and in the holdout.
    holdout: Population,
    /// Until today.
    today: Population,
}

impl Evaluations {
    /// Checks the active version.
    ///
    /// # Errors
    /// Another evaluation runs, no version is active, the day lies ahead, or the database cannot be asked.
    pub async fn check_drift(&self, request: DriftRequest) -> Result<DriftReport, ServiceError> {
        let turn = self.turns.take("a drift check".to_owned())?;
        let start = Instant::now();
        let result = self.read_and_check(request, turn).await;
        let seconds = start.elapsed().as_secs_f64();
        self.metrics
            .record(EvaluationOperation::DriftCheck, result.is_ok(), seconds);
        result
    }

    async fn read_and_check(
        &self,
        request: DriftRequest,
        turn: Turn,
    ) -> Result<DriftReport, ServiceError> {
        let today = self.today()?;
        let until = request.until.unwrap_or(today);
        if until > today {
            return Err(ServiceError::DayAhead {
                field: "until",
                day: until,
                today,
            });
        }
        let days = request.days.unwrap_or(DEFAULT_DAYS);
        let split = until.plus_days(-i32::try_from(days).unwrap_or(i32::MAX));
        let empty = ServiceError::EmptyHoldout { split, until };
        let window = Window::new(split, until).ok_or(empty)?;
        let mut tx = self.batch.begin_with(SNAPSHOT).await?;
        let version = store::models::find_active(&mut tx).await?;
        let version = version.ok_or(ServiceError::NoActiveModel)?;
        let basis = self.bases.current();
        // Its holdout is not looked at.
        let after = Window::new(until, until.plus_days(1));
        let after = after.ok_or(ServiceError::EmptyHoldout { split, until })?;
        let mut histories = Histories {
            holdout: Population::new(window),
            today: Population::new(after),
        };
        let money = |entry: &_| major(&basis, entry);
        input::read(&mut tx, split, until, |kind, known, whole| {
            histories.holdout.add(kind, known, whole, money)?;
            histories.today.add(kind, whole, whole, money)
        })
        .await?;
        tx.rollback().await?;
        compute(move || Ok(check(&version, days, histories)), turn).await
    }
}

fn check(version: &ModelVersion, days: u32, mut histories: Histories) -> DriftReport {
    histories.holdout.sort();
    histories.today.sort();
    let window = histories.holdout.window();
    let mut active = Candidate::of_version(version.version, &version.fit, None);
    let kind = version.fit.kind();
    // Where the pooled set speaks for some, it is the one that is compared: the sets of kinds beside it would count customers twice.
    active.sets.truncate(match active.sets[0].kind {
        None => 1,
        Some(_) => active.sets.len(),
    });
    let groups: Vec<Option<CustomerKind>> = active.sets.iter().map(|set| set.kind).collect();
    let rows: Vec<Vec<CollapsedRow>> = groups
        .iter()
        .map(|group| histories.today.order_rows(*group))
        .collect();
    let refit = Candidate::fit_sets(kind, &histories.today, &groups);
    let before = Candidate::fit_sets(kind, &histories.holdout, &groups);
    let sets = refit
        .as_ref()
        .map_or_else(|_| vec![], |refit| comparisons(&rows, &active, refit));
    let outlook = |candidate: &Candidate| -> f64 {
        let sets = rows.iter().zip(&candidate.sets);
        sets.map(|(rows, set)| expected_orders(rows, &set.orders, days))
            .sum()
    };
    let nobody = histories.holdout.subjects().is_empty();
    let evidence = Evidence {
        active_until: version.fit.until,
        split: window.split(),
        until: window.until(),
        refit_problem: problem("until the day of the check", &refit)
            .or_else(|| problem("until the holdout", &before)),
        outlook: (outlook(&active), refit.as_ref().map_or(0.0, &outlook)),
        holdout: (!nobody)
            .then(|| {
                let of_active = holdout(&histories.holdout, &active.models);
                let of_refit = before.as_ref().ok()?;
                Some((of_active, holdout(&histories.holdout, &of_refit.models)))
            })
            .flatten(),
        sets,
    };
    DriftReport {
        version: version.version,
        kind,
        days,
        significance: (!evidence.sets.is_empty()).then(|| significance(&evidence.sets)),
        judgement: judge(&evidence),
        evidence,
    }
}

fn comparisons(
    rows: &[Vec<CollapsedRow>],
    active: &Candidate,
    refit: &Candidate,
) -> Vec<SetComparison> {
    let pairs = active.sets.iter().zip(&refit.sets);
    let compared = rows
        .iter()
        .zip(pairs)
        .map(|(rows, (active, refit))| compare(active.kind, rows, &set(active), &set(refit)));
    compared.collect()
}

fn set(fitted: &Fitted) -> ParameterSet<'_> {
    ParameterSet {
        model: fitted.orders,
        log_covariance: fitted.orders_report.log_covariance.as_deref(),
    }
}

/// Why a refit is not to be trusted.
fn problem(when: &str, refit: &Result<Candidate, FitError>) -> Option<String> {
    match refit {
        Err(error) => Some(format!(
            "a refit on the facts {when} is impossible: {error}"
        )),
        Ok(refit) => {
            let mut reasons = refit
                .sets
                .iter()
                .filter_map(|set| set.orders_report.not_converged_reason.as_ref());
            let reason = reasons.next()?;
            Some(format!(
                "a refit on the facts {when} did not converge: {reason}"
            ))
        }
    }
}
