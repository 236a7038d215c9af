//! Parameters drawn around their estimates.

use super::IntervalError;
use crate::domain::clv::fit::report::covariance_root;
use crate::domain::clv::random::Random;

/// The normal distribution of log-parameters around their estimates.
pub(super) struct LogNormal<const N: usize> {
    log_estimates: [f64; N],
    /// Lower triangular root of the covariance.
    root: Vec<Vec<f64>>,
}

impl<const N: usize> LogNormal<N> {
    pub(super) fn new(
        estimates: [f64; N],
        names: [&str; N],
        log_covariance: Option<&[Vec<f64>]>,
    ) -> Result<Self, IntervalError> {
        let missing = || IntervalError::NoCovariance {
            parameters: names.join(", "),
        };
        let covariance = log_covariance.ok_or_else(missing)?;
        let lengths = covariance.iter().map(Vec::len).chain([covariance.len()]);
        if let Some(given) = lengths.into_iter().find(|&length| length != N) {
            return Err(IntervalError::OtherModel { given, expected: N });
        }
        Ok(Self {
            log_estimates: estimates.map(f64::ln),
            root: covariance_root(covariance).ok_or_else(missing)?,
        })
    }

    pub(super) fn draw(&self, random: &mut Random) -> [f64; N] {
        let normal: [f64; N] = std::array::from_fn(|_| random.normal());
        std::array::from_fn(|i| {
            let offset: f64 = self.root[i]
                .iter()
                .zip(normal)
                .map(|(cell, z)| cell * z)
                .sum();
            (self.log_estimates[i] + offset).exp()
        })
    }

    /// Standard deviation of the logarithm of each parameter.
    pub(super) fn spreads(&self) -> [f64; N] {
        std::array::from_fn(|i| {
            self.root[i]
                .iter()
                .map(|cell| cell * cell)
                .sum::<f64>()
                .sqrt()
        })
    }
}
