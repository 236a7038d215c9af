//! How sure a share is, and whether a rate has risen.

use crate::domain::clv::special_functions::incomplete::incomplete_beta;

/// Quantile of the standard normal distribution for 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The Wilson score interval at 95 % of a share of `count` in `total`; `None` of nothing.
///
/// Wilson (1927), "Probable inference, the law of succession, and statistical inference", without correction for continuity.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of contacts")]
pub fn wilson(count: u64, total: u64) -> Option<(f64, f64)> {
    if total == 0 {
        return None;
    }
    let n = total as f64;
    let share = count.min(total) as f64 / n;
    let square = Z * Z;
    let centre = share + square / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    let scale = 1.0 + square / n;
    // At the ends the formula gives 0 and 1 but for rounding.
    let lower = if count == 0 {
        0.0
    } else {
        (centre - spread) / scale
    };
    let upper = if count >= total {
        1.0
    } else {
        (centre + spread) / scale
    };
    Some((lower.max(0.0), upper.min(1.0)))
}

/// Probability of at least `recent` of `recent + earlier` events in the last of two stretches of time, if their rate is the same in both
/// and the recent one takes `share` of the time. The conditional test of two Poisson rates (Przyborowski and Wilenski 1940).
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of contacts")]
pub fn rise_p_value(recent: u64, earlier: u64, share: f64) -> f64 {
    if recent == 0 {
        return 1.0;
    }
    let odds = share / (1.0 - share);
    // P(X >= r) of a binomial distribution is the incomplete beta function I_p(r, n - r + 1).
    incomplete_beta(recent as f64, earlier as f64 + 1.0, odds).clamp(0.0, 1.0)
}

/// P values adjusted so that those up to a level have at most this expected share of false alarms, in the order given (Benjamini and
/// Hochberg 1995).
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a number of tests")]
pub fn adjusted_p_values(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|one, other| p_values[*one].total_cmp(&p_values[*other]));
    let tests = p_values.len() as f64;
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 1.0_f64;
    for (rank, at) in order.into_iter().enumerate().rev() {
        least = least.min(p_values[at] * tests / (rank + 1) as f64);
        adjusted[at] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn assert_close(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found} {expected}");
    }

    /// Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3.
    #[test]
    fn wilson_intervals_are_those_of_newcombe() {
        for (count, total, lower, upper) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let found = wilson(count, total).unwrap();
            assert_close(found.0, lower, 5e-5);
            assert_close(found.1, upper, 5e-5);
        }
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(7, 7).map(|it| it.1), Some(1.0));
    }

    /// Sums of binomial terms, in whole numbers.
    #[test]
    fn a_rise_is_the_upper_tail_of_a_binomial_distribution() {
        // P(X >= 3), n = 4, p = 1/2: 5/16.
        assert_close(rise_p_value(3, 1, 0.5), 5.0 / 16.0, 1e-14);
        // P(X >= 4), n = 4, p = 1/13: 13^-4.
        assert_close(rise_p_value(4, 0, 1.0 / 13.0), 13_f64.powi(-4), 1e-17);
        // P(X >= 1), n = 10, p = 1/4: 1 - (3/4)^10.
        assert_close(rise_p_value(1, 9, 0.25), 1.0 - 0.75_f64.powi(10), 1e-14);
        assert_close(rise_p_value(0, 9, 0.25), 1.0, 0.0);
    }

    /// The first example of Benjamini and Hochberg (1995), section 3.2: fifteen tests, of which four are rejected at 0.05.
    #[test]
    fn the_published_example_rejects_four() {
        let p_values = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0,
        ];
        let adjusted = adjusted_p_values(&p_values);
        let rejected = adjusted.iter().filter(|p| **p <= 0.05);
        assert_eq!(rejected.count(), 4);
        assert_close(adjusted[0], 0.0015, 1e-12);
        assert_close(adjusted[3], 0.035_625, 1e-12);
    }

    proptest! {
        #[test]
        fn an_interval_contains_its_share(total in 1..5_000_u64, part in 0.0..=1.0_f64) {
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let count = (total as f64 * part) as u64;
            let (lower, upper) = wilson(count, total).unwrap();
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let share = count as f64 / total as f64;
            prop_assert!(0.0 <= lower && lower <= share && share <= upper && upper <= 1.0);
        }

        #[test]
        fn more_recent_contacts_are_less_probable(recent in 1..300_u64, earlier in 0..300_u64, share in 0.01..0.9_f64) {
            let (one, more) = (rise_p_value(recent, earlier, share), rise_p_value(recent + 1, earlier, share));
            prop_assert!((0.0..=1.0).contains(&one) && more <= one + 1e-12, "{} {}", one, more);
        }
    }
}
