//! How far apart two fits are, measured by how uncertain they are.

use super::matrix::SquareMatrix;

/// How much less uncertain a fit that knows more facts is than an earlier one: the mean over the parameters of the variance of the earlier
/// fit over that of the later one, less 1, along axes in which both are independent. `None` where the later covariance has no inverse or
/// another size.
///
/// With facts in proportion (1.25 times as many: 0.25), the shift from the earlier fit to the later one has the covariance of the first less
/// that of the second (Hausman 1978, "Specification Tests in Econometrics", Econometrica 46(6), lemma 2.1), so that twice the gain in
/// log-likelihood on all facts comes to this times as many degrees of freedom by chance alone.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a few parameters")]
pub fn excess_variance(earlier: &[Vec<f64>], later: &[Vec<f64>]) -> Option<f64> {
    let size = later.len();
    let fits = |covariance: &[Vec<f64>]| {
        covariance.len() == size && covariance.iter().all(|row| row.len() == size)
    };
    if size == 0 || !fits(earlier) || !fits(later) {
        return None;
    }
    let inverse = SquareMatrix::from_fn(size, |i, j| later[i][j]).inverse()?;
    // Both are symmetric: the trace of the product is the sum over all cells.
    let trace: f64 = (0..size)
        .map(|column| inverse.times(&earlier[column])[column])
        .sum();
    Some(trace / size as f64 - 1.0)
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
    fn a_quarter_more_facts_leave_a_quarter_of_the_variance_that_is_left() {
        let later = vec![vec![4.0, 1.0], vec![1.0, 9.0]];
        let times = |by: f64| -> Vec<Vec<f64>> {
            let rows = later.iter().map(|row| row.iter().map(|cell| by * cell));
            rows.map(Iterator::collect).collect()
        };
        let near = |earlier: &[Vec<f64>], expected: f64| {
            let found = excess_variance(earlier, &later).unwrap();
            assert!((found - expected).abs() < 1e-12, "{found}");
        };
        near(&times(1.25), 0.25);
        near(&times(1.0), 0.0);
        // The inverse has 9/35 there: 1 more in the trace, of two parameters.
        let mut first = later.clone();
        first[0][0] += 35.0 / 9.0;
        near(&first, 0.5);
        let singular = vec![vec![1.0, 1.0], vec![1.0, 1.0]];
        assert_eq!(excess_variance(&later, &singular), None);
        assert_eq!(excess_variance(&[], &later), None);
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
