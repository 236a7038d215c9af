//! Whether the active version still describes the customers.

use std::time::Instant;

use super::{
    EvaluationPermit, Evaluations, FitPlan, candidate::candidate, input, major, stratum,
    without_orders,
};
use crate::{
    domain::{
        assess::segments::slots::kind_text,
        calendar::Day,
        clv::{
            fit::{
                covariates::{CovariateGroup, CovariateModel},
                rows::CollapsedRow,
            },
            model::ModelFamily,
        },
        customer::CustomerKind,
        evaluation::{
            Window,
            drift::{
                Evidence, Judgement, ParameterSet, SetComparison, Significance, compare,
                expected_orders, holdout, significance, verdict::judge,
            },
            forecast::CandidateModel,
            population::Population,
            totals,
        },
        fitted::{ByKindFit, FittedSet, ModelFit, ModelVersion, Refinement, report::StoredReport},
        money::Currency,
    },
    metrics::EvaluationOperation,
    service::error::ServiceError,
    store,
};

/// Days of the holdout unless the request says otherwise.
const DEFAULT_DAYS: u32 = 90;
/// A holdout that ends with more days without a purchase of anybody, and more than a tenth of its own, lacks facts.
const MOST_SILENT_DAYS: u32 = 7;

/// What to check.
#[derive(Debug, Clone, Copy)]
pub struct DriftRequest {
    /// The last day whose facts are looked at; the last purchase day of anybody, today at the latest, when it is `None`.
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
    pub kind: ModelFamily,
    /// Days of the holdout.
    pub days: u32,
    /// What the verdict rests on.
    pub evidence: Evidence,
    /// The likelihood ratio; `None` when there was no refit, or under a prior, of the program too.
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
    /// Until the active version was fitted, and since; `None` where the holdout begins on that day or before.
    since_fit: Option<Population>,
}

impl Evaluations {
    /// Checks the active version.
    ///
    /// # Errors
    /// Another evaluation runs, no version is active, the day lies ahead, or the database cannot be asked.
    pub async fn check_drift(&self, request: DriftRequest) -> Result<DriftReport, ServiceError> {
        let permit = self.acquire("a drift check".to_owned())?;
        let start = Instant::now();
        let result = self.read_and_check(request, permit).await;
        let seconds = start.elapsed().as_secs_f64();
        self.metrics
            .record(EvaluationOperation::DriftCheck, result.is_ok(), seconds);
        result
    }

    async fn read_and_check(
        &self,
        request: DriftRequest,
        permit: EvaluationPermit,
    ) -> Result<DriftReport, ServiceError> {
        let today = self.today()?;
        let mut tx = self.batch.begin_snapshot().await?;
        let last = store::evaluation_input::find_last_purchase_day(&mut tx).await?;
        let known_until = last.map_or(today, |last| last.min(today));
        let until = request.until.unwrap_or(known_until);
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
        let silent = window.days_after(last);
        let facts_end = last.filter(|_| silent > MOST_SILENT_DAYS.max(days / 10));
        let version = store::models::find_active(&mut tx).await?;
        let version = version.ok_or(ServiceError::NoActiveModel)?;
        let basis = self.bases.current();
        // Its holdout is not looked at.
        let after = Window::new(until, until.plus_days(1));
        let after = after.ok_or(ServiceError::EmptyHoldout { split, until })?;
        let mut histories = Histories {
            holdout: Population::new(window),
            today: Population::new(after),
            since_fit: (version.fit.until < split)
                .then(|| Window::new(version.fit.until, until))
                .flatten()
                .map(Population::new),
        };
        let money = |entry: &_| major(&basis, entry);
        let covariates = version.fit.refinement.covariates();
        input::read(
            &mut tx,
            split,
            until,
            covariates,
            |_, kind, known, whole| {
                let (before, now) = (&known.purchases, &whole.purchases);
                let at_split = stratum(kind, covariates, known, split);
                histories.holdout.add(at_split, before, now, money)?;
                let today = stratum(kind, covariates, whole, until);
                histories.today.add(today, now, now, money)
            },
        )
        .await?;
        if let Some(population) = &mut histories.since_fit {
            let fitted = version.fit.until;
            input::read(
                &mut tx,
                fitted,
                until,
                covariates,
                |_, kind, known, whole| {
                    let stratum = stratum(kind, covariates, known, fitted);
                    population.add(stratum, &known.purchases, &whole.purchases, money)
                },
            )
            .await?;
        }
        tx.rollback().await?;
        let currency = basis.reporting_currency;
        let work = move || check(&version, days, histories, currency, facts_end);
        self.compute(work, permit).await
    }
}

