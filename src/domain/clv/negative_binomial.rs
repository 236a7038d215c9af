//! The number of orders of a customer who never drops out: Poisson with a gamma-distributed rate.

use super::special_functions::incomplete::incomplete_beta;
use super::special_functions::ln_rising;

/// Counts of a Poisson process with rate `Gamma(shape, scale)` over a time of `odds · scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NegativeBinomial {
    /// Shape of the rate, positive.
    pub shape: f64,
    /// Length of the time over the rate parameter of the gamma distribution, not negative.
    pub odds: f64,
}

impl NegativeBinomial {
    /// Logarithm of the probability of exactly `n`.
    #[must_use]
    pub fn ln_mass(&self, n: u32) -> f64 {
        let Self { shape, odds } = *self;
        let none = -shape * odds.ln_1p();
        if n == 0 {
            return none;
        }
        ln_rising(shape, n) - ln_rising(1.0, n) + none - f64::from(n) * odds.recip().ln_1p()
    }

    /// Probability of `n` or more; full relative accuracy in the tail.
    #[must_use]
    pub fn at_least(&self, n: u32) -> f64 {
        if n == 0 {
            return 1.0;
        }
        incomplete_beta(f64::from(n), self.shape, self.odds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::reference::assert_close;

    #[test]
    fn masses_add_up_to_the_tail() {
        for (shape, odds) in [(0.24, 8.8), (3.0, 0.2), (40.0, 1.5)] {
            let counts = NegativeBinomial { shape, odds };
            let below: f64 = (0..20).map(|n| counts.ln_mass(n).exp()).sum();
            assert_close("tail", below + counts.at_least(20), 1.0, 1e-13);
        }
    }

    #[test]
    fn no_time_means_no_orders() {
        let counts = NegativeBinomial {
            shape: 0.5,
            odds: 0.0,
        };
        assert_close("none", counts.ln_mass(0).exp(), 1.0, 0.0);
        assert_close("one", counts.ln_mass(1).exp(), 0.0, 0.0);
        assert_close("one or more", counts.at_least(1), 0.0, 0.0);
    }
}
