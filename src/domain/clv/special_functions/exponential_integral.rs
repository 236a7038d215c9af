//! The generalised exponential integral, which discounts a Pareto-tailed rate.

#![expect(
    clippy::many_single_char_names,
    reason = "the symbols of the cited formulae"
)]

/// Below this the continued fraction needs too many steps to stop at the right one.
const FRACTION_FROM: f64 = 0.5;
/// Far more than the continued fraction takes from there on (about 60).
const MAX_STEPS: u32 = 1_000;
/// Halvings of the quadrature's step before giving up on the last digits.
const MAX_REFINEMENTS: u32 = 6;

/// `e^y E_n(y) = ∫ e^(-y v) (1 + v)^(-n) dv` over `v > 0`, for `n > 0` (any real) and `y > 0`.
///
/// Relative error below 1e-12 for `y >= 1e-9`.
#[must_use]
pub fn scaled_exponential_integral(n: f64, y: f64) -> f64 {
    if y < FRACTION_FROM {
        quadrature(n, y)
    } else {
        continued_fraction(n, y)
    }
}

/// Abramowitz & Stegun (1964), 5.1.22, in its even form, by the modified Lentz algorithm.
fn continued_fraction(n: f64, y: f64) -> f64 {
    let mut b = y + n;
    let mut c = f64::INFINITY;
    let mut d = b.recip();
    let mut value = d;
    for k in 1..MAX_STEPS {
        let k = f64::from(k);
        let a = -k * (n - 1.0 + k);
        b += 2.0;
        d = (a * d + b).recip();
        c = b + a / c;
        let delta = c * d;
        value *= delta;
        if (delta - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

/// The integral in `u = ln(1 + v)`, `u = exp(sinh x)`, by the trapezoidal rule (Takahasi & Mori 1974).
fn quadrature(n: f64, y: f64) -> f64 {
    let integrand = |x: f64| {
        let u = x.sinh().exp();
        (-y * u.exp_m1() - (n - 1.0) * u).exp() * u * x.cosh()
    };
    // exp(sinh 4.5) > 1e19 and exp(-exp(sinh ..)) is zero long before the right end.
    let half_range = 4.5;
    let mut intervals = 72_u32;
    let sum_over = |first: f64, step: f64, count: u32| -> f64 {
        (0..count)
            .map(|i| integrand(first + f64::from(i) * step))
            .sum()
    };
    let mut step = 2.0 * half_range / f64::from(intervals);
    let mut sum = sum_over(-half_range, step, intervals + 1);
    let mut estimate = sum * step;
    for _ in 0..MAX_REFINEMENTS {
        sum += sum_over(-half_range + step / 2.0, step, intervals);
        step /= 2.0;
        intervals *= 2;
        let refined = sum * step;
        let settled = (refined - estimate).abs() <= 1e-13 * refined;
        estimate = refined;
        if settled {
            break;
        }
    }
    estimate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::reference::assert_close;

    #[test]
    fn values_match_forty_digit_ones() {
        // mpmath 1.3.0: exp(y) * expint(n, y).
        for (n, y, truth) in [
            (0.606, 0.0315, 6.483_492_959_937_149),
            (1.0, 0.1, 2.014_642_544_708_451_6),
            (1.2426, 0.02, 2.253_090_499_200_142_3),
            (3.7, 2.5, 0.176_118_978_076_946_5),
            (1001.0, 0.3, 0.000_999_699_789_943_176_6),
            (0.4, 0.001, 92.387_978_614_233_22),
            (0.606, 0.0001, 82.334_436_214_536_67),
            (1.0, 1e-05, 10.935_829_157_788_484),
            (0.4, 1e-06, 5_926.920_386_726_458),
            (30.0, 1e-05, 0.034_482_746_305_423_28),
        ] {
            assert_close(
                "e^y E_n(y)",
                scaled_exponential_integral(n, y),
                truth,
                1e-12,
            );
        }
    }
}
