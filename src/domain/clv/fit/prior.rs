//! Weak knowledge about parameters before the data, for customer bases too small to determine them.
//!
//! It acts on logarithms of parameters in natural units (weeks), so it does not depend on the span of the data, unlike a
//! penalty on scaled parameters. With covariates, the parameters are those of a customer at their means.

/// Why a prior is refused.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "a prior needs positive, finite medians and spreads: got median {median} and log spread {log_spread}"
)]
pub struct PriorError {
    /// The median given.
    pub median: f64,
    /// The standard deviation of the logarithm given.
    pub log_spread: f64,
}

/// Independent log-normal priors of `N` parameters: the four of a model of ordering, unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogNormalPrior<const N: usize = 4> {
    log_medians: [f64; N],
    log_spreads: [f64; N],
}

impl<const N: usize> LogNormalPrior<N> {
    /// From the median of each parameter, in natural units and in the model's order, and the standard deviation of its
    /// logarithm (1 is a factor of 2.7 either way).
    ///
    /// # Errors
    /// When a median or spread is not positive and finite.
    pub fn new(medians: [f64; N], log_spreads: [f64; N]) -> Result<Self, PriorError> {
        let is_positive = |x: f64| x.is_normal() && x > 0.0;
        for (median, log_spread) in medians.into_iter().zip(log_spreads) {
            if !is_positive(median) || !is_positive(log_spread) {
                return Err(PriorError { median, log_spread });
            }
        }
        Ok(Self {
            log_medians: medians.map(f64::ln),
            log_spreads,
        })
    }

    /// Log-density, up to its constant, and derivatives at these log-parameters (natural units).
    pub(super) fn log_density(&self, log_parameters: [f64; N]) -> (f64, [f64; N]) {
        let mut value = 0.0;
        let mut gradient = [0.0; N];
        for (i, slot) in gradient.iter_mut().enumerate() {
            let distance = (log_parameters[i] - self.log_medians[i]) / self.log_spreads[i];
            value -= 0.5 * distance * distance;
            *slot = -distance / self.log_spreads[i];
        }
        (value, gradient)
    }
}
