//! Static covariates: attributes that shift how often customers order and how easily they leave.
//!
//! Fader & Hardie (2007), "Incorporating Time-Invariant Covariates into the Pareto/NBD and BG/NBD Models", note 019: the order
//! rate is multiplied by `exp(effect · value)`, as is the drop-out rate of Pareto/NBD; for the beta-geometric models it is the
//! odds of dropping out after an order (through `a`; `b` is shared).

use super::FitError;
use super::family::dropout_parameter;
use super::orders;
use super::prior::LogNormalPrior;
use super::report::FitReport;
use super::rows::{CollapsedRow, collapse};
use crate::domain::clv::model::{ModelKind, OrderModel};
use crate::domain::clv::parameters::ParameterError;

/// Customers with the same covariate values.
#[derive(Debug, Clone, PartialEq)]
pub struct CovariateGroup {
    /// One value per covariate, in the order of their names; booleans are 0 and 1.
    pub values: Vec<f64>,
    /// Their histories.
    pub rows: Vec<CollapsedRow>,
}

/// Why covariates cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CovariateError {
    /// A group has more or fewer values than there are names.
    #[error("{given} covariate values for {expected} covariates")]
    Count {
        /// Values given.
        given: usize,
        /// Covariates named.
        expected: usize,
    },
    /// A missing or infinite value; leave such customers out or give them a value.
    #[error("covariate {name} has the value {value}, which is not finite")]
    NotFinite {
        /// Which covariate.
        name: String,
        /// Its value.
        value: f64,
    },
}

/// A model of ordering whose order rate and drop-out depend on covariates.
#[derive(Debug, Clone, PartialEq)]
pub struct CovariateModel {
    kind: ModelKind,
    parameters: [f64; 4],
    /// Values at which the parameters hold.
    means: Vec<f64>,
    /// Least and greatest value of each covariate in the fit; empty where they are not known.
    ranges: Vec<[f64; 2]>,
    names: Vec<String>,
    order_effects: Vec<f64>,
    dropout_effects: Vec<f64>,
}

impl CovariateModel {
    /// A model from its parts, as a stored version has them: parameters (ordered as [`ModelKind::parameter_names`]) of a customer whose
    /// covariates are `means`, and one effect on orders and one on drop-out for each name.
    ///
    /// # Errors
    /// When means or effects are not as many as the names, or a number is not finite, or a parameter not positive.
    pub fn new(
        kind: ModelKind,
        parameters: [f64; 4],
        means: Vec<f64>,
        names: Vec<String>,
        order_effects: Vec<f64>,
        dropout_effects: Vec<f64>,
    ) -> Result<Self, FitError> {
        OrderModel::new(kind, parameters)?;
        for effects in [&means, &order_effects, &dropout_effects] {
            if effects.len() != names.len() {
                return Err(FitError::Covariates(CovariateError::Count {
                    given: effects.len(),
                    expected: names.len(),
                }));
            }
            if let Some((name, &value)) = names
                .iter()
                .zip(effects)
                .find(|(_, effect)| !effect.is_finite())
            {
                let name = name.clone();
                return Err(FitError::Covariates(CovariateError::NotFinite {
                    name,
                    value,
                }));
            }
        }
        Ok(Self {
            kind,
            parameters,
            means,
            ranges: vec![],
            names,
            order_effects,
            dropout_effects,
        })
    }

    /// The same fitted to values between these, least and greatest of each covariate; none where they are not known.
    ///
    /// # Errors
    /// When there are some, but not as many as the names.
    pub fn with_ranges(mut self, ranges: Vec<[f64; 2]>) -> Result<Self, FitError> {
        if !ranges.is_empty() && ranges.len() != self.names.len() {
            return Err(FitError::Covariates(CovariateError::Count {
                given: ranges.len(),
                expected: self.names.len(),
            }));
        }
        self.ranges = ranges;
        Ok(self)
    }

