//! Gauss's hypergeometric function where the models need it: real parameters, argument in `[0, 1)`.
//!
//! No general routine: other arguments are the caller's to transform.

#![expect(
    clippy::many_single_char_names,
    reason = "the symbols of the cited formulae"
)]

/// After this many terms the argument is too close to 1 for a series: callers have another method then, as quick as that.
const MAX_TERMS: u32 = 1_000;

/// `2F1(a, b; c; z)` for `c > 0`, `0 <= z < 1` by its Gauss series, with the number of terms it took.
///
/// Relative error below 1e-13 where the terms keep one sign (measured against 40-digit values); `None` when the
/// series does not settle within 1,000 terms or overflows.
#[must_use]
pub fn gauss_series(a: f64, b: f64, c: f64, z: f64) -> Option<(f64, u32)> {
    // The remaining terms are at most a geometric series of ratio z once their ratio has settled.
    let stop = f64::EPSILON * 0.25 * (1.0 - z);
    let mut term = 1.0_f64;
    let mut sum = 1.0_f64;
    for terms in 1..=MAX_TERMS {
        let k = f64::from(terms - 1);
        let ratio = (a + k) * (b + k) / ((c + k) * (k + 1.0)) * z;
        term *= ratio;
        sum += term;
        if term.abs() <= stop * sum.abs() && ratio.abs() < 1.0 {
            return sum.is_finite().then_some((sum, terms));
        }
    }
    None
}

/// More steps than any argument below `1 - 1e-8` takes.
const MAX_STEPS: u32 = 200_000;

/// `2F1(1, b; c; z)` for `b > 0`, `c > b`, `0 <= z < 1`: Gauss's continued fraction (Abramowitz & Stegun 1964, 15.2; DLMF
/// 15.7.5) by the modified Lentz algorithm.
///
/// All partial numerators have one sign, so nothing cancels: relative error below 1e-12 (measured), after about
/// `18 / sqrt(1 - z)` steps.
#[must_use]
pub fn unit_numerator(b: f64, c: f64, z: f64) -> f64 {
    unit_numerator_counted(b, c, z).0
}

/// The same with the number of steps it took.
fn unit_numerator_counted(b: f64, c: f64, z: f64) -> (f64, u32) {
    let mut numerator_ratio = 1.0;
    let mut denominator_ratio = 0.0;
    let mut value = 1.0;
    for step in 1..MAX_STEPS {
        let term = -coefficient(b, c, step) * z;
        denominator_ratio = (1.0 + term * denominator_ratio).recip();
        numerator_ratio = 1.0 + term / numerator_ratio;
        let factor = numerator_ratio * denominator_ratio;
        value *= factor;
        // Steps come in pairs of different size; the even one is the smaller.
        if (factor - 1.0).abs() < f64::EPSILON && step % 2 == 0 {
            return (value.recip(), step);
        }
    }
    (value.recip(), MAX_STEPS)
}

/// Coefficient `k` of `2F1(1, b; c; z) = 1/(1 - k_1 z/(1 - k_2 z/(1 - ...)))`.
fn coefficient(b: f64, c: f64, step: u32) -> f64 {
    let m = f64::from(step / 2);
    let from = c - 1.0 + 2.0 * m;
    if step % 2 == 1 {
        (b + m) * (c - 1.0 + m) / (from * (from + 1.0))
    } else {
        m * (c - 1.0 - b + m) / ((from - 1.0) * from)
    }
}

/// `2F1(1, b; c; z)` and its derivatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitNumerator {
    /// The function.
    pub value: f64,
    /// By `b`.
    pub by_b: f64,
    /// By `c`.
    pub by_c: f64,
    /// By `z`.
    pub by_z: f64,
    /// Steps of the continued fraction that it took, which are what it costs.
    pub steps: usize,
}

