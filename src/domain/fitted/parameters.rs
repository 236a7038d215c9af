//! The parameter sets of one model version, and which of them speaks for a customer.
//!
//! There is always one pooled set, fitted to everybody. Beside it there may be one set for each kind of customer, or parameters that
//! depend on covariates. Selection is one function, [`Parameters::select`], of what is known of a customer
//! on a day; it does not know how parameters were found or stored.
//!
//! **Who falls back on the pooled set, and says so** ([`Selection`]): a kind that had too few customers for parameters of its own, and a
//! customer with an unknown covariate on the day. The pooled parameters are then the honest ones: they describe a customer known by the
//! history alone, where any imputed value would claim to know more.

use std::sync::Arc;

use crate::domain::{
    calendar::Day,
    clv::{
        fit::covariates::CovariateModel,
        gamma_gamma::GammaGamma,
        model::OrderModel,
        season::{OrderTime, clock::SeasonClock},
        spend_orders::SpendOrders,
    },
    customer::{
        CustomerKind,
        facts::AttributeValue,
        profile::{History, ProfileAt},
    },
    money::Currency,
    text::Label,
};

/// Covariance of the logarithms of parameters, row by row.
pub type LogCovariance = Vec<Vec<f64>>;

/// One parameter set: of orders, and of spend if there is any.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterSet {
    /// The model of orders.
    pub orders: OrderModel,
    /// Covariance of the logarithms of its parameters; `None` where it could not be had.
    pub orders_log_covariance: Option<LogCovariance>,
    /// How its parameters were found.
    pub estimation: Estimation,
    /// The model of spend per order.
    pub spend: Option<SpendParameters>,
}

/// How the parameters of a model of orders were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Estimation {
    /// By maximum likelihood: the data determine them.
    MaximumLikelihood,
    /// By the likelihood and weak priors of the program, since the likelihood alone does not determine them.
    WeakPriors,
    /// By the likelihood and a prior of the caller.
    GivenPrior,
    /// By a search that found no maximum; such a version answers only when somebody activates it all the same.
    NotConverged,
}

/// A model of spend and the currency of its amounts.
#[derive(Debug, Clone, PartialEq)]
pub struct SpendParameters {
    /// The model.
    pub model: GammaGamma,
    /// The orders it was fitted to, and so those that it takes of a customer.
    pub orders: SpendOrders,
    /// Currency of the amounts it was fitted to, which it predicts in major units.
    pub currency: Currency,
    /// Covariance of the logarithms of its parameters; `None` where it could not be had.
    pub log_covariance: Option<LogCovariance>,
}

/// All parameter sets of a model version.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// Those fitted to everybody.
    pub pooled: ParameterSet,
    /// What goes beyond them.
    pub refined: Refined,
    /// The seasonal clock by which all of them count time; `None` where they count by the calendar.
    pub season: Option<Arc<SeasonClock>>,
}

/// Parameters that tell customers apart by more than their history.
#[derive(Debug, Clone, PartialEq)]
pub enum Refined {
    /// None: the pooled set speaks for everybody.
    No,
    /// One set for each kind listed; kinds that are not fall back on the pooled set.
    ByKind(Vec<(CustomerKind, ParameterSet)>),
    /// Order rate and drop-out depend on covariates; spend is that of the pooled set.
    Covariates(CovariateParameters),
}

/// A model of orders with covariates.
#[derive(Debug, Clone, PartialEq)]
pub struct CovariateParameters {
    /// What it reads of a customer, in the order of the model's names.
    pub covariates: Vec<Covariate>,
    /// The model.
    pub model: CovariateModel,
    /// Covariance of the logarithms of its four parameters, its effects on orders, then those on drop-out.
    pub log_covariance: Option<LogCovariance>,
    /// How its parameters were found.
    pub estimation: Estimation,
}

/// How the values of a covariate are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CovariateType {
    /// True is 1, false is 0.
    Boolean,
    /// A whole number.
    Whole,
    /// Any finite number.
    Number,
}

/// An attribute of customers as a model uses it. It is kept with the version, so that later definitions do not change what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covariate {
    /// Name of the attribute.
    pub name: Label,
    /// How its values are read.
    pub value_type: CovariateType,
    /// Days after which a value is stale, and so unknown.
    pub max_age_days: Option<u32>,
}

/// Which parameters speak for a customer, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selection {
    /// The pooled set: the version has no other.
    Pooled,
    /// The set of the customer's kind.
    OwnKind(CustomerKind),
    /// The pooled set, since this kind had too few customers for one of its own.
    PooledForKind(CustomerKind),
    /// Parameters for the customer's own covariates.
    Covariates,
    /// The pooled set, since a covariate of the customer is unknown on the day.
    PooledForUnknownCovariate,
}

/// The parameters of one customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected<'a> {
    /// Which these are. With the version it names the set, except that covariates give every customer other parameters.
    pub selection: Selection,
    /// The model of orders.
    pub orders: OrderModel,
    /// How its parameters were found.
    pub estimation: Estimation,
    /// How the model of orders counts time.
    pub time: OrderTime<'a>,
    /// The model of spend per order.
    pub spend: Option<&'a SpendParameters>,
    set: &'a ParameterSet,
    covariates: Option<(&'a CovariateParameters, Vec<f64>)>,
}

