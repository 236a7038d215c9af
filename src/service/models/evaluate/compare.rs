//! All models side by side: each fitted to what was known at a split, and compared with what came after it.

mod spend;

use std::time::{Duration, Instant};

pub use self::spend::ComparedSpend;

use super::{
    EvaluationPermit, Evaluations, FitPlan, candidate, cannot_fit, nobody_yet, nothing_recorded,
    read_population, without_orders,
};
use crate::{
    domain::{
        calendar::Day,
        clv::{model::ModelFamily, spend_orders::SpendOrders},
        evaluation::{
            Window,
            accuracy::Accuracy,
            comparison::{Contender, Ground, recommend},
            coverage::Coverage,
            headline::headline,
            population::{LeftOut, Population},
            total::TotalInterval,
        },
        fitted::{ModelFit, Refinement, parameters::Covariate, report::StoredReport},
        money::Currency,
    },
    metrics::EvaluationOperation,
    service::{
        error::ServiceError,
        lane::in_parallel,
        models::{compute::Seasonality, fit::no_currency},
    },
    store,
};

/// Of the time since the first purchase, the holdout is one part in so many unless the request names a split.
const HOLDOUT_PART: i32 = 4;
/// The level of the intervals whose coverage is compared.
const LEVEL: f64 = 0.9;
/// The family that is compared with seasons, too: the default.
const SEASONAL: ModelFamily = ModelFamily::MbgNbd;

/// What to compare.
#[derive(Debug, Clone)]
pub struct ComparisonRequest {
    /// The last day that the models know; when it is `None`, the holdout is the last quarter of the time since the first purchase.
    pub split: Option<Day>,
    /// The last day of the holdout, as in [`super::EvaluationRequest`].
    pub until: Option<Day>,
    /// Covariates that models are fitted with, too; none without.
    pub covariates: Vec<Covariate>,
}

/// Models side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelComparison {
    /// The days.
    pub window: Window,
    /// As in [`super::ModelEvaluation`].
    pub last_purchase_day: Option<Day>,
    /// The currency of all amounts.
    pub currency: Option<Currency>,
    /// Customers compared.
    pub customers: usize,
    /// Who is no part of it.
    pub left_out: LeftOut,
    /// The models, in a fixed order.
    pub models: Vec<ComparedModel>,
    /// Which of them to use, by its place, and why; `None` where none converged.
    pub recommendation: Option<(usize, String)>,
    /// The orders that spend can be fitted to, the default first.
    pub spend_choices: Vec<ComparedSpend>,
    /// Which of them to use, by its place, and why; `None` where none could be compared.
    pub spend_recommendation: Option<(usize, String)>,
    /// Time that fits and figures took.
    pub duration: Duration,
}

/// One model of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedModel {
    /// What was fitted.
    pub plan: FitPlan,
    /// How it did; or why it could not be fitted.
    pub figures: Result<ModelFigures, String>,
}

/// How a model did.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFigures {
    /// How well it fits what was known; or why that cannot be compared.
    pub fit: Result<LikelihoodFigures, String>,
    /// Why a fit did not converge; `None` when all did.
    pub not_converged_reason: Option<String>,
    /// Orders of the holdout.
    pub orders: Accuracy,
    /// Where their sum came to lie; `None` as in an evaluation.
    pub orders_total: Option<TotalInterval>,
    /// How often single customers lay within their 90 % intervals of orders; `None` without intervals.
    pub orders_coverage: Option<Coverage>,
    /// Spend of the holdout; `None` without a spend model.
    pub spend: Option<Accuracy>,
    /// Mean squared difference of the probability to order again from what came (Brier 1950).
    pub brier_score: f64,
}

/// How well a model fits what was known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LikelihoodFigures {
    /// Natural logarithm of the likelihood of all customers' orders.
    pub log_likelihood: f64,
    /// Parameters of the order models.
    pub parameters: u32,
    /// Customers behind it.
    pub customers: u64,
}

impl LikelihoodFigures {
    /// Akaike's information criterion: smaller is better.
    #[must_use]
    pub fn aic(&self) -> f64 {
        2.0 * f64::from(self.parameters) - 2.0 * self.log_likelihood
    }

    /// Bayesian information criterion: smaller is better.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    pub fn bic(&self) -> f64 {
        f64::from(self.parameters) * (self.customers as f64).ln() - 2.0 * self.log_likelihood
    }
}

