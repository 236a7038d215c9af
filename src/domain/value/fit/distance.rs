//! How far apart two sets of parameters are, measured by how uncertain they are.

use super::matrix::{SquareMatrix, dot};

/// The Wald statistic `d' V^-1 d` of a difference with this covariance; `None` where the covariance has no inverse or another size.
/// With as many degrees of freedom as parameters, it is distributed as chi squared if the true difference is 0.
#[must_use]
pub fn squared_distance(difference: &[f64], covariance: &[Vec<f64>]) -> Option<f64> {
    let size = difference.len();
    if covariance.len() != size || covariance.iter().any(|row| row.len() != size) {
        return None;
    }
    let matrix = SquareMatrix::from_fn(size, |i, j| covariance[i][j]);
    let inverse = matrix.inverse()?;
    Some(dot(difference, &inverse.times(difference)))
}

/// Probability that a chi-squared variate with `degrees` degrees of freedom, an even number, exceeds `statistic`; in `[0, 1]`.
///
/// With `k = degrees / 2`: `exp(-x/2) sum_{i<k} (x/2)^i / i!`, the distribution of a Poisson process.
#[must_use]
pub fn chi_squared_exceeds(statistic: f64, degrees: u32) -> f64 {
    let half = 0.5 * statistic.max(0.0);
    let (mut term, mut sum) = (1.0, 0.0);
    for i in 0..degrees / 2 {
        if i > 0 {
            term *= half / f64::from(i);
        }
        sum += term;
    }
    // Beyond the range of numbers both factors are: then nothing is left.
    let probability = sum * (-half).exp();
    if probability.is_finite() {
        probability.min(1.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_counts_in_standard_errors_along_the_axes_of_the_covariance() {
        let independent = vec![vec![4.0, 0.0], vec![0.0, 9.0]];
        assert_eq!(squared_distance(&[2.0, 3.0], &independent), Some(2.0));
        // Correlated by 0.6: (1 - 2 * 0.6 + 1) / (1 - 0.36).
        let correlated = vec![vec![1.0, 0.6], vec![0.6, 1.0]];
        let found = squared_distance(&[1.0, 1.0], &correlated).unwrap();
        assert!((found - 1.25).abs() < 1e-12, "{found}");
        let singular = vec![vec![1.0, 1.0], vec![1.0, 1.0]];
        assert_eq!(squared_distance(&[1.0, 0.0], &singular), None);
        assert_eq!(squared_distance(&[1.0], &independent), None);
    }

    #[test]
    fn chi_squared_has_the_quantiles_of_the_tables() {
        for (statistic, degrees, probability) in [
            (5.991_464_547, 2, 0.05),
            (9.487_729_037, 4, 0.05),
            (13.276_704_136, 4, 0.01),
            (15.507_313_056, 8, 0.05),
        ] {
            let found = chi_squared_exceeds(statistic, degrees);
            assert!((found - probability).abs() < 1e-9, "{statistic}: {found}");
        }
        assert!((chi_squared_exceeds(-1.0, 4) - 1.0).abs() < 1e-15);
        assert!(chi_squared_exceeds(1e300, 8).abs() < 1e-15);
    }
}
