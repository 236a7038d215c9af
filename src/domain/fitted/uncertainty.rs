//! How uncertain the parameters of a model version are: drawn when somebody first asks, then kept with the version.
//!
//! Classify and plain scores never come here. The draws of a version are always the same, since its number is the seed.

use std::sync::{Arc, OnceLock};

use crate::domain::{
    clv::{
        gamma_gamma::GammaGamma,
        interval::{Estimated, IntervalError, UncertainModel, renewals::UncertainRenewals},
    },
    customer::CustomerKind,
    fitted::{
        contract_models::{BUILT_IN, ContractModels},
        parameters::{Selected, Selection},
    },
};

/// From these shapes of spend on, orders of a customer and customers differ by less than one percent: spend is a known constant, whose
/// parameters mean nothing and need no uncertainty.
const CONSTANT_SHAPE: f64 = 1e4;
/// The variance of the logarithms of the parameters of such spend: none to speak of.
const CONSTANT_VARIANCE: f64 = 1e-18;

/// Why there are no intervals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoUncertainty {
    /// There is no spend model to draw from.
    #[error("the model version has no spend model")]
    NoSpend,
    /// There is no model of renewals to draw from.
    #[error("the model version has no model for the contracts")]
    NoRenewals,
    /// The fit does not say how uncertain it is.
    #[error(transparent)]
    Fit(#[from] IntervalError),
}

type Drawn = Result<Arc<UncertainModel>, NoUncertainty>;

/// The draws of a version, one set of them for each parameter set; empty until somebody asks.
#[derive(Debug, Default)]
pub struct Uncertainty {
    pooled: OnceLock<Drawn>,
    /// In the order of [`CustomerKind::ALL`].
    kinds: [OnceLock<Drawn>; CustomerKind::ALL.len()],
    /// In the order of the models of renewal.
    renewals: OnceLock<Vec<Result<UncertainRenewals, NoUncertainty>>>,
    built_in_renewals: OnceLock<UncertainRenewals>,
}

/// Follows from the rest of a version, and so tells none from another.
impl PartialEq for Uncertainty {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Uncertainty {
    /// The draws of the parameters that speak for a customer; `version` is that of the model.
    ///
    /// # Errors
    /// When the version has no spend model, or does not say how uncertain its parameters are.
    pub fn draws_for(&self, selected: &Selected<'_>, version: i64) -> Drawn {
        let kept = match selected.selection {
            Selection::Pooled
            | Selection::PooledForKind(_)
            | Selection::PooledForUnknownCovariate => Some(&self.pooled),
            Selection::OwnKind(kind) => {
                let place = CustomerKind::ALL.iter().position(|&it| it == kind);
                place.and_then(|place| self.kinds.get(place))
            }
            // Parameters of this customer alone.
            Selection::Covariates => None,
        };
        match kept {
            Some(kept) => kept.get_or_init(|| draw(selected, version)).clone(),
            None => draw(selected, version),
        }
    }
}

impl Uncertainty {
    /// The draws of the model of renewal at a place of `models`, else of the built-in one; `version` is that of the model.
    ///
    /// # Errors
    /// When the version does not say how uncertain its parameters are.
    pub fn of_renewals(
        &self,
        models: &ContractModels,
        place: Option<usize>,
        version: i64,
    ) -> Result<&UncertainRenewals, NoUncertainty> {
        let Some(place) = place else {
            let built_in = || UncertainRenewals::certain(BUILT_IN);
            return Ok(self.built_in_renewals.get_or_init(built_in));
        };
        let all = self.renewals.get_or_init(|| {
            let seeds = (1..).map(|at: u64| version.unsigned_abs() ^ (at << 32));
            let drawn = models.all().zip(seeds);
            drawn
                .map(|(fitted, seed)| Ok(UncertainRenewals::new(&fitted, seed)?))
                .collect()
        });
        let drawn = all.get(place).ok_or(NoUncertainty::NoRenewals)?;
        drawn.as_ref().map_err(Clone::clone)
    }
}

fn draw(selected: &Selected<'_>, version: i64) -> Drawn {
    let spend = selected.spend.ok_or(NoUncertainty::NoSpend)?;
    let covariance = selected.orders_log_covariance();
    let orders = Estimated {
        model: &selected.orders,
        log_covariance: covariance.as_deref(),
    };
    let constant = is_constant(&spend.model).then(|| constant_covariance(3));
    let spend = Estimated {
        model: &spend.model,
        log_covariance: spend.log_covariance.as_deref().or(constant.as_deref()),
    };
    let drawn = UncertainModel::new(&orders, &spend, version.unsigned_abs())?;
    Ok(Arc::new(drawn))
}

/// Whether all orders cost the same, as far as anybody can tell.
fn is_constant(spend: &GammaGamma) -> bool {
    let [p, q, _] = spend.parameters();
    p > CONSTANT_SHAPE && q > CONSTANT_SHAPE
}

fn constant_covariance(size: usize) -> Vec<Vec<f64>> {
    let cell = |i, j| if i == j { CONSTANT_VARIANCE } else { 0.0 };
    let row = |i| (0..size).map(|j| cell(i, j)).collect();
    (0..size).map(row).collect()
}
