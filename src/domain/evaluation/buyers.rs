//! Who buys again at all? The probability that the model gave to an order in the holdout, beside whether there was one.

use super::{
    number,
    ranking::{Decile, deciles},
};

/// How well it was predicted who buys again.
#[derive(Debug, Clone, PartialEq)]
pub struct BuyerEvaluation {
    /// Customers who did, as a share, `0..=1`.
    pub actual_share: f64,
    /// Mean probability that the model gave them.
    pub expected_share: f64,
    /// Mean squared difference of that probability from 1 of who bought and from 0 of who did not: Brier (1950), "Verification of
    /// Forecasts Expressed in Terms of Probability", Monthly Weather Review 78(1).
    pub brier_score: f64,
    /// The same of who gives everybody the share that came: what a forecast must be below to tell customers apart.
    pub baseline_brier_score: f64,
    /// Tenths by rank of the probability: means are shares.
    pub deciles: Vec<Decile>,
}

/// From pairs of a probability and 1 of who bought, 0 of who did not; all 0 without a pair.
pub(super) fn buyers(pairs: &[(f64, f64)]) -> BuyerEvaluation {
    let n = number(pairs.len()).max(1.0);
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let actual_share = mean(|(_, bought)| *bought);
    BuyerEvaluation {
        actual_share,
        expected_share: mean(|(probability, _)| *probability),
        brier_score: brier_score(pairs.iter().copied()),
        baseline_brier_score: actual_share * (1.0 - actual_share),
        deciles: deciles(pairs),
    }
}

/// [`BuyerEvaluation::brier_score`] of such pairs; 0 without a pair.
pub(super) fn brier_score(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for (probability, bought) in pairs {
        sum += (probability - bought).powi(2);
        count += 1;
    }
    sum / number(count).max(1.0)
}