impl Evaluations {
    /// Fits every model to what was known at the split and compares them.
    ///
    /// # Errors
    /// Another evaluation runs, there is nothing to evaluate, or the database cannot be asked.
    pub async fn compare(
        &self,
        request: ComparisonRequest,
    ) -> Result<ModelComparison, ServiceError> {
        let permit = self.acquire("a comparison of models".to_owned())?;
        let start = Instant::now();
        let result = self.read_and_compare(request, permit).await;
        let seconds = start.elapsed().as_secs_f64();
        self.metrics
            .record(EvaluationOperation::Comparison, result.is_ok(), seconds);
        result
    }

    async fn read_and_compare(
        &self,
        request: ComparisonRequest,
        permit: EvaluationPermit,
    ) -> Result<ModelComparison, ServiceError> {
        let basis = self.bases.current();
        let mut tx = self.batch.begin_snapshot().await?;
        let split = match request.split {
            Some(split) => split,
            None => self.default_split(request.until, &mut tx).await?,
        };
        let (window, last_purchase_day) = self.window(split, request.until, &mut tx).await?;
        let currencies = store::currencies::list(&mut tx).await?;
        let currency = basis.reporting_currency;
        let covariates = request.covariates;
        let mut population = read_population(&mut tx, window, &covariates, &basis).await?;
        tx.rollback().await?;
        let work = move || {
            let start = Instant::now();
            population.sort();
            if population.subjects().is_empty() {
                return Err(nobody_yet(split));
            }
            let spend = currency.ok_or_else(|| no_currency(&currencies));
            let mut models = vec![];
            let mut contenders = vec![];
            let plans = plans(&covariates);
            let all = in_parallel(&plans, |plan| {
                compared(plan, &population, spend.clone(), split)
            });
            for (plan, one) in plans.into_iter().zip(all) {
                let (figures, contender) = one?;
                contenders.extend(contender.map(|contender| (models.len(), contender)));
                models.push(ComparedModel { plan, figures });
            }
            let (spend_choices, spend_recommendation) = spend::choices(&population, &spend);
            Ok(ModelComparison {
                window,
                last_purchase_day,
                currency,
                customers: population.subjects().len(),
                left_out: population.left_out(),
                recommendation: recommendation(&contenders, &models),
                models,
                spend_choices,
                spend_recommendation,
                duration: start.elapsed(),
            })
        };
        self.compute(work, permit).await
    }

    /// The split whose holdout is the last quarter of the time since the first purchase.
    pub(super) async fn default_split(
        &self,
        until: Option<Day>,
        tx: &mut sqlx::PgConnection,
    ) -> Result<Day, ServiceError> {
        let today = self.today()?;
        let (first, last) = match store::evaluation_input::find_purchase_days(tx).await? {
            Some(days) => days,
            // Contracts alone are known until today.
            None => match store::contracts::find_first_start(tx, today).await? {
                Some(first) => (first, today),
                None => return Err(nothing_recorded()),
            },
        };
        let until = until.unwrap_or(last.min(today));
        Ok(until.plus_days(-((until - first) / HOLDOUT_PART).max(1)))
    }
}

/// Every model that is compared.
fn plans(covariates: &[Covariate]) -> Vec<FitPlan> {
    let plan = |kind, by_kind, covariates: &[Covariate]| FitPlan {
        kind,
        by_kind,
        stages: None,
        covariates: covariates.to_vec(),
        prior: None,
        spend_orders: SpendOrders::All,
        season: Seasonality::No,
    };
    let kinds = ModelFamily::ALL.into_iter();
    kinds
        .flat_map(|kind| {
            let with_covariates = (!covariates.is_empty()).then(|| plan(kind, false, covariates));
            let with_seasons = (kind == SEASONAL).then(|| FitPlan {
                season: Seasonality::Estimated,
                ..plan(kind, false, &[])
            });
            [plan(kind, false, &[]), plan(kind, true, &[])]
                .into_iter()
                .chain(with_seasons)
                .chain(with_covariates)
        })
        .collect()
}

type Compared = (Result<ModelFigures, String>, Option<Contender>);