fn check(
    version: &ModelVersion,
    days: u32,
    mut histories: Histories,
    currency: Option<Currency>,
    facts_end: Option<Day>,
) -> Result<DriftReport, ServiceError> {
    histories.holdout.sort();
    histories.today.sort();
    let since_fit = histories.since_fit.take().and_then(|mut population| {
        population.sort();
        let answers = candidate(&version.fit, None)?;
        let [orders, _] = totals(&population, &answers, version.version.unsigned_abs());
        orders
    });
    let window = histories.holdout.window();
    let active = &version.fit;
    let answers = candidate(active, currency).ok_or_else(without_orders)?;
    let refit = |population: &Population| {
        // Of spend only the sum is looked at.
        let plan = FitPlan::of_version(active);
        let fit = plan.fit(population, Err("not requested".to_owned()))?;
        Ok(alike(active, fit))
    };
    let (refitted, before) = (refit(&histories.today), refit(&histories.holdout));
    let pairs = pairs(active, &histories.today, &refitted);
    let sets: Vec<SetComparison> = pairs.iter().map(Pair::compare).collect();
    let today: u64 = count(&histories.today);
    let described: u64 = sets.iter().map(|set| set.customers).sum();
    let model = |fit: &ModelFit| candidate(fit, None);
    let outlook = |model: Option<CandidateModel>| -> f64 {
        model.map_or(0.0, |model| expected_orders(&histories.today, &model, days))
    };
    let nobody = histories.holdout.subjects().is_empty();
    let evidence = Evidence {
        active_until: active.until,
        split: window.split(),
        until: window.until(),
        refit_problem: problem("until the day of the check", active, &refitted)
            .or_else(|| problem("until the holdout", active, &before)),
        outlook: (
            outlook(model(active)),
            refitted.as_ref().map_or(0.0, |fit| outlook(model(fit))),
        ),
        holdout: (!nobody)
            .then(|| {
                let of_refit = before.as_ref().ok()?;
                let of = |fit: &ModelFit| Some(holdout(&histories.holdout, &model(fit)?));
                Some((of(active)?, of(of_refit)?))
            })
            .flatten(),
        totals: totals(&histories.holdout, &answers, version.version.unsigned_abs()),
        since_fit,
        // Of likelihoods that are not at their maxima no ratio says anything.
        has_prior: active.prior.is_some()
            || active.has_weak_priors()
            || refitted.as_ref().is_ok_and(ModelFit::has_weak_priors),
        facts_end,
        pooled_customers: if sets.is_empty() {
            0
        } else {
            today - described
        },
        sets,
    };
    Ok(DriftReport {
        version: version.version,
        kind: active.kind,
        days,
        significance: (!evidence.sets.is_empty() && !evidence.has_prior)
            .then(|| significance(&evidence.sets)),
        judgement: judge(&evidence),
        evidence,
    })
}

fn count(population: &Population) -> u64 {
    u64::try_from(population.subjects().len()).unwrap_or(u64::MAX)
}

/// A set of the active version, its refit, and the customers whom it describes.
struct Pair<'a> {
    kind: Option<CustomerKind>,
    groups: Vec<CovariateGroup>,
    active: ParameterSet<'a>,
    refit: ParameterSet<'a>,
}

impl Pair<'_> {
    fn compare(&self) -> SetComparison {
        compare(self.kind, &self.groups, &self.active, &self.refit)
    }
}