    /// A model without covariates: `orders` for everybody.
    #[must_use]
    pub const fn plain(orders: OrderModel) -> Self {
        Self {
            kind: orders.kind(),
            parameters: orders.parameters(),
            means: vec![],
            ranges: vec![],
            names: vec![],
            order_effects: vec![],
            dropout_effects: vec![],
        }
    }

    /// Which model of ordering this is.
    #[must_use]
    pub const fn kind(&self) -> ModelKind {
        self.kind
    }

    /// Names of the covariates, in the order of all values.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Names of [`Self::parameters`], then of the effects: `orders:NAME` of all, `dropout:NAME` of all.
    #[must_use]
    pub fn parameter_names(&self) -> Vec<String> {
        orders::names(self.kind, &self.names)
    }

    /// Parameters of a customer at the means, ordered as [`ModelKind::parameter_names`].
    #[must_use]
    pub const fn parameters(&self) -> [f64; 4] {
        self.parameters
    }

    /// Covariates of the customer whom the parameters describe: the means of all customers of the fit.
    #[must_use]
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Least and greatest value of each covariate in the fit, in the order of the names; empty where they are not known.
    #[must_use]
    pub fn ranges(&self) -> &[[f64; 2]] {
        &self.ranges
    }

    /// The covariates whose value lies outside those of the fit, where the effect is extrapolated: each by its place. None where the
    /// ranges are not known.
    pub fn outside(&self, values: &[f64]) -> impl Iterator<Item = usize> {
        let pairs = values.iter().zip(&self.ranges).enumerate();
        pairs
            .filter(|(_, (value, [least, greatest]))| *value < least || *value > greatest)
            .map(|(at, _)| at)
    }

    /// Effects on the logarithm of the order rate.
    #[must_use]
    pub fn order_effects(&self) -> &[f64] {
        &self.order_effects
    }

    /// Effects on the logarithm of the drop-out odds (beta-geometric models) or rate (Pareto/NBD).
    #[must_use]
    pub fn dropout_effects(&self) -> &[f64] {
        &self.dropout_effects
    }

    /// The model of customers with these covariate values.
    ///
    /// # Errors
    /// When a parameter leaves the range of numbers at these values.
    pub fn for_values(&self, values: &[f64]) -> Result<OrderModel, ParameterError> {
        let distance = self.distance(values);
        let effect = |effects: &[f64]| super::matrix::dot(effects, &distance);
        let (index, sign) = dropout_parameter(self.kind);
        let mut parameters = self.parameters;
        parameters[1] *= (-effect(&self.order_effects)).exp();
        parameters[index] *= (sign * effect(&self.dropout_effects)).exp();
        OrderModel::new(self.kind, parameters)
    }

    /// How far these values are from the means.
    fn distance(&self, values: &[f64]) -> Vec<f64> {
        let pairs = values.iter().zip(&self.means);
        pairs.map(|(value, mean)| value - mean).collect()
    }

    /// Covariance of the logarithms of the four parameters of customers with these values, from that of the fit (`full`: four
    /// logarithms, effects on orders, effects on drop-out). `None` when `full` is not of that size.
    #[must_use]
    pub fn log_covariance_for(&self, values: &[f64], full: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
        self.moved(4, values, full)
    }

    /// The same with the effects, of which the covariance is of the size of `full`.
    #[must_use]
    pub fn full_log_covariance_for(
        &self,
        values: &[f64],
        full: &[Vec<f64>],
    ) -> Option<Vec<Vec<f64>>> {
        self.moved(full.len(), values, full)
    }

