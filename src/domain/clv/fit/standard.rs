//! Covariates in units of their own spread around their means: so a year of birth is as easy to fit as years since 1975.

use super::covariates::CovariateGroup;
use super::rows::CollapsedRow;

/// Means and standard deviations of covariates over all customers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standard {
    pub(super) means: Vec<f64>,
    /// 1 for a covariate that is the same for all.
    pub(super) deviations: Vec<f64>,
}

impl Standard {
    /// Of so many covariates.
    pub(super) fn from_groups(count: usize, groups: &[CovariateGroup]) -> Self {
        let moments: Vec<(f64, f64)> = (0..count).map(|i| moments(i, groups)).collect();
        Self {
            means: moments.iter().map(|&(mean, _)| mean).collect(),
            deviations: moments.iter().map(|&(_, deviation)| deviation).collect(),
        }
    }

    /// Covariates as the search sees them.
    pub(super) fn standardised(&self, values: &[f64]) -> Vec<f64> {
        let of_all = self.means.iter().zip(&self.deviations);
        values
            .iter()
            .zip(of_all)
            .map(|(z, (mean, deviation))| (z - mean) / deviation)
            .collect()
    }
}

/// Mean and standard deviation of covariate `i`.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn moments(i: usize, groups: &[CovariateGroup]) -> (f64, f64) {
    let weighted = || {
        groups.iter().map(|group| {
            let customers: u64 = group.rows.iter().map(CollapsedRow::count).sum();
            (group.values[i], customers as f64)
        })
    };
    let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
    for (z, _) in weighted() {
        (lowest, highest) = (lowest.min(z), highest.max(z));
    }
    let range = highest - lowest;
    // Of a constant, the mean is that constant to the last bit; a range beyond all numbers is none that could be used.
    if !(range > 0.0 && range.is_finite()) {
        return (lowest, 1.0);
    }
    let customers: f64 = weighted().map(|(_, n)| n).sum();
    // Within the range, nothing overflows and no digit of a small spread around a large mean is lost.
    let mean = weighted()
        .map(|(z, n)| n * ((z - lowest) / range))
        .sum::<f64>()
        / customers;
    let variance = weighted()
        .map(|(z, n)| n * ((z - lowest) / range - mean).powi(2))
        .sum::<f64>()
        / customers;
    (lowest + mean * range, variance.sqrt() * range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(value: f64, customers: u64) -> CovariateGroup {
        CovariateGroup {
            values: vec![value],
            rows: vec![CollapsedRow::new(0, 0, 70, customers).unwrap()],
        }
    }

    #[test]
    fn a_spread_is_found_around_a_mean_of_any_size() {
        // One customer at 0, three at 4: mean 3, variance (9 + 3 * 1) / 4 = 3.
        for shift in [0.0, 1_975.0, -1e9] {
            let groups = [group(shift, 1), group(4.0 + shift, 3)];
            let found = Standard::from_groups(1, &groups);
            assert!((found.means[0] - shift - 3.0).abs() < 1e-6);
            assert!((found.deviations[0] - 3.0_f64.sqrt()).abs() < 1e-12);
            let below = found.standardised(&groups[0].values)[0];
            assert!((below + 3.0_f64.sqrt()).abs() < 1e-6, "{below}");
        }
    }

    #[test]
    fn a_constant_and_the_ends_of_all_numbers_have_a_finite_standard() {
        let constant = Standard::from_groups(1, &[group(0.1, 7), group(0.1, 4)]);
        assert_eq!((constant.means[0], constant.deviations[0]), (0.1, 1.0));
        let wide = [group(-1e308, 1), group(1e307, 1)];
        let standard = Standard::from_groups(1, &wide);
        assert!(standard.deviations[0].is_finite() && standard.means[0].is_finite());
        assert!(standard.standardised(&[1e307])[0].is_finite());
    }
}