/// What can be compared: the sets of kinds or the one with covariates; that of all customers where the version has no other. Nothing
/// if the refit lacks one of them.
fn pairs<'a>(
    active: &'a ModelFit,
    today: &Population,
    refit: &'a Result<ModelFit, ServiceError>,
) -> Vec<Pair<'a>> {
    let Ok(refit) = refit else {
        return vec![];
    };
    // As the version counts time, and its refit by the same index.
    let index = active.seasonal_index();
    let by_clock = |rows: Vec<CollapsedRow>| match index {
        Some(index) => {
            let until = today.window().split();
            let rows = rows.iter().map(|row| row.by_clock(&index.clock, until));
            rows.collect()
        }
        None => rows,
    };
    let plain = |kind, active: &'a FittedSet, refit: &'a FittedSet| Pair {
        kind,
        groups: vec![CovariateGroup {
            values: vec![],
            rows: by_clock(today.order_rows(kind)),
        }],
        active: plain_set(active),
        refit: plain_set(refit),
    };
    let groups = today.covariate_groups().0.into_iter();
    let groups = groups.map(|group| CovariateGroup {
        rows: by_clock(group.rows),
        ..group
    });
    match (&active.refinement, &refit.refinement) {
        (Refinement::Covariates(old), Refinement::Covariates(new)) => vec![Pair {
            kind: None,
            groups: groups.collect(),
            active: parameter_set(old.model.clone(), &old.report),
            refit: parameter_set(new.model.clone(), &new.report),
        }],
        (Refinement::ByKind(old), Refinement::ByKind(new)) if has_own_sets(old) => {
            let sets = own_sets(old).map(|(kind, active)| {
                let (_, refit) = own_sets(new).find(|(of, _)| *of == kind)?;
                Some(plain(Some(kind), active, refit))
            });
            sets.collect::<Option<_>>().unwrap_or_default()
        }
        _ => match (&active.pooled, &refit.pooled) {
            (Ok(active), Ok(refit)) => vec![plain(None, active, refit)],
            (Ok(_) | Err(_), _) => vec![],
        },
    }
}

/// The refit with sets of no other kinds than the active version has: a kind that has become large enough since is no drift.
fn alike(active: &ModelFit, mut refit: ModelFit) -> ModelFit {
    if let (Refinement::ByKind(old), Refinement::ByKind(new)) =
        (&active.refinement, &mut refit.refinement)
    {
        for kind in &mut new.kinds {
            if own_sets(old).all(|(of, _)| of != kind.kind) {
                kind.set = Err("the active version has none".to_owned());
            }
        }
    }
    refit
}

/// Kinds with parameters of their own.
fn own_sets(fit: &ByKindFit) -> impl Iterator<Item = (CustomerKind, &FittedSet)> {
    let kinds = fit.kinds.iter();
    kinds.filter_map(|it| Some((it.kind, it.set.as_ref().ok()?)))
}

fn has_own_sets(fit: &ByKindFit) -> bool {
    own_sets(fit).next().is_some()
}

fn plain_set(set: &FittedSet) -> ParameterSet<'_> {
    parameter_set(CovariateModel::plain(set.orders), &set.orders_report)
}

fn parameter_set(model: CovariateModel, report: &StoredReport) -> ParameterSet<'_> {
    ParameterSet {
        model,
        log_covariance: report.log_covariance.as_deref(),
    }
}

/// Why a refit is not to be trusted.
fn problem(
    when: &str,
    active: &ModelFit,
    refit: &Result<ModelFit, ServiceError>,
) -> Option<String> {
    let refit = match refit {
        Ok(refit) => refit,
        Err(error) => {
            return Some(format!(
                "a refit on the facts {when} is impossible: {error}"
            ));
        }
    };
    if let (Refinement::ByKind(old), Refinement::ByKind(new)) =
        (&active.refinement, &refit.refinement)
    {
        let kinds = new
            .kinds
            .iter()
            .filter_map(|it| Some((it.kind, it.set.as_ref().err()?)));
        let lacking = own_sets(old).find_map(|(kind, _)| {
            let has_own = own_sets(new).any(|(of, _)| of == kind);
            let reason = kinds.clone().find(|(of, _)| *of == kind);
            let reason = reason.map_or("no customer of that kind had bought", |(_, reason)| reason);
            (!has_own).then(|| {
                let name = kind_text(kind);
                format!("a refit on the facts {when} has no parameters for {name}: {reason}")
            })
        });
        if lacking.is_some() {
            return lacking;
        }
    }
    let of_covariates = match &refit.refinement {
        Refinement::Covariates(fit) => Some(&fit.report),
        Refinement::No | Refinement::ByKind(_) => None,
    };
    let pooled = refit.pooled.as_ref().ok();
    let mut reports = of_covariates
        .into_iter()
        .chain(pooled.map(|set| &set.orders_report));
    let reason = reports.find_map(|report| report.not_converged_reason.as_ref())?;
    Some(format!(
        "a refit on the facts {when} did not converge: {reason}"
    ))
}