    /// The first `kept` rows and columns of the covariance when the parameters are those of customers with these values.
    fn moved(&self, kept: usize, values: &[f64], full: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
        let size = 4 + 2 * self.names.len();
        if full.len() != size || full.iter().any(|row| row.len() != size) {
            return None;
        }
        let distance = self.distance(values);
        // The logarithms are linear in all coordinates: J full J'.
        let (dropout, sign) = dropout_parameter(self.kind);
        let derivative = |row: usize, column: usize| match column.checked_sub(4) {
            _ if row == column => 1.0,
            Some(at) if at < distance.len() && row == 1 => -distance[at],
            Some(at) if at >= distance.len() && row == dropout => {
                sign * distance[at - distance.len()]
            }
            None | Some(_) => 0.0,
        };
        let jacobian: Vec<Vec<f64>> = (0..kept)
            .map(|row| (0..size).map(|column| derivative(row, column)).collect())
            .collect();
        let times_full = |row: &Vec<f64>| -> Vec<f64> {
            let column = |at: usize| (0..size).map(|k| row[k] * full[k][at]).sum();
            (0..size).map(column).collect()
        };
        let rows = jacobian.iter().map(|row| {
            let half = times_full(row);
            let cells = jacobian.iter();
            cells
                .map(|other| super::matrix::dot(&half, other))
                .collect()
        });
        Some(rows.collect())
    }
}

/// Fits a model whose order rate and drop-out depend on the named covariates; a prior holds the parameters at their means.
///
/// Where covariates are measured from does not matter: adding a number to all values of one changes neither likelihood nor parameters
/// nor effects.
///
/// # Errors
/// When values are missing or not finite, and as [`super::fit_orders`].
pub fn fit_with_covariates(
    kind: ModelKind,
    names: &[String],
    groups: &[CovariateGroup],
    prior: Option<&LogNormalPrior>,
) -> Result<(CovariateModel, FitReport), FitError> {
    let groups = merged(names, groups)?;
    let fitted = orders::fit(kind, names, &groups, prior)?;
    let model = CovariateModel {
        kind,
        parameters: fitted.parameters,
        means: fitted.means,
        ranges: ranges(names.len(), &groups),
        names: names.to_vec(),
        order_effects: fitted.order_effects,
        dropout_effects: fitted.dropout_effects,
    };
    Ok((model, fitted.report))
}

/// Least and greatest value of each covariate.
fn ranges(count: usize, groups: &[CovariateGroup]) -> Vec<[f64; 2]> {
    let range = |at: usize| {
        let values = groups.iter().map(|group| group.values[at]);
        values.fold(
            [f64::INFINITY, f64::NEG_INFINITY],
            |[least, greatest], value| [value.min(least), value.max(greatest)],
        )
    };
    (0..count).map(range).collect()
}

/// Groups of equal values merged, sorted, their rows collapsed: the same data give the same bits in any order.
fn merged(
    names: &[String],
    groups: &[CovariateGroup],
) -> Result<Vec<CovariateGroup>, CovariateError> {
    for group in groups {
        if group.values.len() != names.len() {
            return Err(CovariateError::Count {
                given: group.values.len(),
                expected: names.len(),
            });
        }
        if let Some((name, &value)) = names
            .iter()
            .zip(&group.values)
            .find(|(_, value)| !value.is_finite())
        {
            return Err(CovariateError::NotFinite {
                name: name.clone(),
                value,
            });
        }
    }
    let mut sorted: Vec<CovariateGroup> = groups.to_vec();
    // Minus zero is zero.
    sorted
        .iter_mut()
        .flat_map(|group| &mut group.values)
        .for_each(|value| *value += 0.0);
    let order = |a: &CovariateGroup, b: &CovariateGroup| {
        a.values
            .iter()
            .zip(&b.values)
            .map(|(x, y)| x.total_cmp(y))
            .find(|ordering| ordering.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    };
    sorted.sort_by(order);
    sorted.dedup_by(|group, kept| {
        let same = order(group, kept).is_eq();
        if same {
            kept.rows.append(&mut group.rows);
        }
        same
    });
    for group in &mut sorted {
        group.rows = collapse(group.rows.drain(..));
    }
    sorted.retain(|group| !group.rows.is_empty());
    Ok(sorted)
}
