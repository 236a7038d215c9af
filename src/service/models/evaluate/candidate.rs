//! The model of an evaluation: fitted for it, or that of a stored version.
//!
//! It knows fits and versions, not what they are compared with.

use crate::{
    domain::{
        clv::{model::ModelFamily, spend_orders::SpendOrders, stages::Stages},
        customer::CustomerKind,
        evaluation::{forecast::CandidateModel, population::Population},
        fitted::{
            CovariateFit, FittedSet, KindFit, ModelFit, Refinement,
            parameters::{Covariate, Selection},
            report::{StoredPrior, StoredReport},
        },
        money::Currency,
    },
    service::{
        error::ServiceError,
        models::{
            compute::{Plan, Seasonality},
            input::{CovariateRows, DaysByKind, FitRows, KINDS, Rows},
        },
    },
};

/// Seed of the parameter draws of a model that is fitted for an evaluation; a version has its number.
pub(super) const SEED: u64 = 1;

/// What to fit on what was known at the split.
#[derive(Debug, Clone, PartialEq)]
pub struct FitPlan {
    /// The model of orders.
    pub kind: ModelFamily,
    /// Of a model of regular buyers the number of stages; chosen by likelihood when it is `None`.
    pub stages: Option<Stages>,
    /// Whether kinds of customers get parameters of their own.
    pub by_kind: bool,
    /// What order rate and drop-out are to depend on; not together with `by_kind`.
    pub covariates: Vec<Covariate>,
    /// Knowledge about the order parameters before the data.
    pub prior: Option<StoredPrior>,
    /// The orders that spend is fitted to.
    pub spend_orders: SpendOrders,
    /// Whether the order rate has a seasonal index.
    pub season: Seasonality,
}

/// One set of parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Whom it describes.
    pub whom: Described,
    /// How its fits went; or why the set for all customers speaks for these too.
    pub fits: Result<Fits, String>,
}

/// Whom a set of parameters describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Described {
    /// All customers; it speaks for those for whom no other does.
    All,
    /// Those of a kind.
    Kind(CustomerKind),
    /// Those whose covariates of these names are known.
    Covariates(Vec<String>),
}

/// How the fits behind a set of parameters went.
#[derive(Debug, Clone, PartialEq)]
pub struct Fits {
    /// Of orders.
    pub orders: StoredReport,
    /// Of the spend that is expected by this set, which may be that of all customers; or why none is.
    pub spend: Result<StoredReport, String>,
}

impl Described {
    /// Whether the set speaks for the customers of this selection.
    pub(super) fn speaks_for(&self, selection: Selection) -> bool {
        match selection {
            Selection::Pooled
            | Selection::PooledForKind(_)
            | Selection::PooledForUnknownCovariate => *self == Self::All,
            Selection::OwnKind(kind) => *self == Self::Kind(kind),
            Selection::Covariates => matches!(self, Self::Covariates(_)),
        }
    }
}

impl FitPlan {
    /// What a version was made by, as far as parameters of orders go.
    pub(super) fn of_version(fit: &ModelFit) -> Self {
        Self {
            kind: fit.kind,
            // The parameters of one number of stages cannot be compared with those of another.
            stages: fit
                .pooled
                .as_ref()
                .ok()
                .map(|set| set.orders.kind().stages()),
            by_kind: matches!(fit.refinement, Refinement::ByKind(_)),
            covariates: fit.refinement.covariates().to_vec(),
            prior: fit.prior,
            spend_orders: fit.spend_orders,
            season: fit.seasonal_index().map_or(Seasonality::No, |index| {
                Seasonality::Given(Box::new(index.clone()))
            }),
        }
    }