/// Fits one model and compares it with what came.
fn compared(
    plan: &FitPlan,
    population: &Population,
    currency: Result<Currency, String>,
    split: Day,
) -> Result<Compared, ServiceError> {
    let of = currency.as_ref().ok().copied();
    let fit = match plan.clone().fit(population, currency) {
        Ok(fit) => fit,
        Err(error) => {
            let error = cannot_fit(error, split);
            return if let ServiceError::NothingToEvaluate(reason) = error {
                Ok((Err(reason), None))
            } else {
                Err(error)
            };
        }
    };
    if plan.by_kind && !differs_by_kind(&fit) {
        let reason = "no kind has parameters of its own: too few customers, or only one kind";
        return Ok((Err(reason.to_owned()), None));
    }
    if let Some(Err(reason)) = &fit.season {
        return Ok((Err(reason.clone()), None));
    }
    let model = candidate::candidate(&fit, of).ok_or_else(without_orders)?;
    let headline = headline(population, &model, candidate::SEED);
    let mut coverage = headline.orders_coverage.into_iter();
    let figures = ModelFigures {
        fit: likelihood(&fit),
        not_converged_reason: not_converged_reason(&fit),
        orders: headline.orders,
        orders_total: headline.orders_total,
        orders_coverage: coverage.find(|one| (one.level - LEVEL).abs() < 1e-9),
        spend: headline.spend,
        brier_score: headline.brier_score,
    };
    let contender = Contender {
        bic: figures.fit.as_ref().ok().map(LikelihoodFigures::bic),
        squared_errors: headline.squared_errors,
    };
    let converged = figures.not_converged_reason.is_none();
    Ok((Ok(figures), converged.then_some(contender)))
}

/// Whether a fit by kind has more than the set of all customers.
fn differs_by_kind(fit: &ModelFit) -> bool {
    match &fit.refinement {
        Refinement::ByKind(by_kind) => {
            by_kind.kinds.len() > 1 && by_kind.kinds.iter().any(|kind| kind.set.is_ok())
        }
        Refinement::No | Refinement::Covariates(_) => false,
    }
}

/// The likelihood of all customers' orders; or why there is none that is comparable.
fn likelihood(fit: &ModelFit) -> Result<LikelihoodFigures, String> {
    let of = |report: &StoredReport| LikelihoodFigures {
        log_likelihood: report.log_likelihood,
        parameters: u32::try_from(report.parameter_count()).unwrap_or(u32::MAX),
        customers: report.customers,
    };
    if fit.has_weak_priors() {
        return Err("weak priors keep the likelihood from its maximum".to_owned());
    }
    let pooled = of(&fit.pooled.as_ref().map_err(Clone::clone)?.orders_report);
    match &fit.refinement {
        Refinement::No => Ok(pooled),
        Refinement::ByKind(by_kind) => {
            let test = by_kind.orders_test.as_ref().map_err(Clone::clone)?;
            Ok(LikelihoodFigures {
                log_likelihood: pooled.log_likelihood + test.statistic / 2.0,
                parameters: pooled.parameters + test.degrees_of_freedom,
                ..pooled
            })
        }
        Refinement::Covariates(covariates) if covariates.customers_left_out > 0 => Err(format!(
            "a covariate of {} customers is unknown, so the likelihood is that of others",
            covariates.customers_left_out
        )),
        Refinement::Covariates(covariates) => Ok(of(&covariates.report)),
    }
}

fn not_converged_reason(fit: &ModelFit) -> Option<String> {
    let of_covariates = match &fit.refinement {
        Refinement::Covariates(covariates) => Some(&covariates.report),
        Refinement::No | Refinement::ByKind(_) => None,
    };
    let pooled = fit.pooled.as_ref().ok().map(|set| &set.orders_report);
    let mut reports = of_covariates.into_iter().chain(pooled);
    reports.find_map(|report| report.not_converged_reason.clone())
}

/// The model to use, and why, in words.
fn recommendation(
    contenders: &[(usize, Contender)],
    models: &[ComparedModel],
) -> Option<(usize, String)> {
    let alone: Vec<Contender> = contenders.iter().map(|(_, one)| one.clone()).collect();
    let (at, ground) = recommend(&alone)?;
    let place = |at: usize| contenders.get(at).map(|(place, _)| *place);
    let recommended = place(at)?;
    let words = match ground {
        Ground::Likelihood(None) => "no other model can be compared by BIC".to_owned(),
        Ground::Likelihood(Some(margin)) => format!(
            "smallest BIC, by {margin:.1}, and no other model is significantly closer to the holdout"
        ),
        Ground::EqualLikelihood => {
            "BIC within 2 of the smallest, and closest to the holdout among such models".to_owned()
        }
        Ground::Holdout {
            before,
            standard_errors,
        } => {
            let before = place(before).and_then(|place| models.get(place));
            let name = before.map(|model| model.plan.words()).unwrap_or_default();
            format!(
                "closer to the holdout than {name}, which fits the calibration period best, by {standard_errors:.1} standard errors"
            )
        }
        Ground::HoldoutAlone => {
            "closest to the holdout; the models cannot be compared by BIC".to_owned()
        }
    };
    Some((recommended, words))
}
