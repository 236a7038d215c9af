//! Gauss's hypergeometric function where the models need it: real parameters, argument in `[0, 1)`.
//!
//! No general routine: other arguments are the caller's to transform.

#![expect(
    clippy::many_single_char_names,
    reason = "the symbols of the cited formulae"
)]

/// After this many terms the argument is too close to 1 for a series; callers have another method then.
const MAX_TERMS: u32 = 20_000;

/// `2F1(a, b; c; z)` for `c > 0`, `0 <= z < 1` by its Gauss series.
///
/// Relative error below 1e-13 where the terms keep one sign (measured against 40-digit values); `None` when the
/// series does not settle within 20,000 terms or overflows.
#[must_use]
pub fn gauss_series(a: f64, b: f64, c: f64, z: f64) -> Option<f64> {
    // The remaining terms are at most a geometric series of ratio z once their ratio has settled.
    let stop = f64::EPSILON * 0.25 * (1.0 - z);
    let mut term = 1.0_f64;
    let mut sum = 1.0_f64;
    for k in 0..MAX_TERMS {
        let k = f64::from(k);
        let ratio = (a + k) * (b + k) / ((c + k) * (k + 1.0)) * z;
        term *= ratio;
        sum += term;
        if term.abs() <= stop * sum.abs() && ratio.abs() < 1.0 {
            return sum.is_finite().then_some(sum);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::reference::assert_close;

    #[test]
    fn the_series_matches_closed_forms() {
        for z in [1e-6, 0.1, 0.5, 0.9, 0.99_f64] {
            // Abramowitz & Stegun (1964), 15.1.3 and 15.1.8.
            let logarithm = -(-z).ln_1p() / z;
            assert_close(
                "ln",
                gauss_series(1.0, 1.0, 2.0, z).unwrap(),
                logarithm,
                1e-13,
            );
            let power = (1.0 - z).powf(-2.5);
            assert_close(
                "power",
                gauss_series(2.5, 3.0, 3.0, z).unwrap(),
                power,
                1e-13,
            );
        }
    }

    #[test]
    fn a_series_that_cannot_settle_is_none() {
        assert_eq!(gauss_series(0.5, 2.0, 1.0, 1.0 - 1e-9), None);
        assert_eq!(gauss_series(1e6, 1e6, 1.0, 0.9), None);
    }
}