    /// The model asked for, in words.
    pub(super) fn words(&self) -> String {
        let model = match self.season {
            Seasonality::No => self.kind.name().to_owned(),
            Seasonality::Estimated | Seasonality::Given(_) => {
                format!("{} with seasons", self.kind.name())
            }
        };
        let names: Vec<&str> = self.covariates.iter().map(|it| &*it.name).collect();
        match (self.by_kind, &names[..]) {
            (true, _) => format!("{model} by kind"),
            (false, []) => model,
            (false, [name]) => format!("{model} with covariate {name}"),
            (false, names) => format!("{model} with {} covariates", names.len()),
        }
    }

    /// Fits as `FitModel` does, on what was known of the population at its split.
    pub(super) fn fit(
        self,
        population: &Population,
        currency: Result<Currency, String>,
    ) -> Result<ModelFit, ServiceError> {
        let rows = |kind| Rows {
            orders: population.order_rows(kind),
            spend: if currency.is_ok() {
                population.spend_rows(kind, self.spend_orders)
            } else {
                vec![]
            },
        };
        let input = FitRows {
            kinds: KINDS.map(|kind| rows(Some(kind))),
            covariates: (!self.covariates.is_empty()).then(|| {
                let (groups, left_out) = population.covariate_groups();
                CovariateRows { groups, left_out }
            }),
            days: match self.season {
                Seasonality::No => DaysByKind::default(),
                Seasonality::Estimated | Seasonality::Given(_) => {
                    DaysByKind::new(KINDS.map(|kind| population.orders_by_day(Some(kind))))
                }
            },
        };
        let plan = Plan {
            kind: self.kind,
            stages: self.stages,
            until: population.window().split(),
            by_kind: self.by_kind,
            covariates: self.covariates,
            prior: self.prior,
            spend_orders: self.spend_orders,
            season: self.season,
            currency,
        };
        plan.fit_parameters(&input, &input.pooled())
    }
}

/// The model of a fit, as it answers; `None` without a model of orders. Without a spend model in `currency` it says nothing of spend.
pub(super) fn candidate(fit: &ModelFit, currency: Option<Currency>) -> Option<CandidateModel> {
    Some(CandidateModel::new(fit.parameters()?, currency))
}

/// The sets of a fit: that of all customers first.
pub(super) fn sets(fit: &ModelFit, currency: Option<Currency>) -> Vec<Fitted> {
    let Ok(pooled) = &fit.pooled else {
        return vec![];
    };
    let fits = |orders: &StoredReport, set: &FittedSet| Fits {
        orders: orders.clone(),
        spend: spend(set, pooled, currency),
    };
    let of_kind = |kind: &KindFit| Fitted {
        whom: Described::Kind(kind.kind),
        fits: match &kind.set {
            Ok(set) => Ok(fits(&set.orders_report, set)),
            Err(reason) => Err(reason.clone()),
        },
    };
    let of_covariates = |covariates: &CovariateFit| Fitted {
        whom: Described::Covariates(covariates.model.names().to_vec()),
        fits: Ok(fits(&covariates.report, pooled)),
    };
    let mut sets = vec![Fitted {
        whom: Described::All,
        fits: Ok(fits(&pooled.orders_report, pooled)),
    }];
    match &fit.refinement {
        Refinement::No => {}
        Refinement::ByKind(by_kind) => sets.extend(by_kind.kinds.iter().map(of_kind)),
        Refinement::Covariates(covariates) => sets.push(of_covariates(covariates)),
    }
    sets
}

/// The fit of the spend that is expected by a set: its own, else that of all. A currency that is not the reporting one, or a model
/// without a mean, says nothing.
fn spend(
    set: &FittedSet,
    pooled: &FittedSet,
    currency: Option<Currency>,
) -> Result<StoredReport, String> {
    let (model, of, report) = set
        .spend
        .as_ref()
        .or(pooled.spend.as_ref())
        .map_err(Clone::clone)?;
    if Some(*of) != currency {
        return Err(format!(
            "the spend model is in {of}, the reporting currency is {}",
            currency.map_or("none", Currency::code)
        ));
    }
    model.population_mean().map_err(|error| error.to_string())?;
    Ok(report.clone())
}

#[cfg(test)]
mod tests;