/// A covariate of a customer whose value lies outside those of the fit: its effect is extrapolated, and may be wrong by any amount.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtrapolatedCovariate {
    /// Name of the attribute.
    pub name: String,
    /// The customer's value; true is 1.
    pub value: f64,
    /// Least and greatest value of the customers of the fit.
    pub fitted: [f64; 2],
}

impl Parameters {
    /// One set for everybody.
    #[must_use]
    pub const fn pooled(pooled: ParameterSet) -> Self {
        Self {
            pooled,
            refined: Refined::No,
            season: None,
        }
    }

    /// How the models of orders count time.
    #[must_use]
    pub fn time(&self) -> OrderTime<'_> {
        OrderTime::new(self.season.as_deref())
    }

    /// The parameters that speak for a customer on the day of the view.
    #[must_use]
    pub fn for_customer(&self, view: ProfileAt<'_>) -> Selected<'_> {
        let profile = view.profile();
        self.select(profile.kind, |covariates| {
            values(covariates, &profile.history, view.as_of())
        })
    }

    /// The parameters that speak for a customer of this kind. `values` gives the values of all covariates, `None` if any is unknown.
    #[must_use]
    pub fn select(
        &self,
        kind: CustomerKind,
        values: impl FnOnce(&[Covariate]) -> Option<Vec<f64>>,
    ) -> Selected<'_> {
        match &self.refined {
            Refined::No => self.whole(Selection::Pooled, &self.pooled),
            Refined::ByKind(sets) => match sets.iter().find(|(of, _)| *of == kind) {
                Some((_, set)) => self.whole(Selection::OwnKind(kind), set),
                None => self.whole(Selection::PooledForKind(kind), &self.pooled),
            },
            Refined::Covariates(parameters) => {
                let own = values(&parameters.covariates).and_then(|values| {
                    let orders = parameters.model.for_values(&values).ok()?;
                    Some((orders, values))
                });
                match own {
                    Some((orders, values)) => Selected {
                        selection: Selection::Covariates,
                        orders,
                        estimation: parameters.estimation,
                        covariates: Some((parameters, values)),
                        ..self.whole(Selection::Covariates, &self.pooled)
                    },
                    None => self.whole(Selection::PooledForUnknownCovariate, &self.pooled),
                }
            }
        }
    }

    /// A set as it is. A kind without a spend model of its own has the pooled one.
    fn whole<'a>(&'a self, selection: Selection, set: &'a ParameterSet) -> Selected<'a> {
        Selected {
            selection,
            orders: set.orders,
            estimation: set.estimation,
            time: self.time(),
            spend: set.spend.as_ref().or(self.pooled.spend.as_ref()),
            set,
            covariates: None,
        }
    }
}

impl Selected<'_> {
    /// The covariates behind the parameters whose value lies outside those of the fit; none without covariates, and in versions that did
    /// not keep their ranges.
    #[must_use]
    pub fn extrapolated_covariates(&self) -> Vec<ExtrapolatedCovariate> {
        let Some((parameters, values)) = &self.covariates else {
            return vec![];
        };
        let model = &parameters.model;
        let outside = model.outside(values).map(|at| ExtrapolatedCovariate {
            name: model.names()[at].clone(),
            value: values[at],
            fitted: model.ranges()[at],
        });
        outside.collect()
    }

    /// Covariance of the logarithms of the four parameters of [`Self::orders`]; `None` where it could not be had.
    #[must_use]
    pub fn orders_log_covariance(&self) -> Option<LogCovariance> {
        match &self.covariates {
            Some((parameters, values)) => {
                let full = parameters.log_covariance.as_ref()?;
                parameters.model.log_covariance_for(values, full)
            }
            None => self.set.orders_log_covariance.clone(),
        }
    }
}

/// The values of all `covariates` on a day; `None` if any is unknown. Fits and answers read them through this one function.
#[must_use]
pub fn values(covariates: &[Covariate], history: &History, as_of: Day) -> Option<Vec<f64>> {
    let each = covariates.iter();
    each.map(|covariate| covariate.value(history, as_of))
        .collect()
}

impl Covariate {
    /// The value on a day; `None` when nothing was observed, it was cleared, it is stale or from a later day, or of another type.
    #[must_use]
    pub fn value(&self, history: &History, as_of: Day) -> Option<f64> {
        let attributes = &history.attributes;
        let at = attributes
            .binary_search_by(|fact| (*fact.name).cmp(&*self.name))
            .ok()?;
        let fact = &attributes[at];
        let age_days = as_of - fact.observed_on;
        let stale = self
            .max_age_days
            .is_some_and(|most| i64::from(age_days) > i64::from(most));
        if age_days < 0 || stale {
            return None;
        }
        self.number(fact.value.as_ref()?)
    }

    fn number(&self, value: &AttributeValue) -> Option<f64> {
        match (self.value_type, value) {
            (CovariateType::Boolean, AttributeValue::Bool(value)) => Some(f64::from(*value)),
            #[expect(clippy::cast_precision_loss, reason = "bounded by 2^53")]
            (CovariateType::Whole | CovariateType::Number, AttributeValue::Int(value)) => {
                (value.unsigned_abs() <= 1 << 53).then_some(*value as f64)
            }
            (CovariateType::Whole, AttributeValue::Number(value)) => {
                (value.fract() == 0.0).then_some(*value)
            }
            (CovariateType::Number, AttributeValue::Number(value)) => {
                value.is_finite().then_some(*value)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