/// [`unit_numerator`] with all first derivatives, by differentiating the continued fraction from its end.
#[must_use]
pub fn unit_numerator_derivatives(b: f64, c: f64, z: f64) -> UnitNumerator {
    let (_, steps) = unit_numerator_counted(b, c, z);
    let (mut rest, mut by_b, mut by_c, mut by_z) = (1.0, 0.0, 0.0, 0.0);
    // The derivatives settle a little later than the value.
    let steps = steps + steps / 4 + 4;
    for step in (1..=steps).rev() {
        let k = coefficient(b, c, step);
        let m = f64::from(step / 2);
        let from = c - 1.0 + 2.0 * m;
        let (ln_k_by_b, ln_k_by_c) = if step % 2 == 1 {
            let by_c = (c - 1.0 + m).recip() - from.recip() - (from + 1.0).recip();
            ((b + m).recip(), by_c)
        } else {
            let difference = (c - 1.0 - b + m).recip();
            (
                -difference,
                difference - (from - 1.0).recip() - from.recip(),
            )
        };
        let term = k * z / rest;
        let grow = term / rest;
        by_b = grow * by_b - term * ln_k_by_b;
        by_c = grow * by_c - term * ln_k_by_c;
        by_z = grow * by_z - k / rest;
        rest = 1.0 - term;
    }
    let scale = -(rest * rest).recip();
    UnitNumerator {
        value: rest.recip(),
        by_b: scale * by_b,
        by_c: scale * by_c,
        by_z: scale * by_z,
        steps: steps as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::reference::assert_close;

    fn series(a: f64, b: f64, c: f64, z: f64) -> f64 {
        gauss_series(a, b, c, z).unwrap().0
    }

    #[test]
    fn the_series_matches_closed_forms() {
        for z in [1e-6, 0.1, 0.5, 0.9, 0.95_f64] {
            // Abramowitz & Stegun (1964), 15.1.3 and 15.1.8.
            let logarithm = -(-z).ln_1p() / z;
            assert_close("ln", series(1.0, 1.0, 2.0, z), logarithm, 1e-13);
            let power = (1.0 - z).powf(-2.5);
            assert_close("power", series(2.5, 3.0, 3.0, z), power, 1e-13);
        }
    }

    #[test]
    fn the_continued_fraction_equals_the_series() {
        for (b, c) in [
            (0.3, 0.9),
            (2.5, 3.1),
            (40.0, 41.5),
            (1.6, 420.0),
            (400.5, 401.2),
        ] {
            for z in [0.0, 1e-9, 0.2, 0.7, 0.9] {
                let fraction = unit_numerator(b, c, z);
                assert_close("2F1", fraction, series(1.0, b, c, z), 2e-13);
            }
        }
    }

    #[test]
    fn the_continued_fraction_equals_the_logarithm_near_1() {
        for z in [0.9, 0.995, 0.999_9_f64] {
            assert_close("ln", unit_numerator(1.0, 2.0, z), -(-z).ln_1p() / z, 2e-13);
        }
    }

    #[test]
    fn its_derivatives_are_those_of_differences() {
        let step = 1e-5;
        for (b, c, z) in [
            (0.3, 0.9, 0.6),
            (2.5, 3.1, 0.97),
            (40.0, 41.5, 0.2),
            (1.6, 420.0, 0.9),
        ] {
            let at = unit_numerator_derivatives(b, c, z);
            assert_close("value", at.value, unit_numerator(b, c, z), 1e-13);
            let slope = |low: f64, high: f64, width: f64| (high - low) / (2.0 * width);
            let by_b = slope(
                unit_numerator(b - step, c, z),
                unit_numerator(b + step, c, z),
                step,
            );
            let by_c = slope(
                unit_numerator(b, c - step, z),
                unit_numerator(b, c + step, z),
                step,
            );
            let by_z = slope(
                unit_numerator(b, c, z - step),
                unit_numerator(b, c, z + step),
                step,
            );
            assert_close("by b", at.by_b, by_b, 1e-6);
            assert_close("by c", at.by_c, by_c, 1e-5);
            assert_close("by z", at.by_z, by_z, 1e-5);
        }
    }

    #[test]
    fn a_series_that_cannot_settle_is_none() {
        assert_eq!(gauss_series(0.5, 2.0, 1.0, 1.0 - 1e-9), None);
        assert_eq!(gauss_series(1e6, 1e6, 1.0, 0.9), None);
    }
}
