//! Does what all customers did together lie where the model saw it?
//!
//! Intervals of single customers are wide: a customer who orders once or not at all lies within nearly every one of them, and a model
//! that is wrong by half still holds its levels. A sum of thousands is not: what is left of its doubt is that about the parameters. It
//! does not know of anything that befalls all customers at once, as a season or a campaign does; a sum beyond the interval says that the
//! model is wrong or that something of this sort happened.

use super::forecast::Compared;
use crate::domain::clv::interval::total::Total;

/// What the interval promises.
const LEVEL: f64 = 0.9;

/// Where the sum over customers came to lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TotalInterval {
    /// What the interval promises, in `(0, 1)`.
    pub level: f64,
    /// What came of them.
    pub actual: f64,
    /// What the model expected of them, averaged over the doubt about its parameters.
    pub expected: f64,
    /// How far the sum scatters around that, both doubts together.
    pub standard_deviation: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// Probability that the model gave to a sum of at most `actual`, `0..=1`.
    pub place: f64,
}

/// What one customer who was drawn adds to the sum.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    /// Whose parameters describe it: those of another number are independent of these.
    pub(super) parameters: usize,
    /// How many customers it stands for.
    pub(super) weight: f64,
    /// What the model expects of it at the estimates.
    pub(super) expected: f64,
    /// What it comes to.
    pub(super) predicted: &'a Total,
}

/// Where the sum over `all` came to lie; `None` where nobody was drawn, or where parameters are so uncertain that it may be anything. There are so
/// many sets of `parameters`.
///
/// What is expected of all at the estimates is known; a draw of the parameters expects as much more or less of all as of those drawn.
pub(super) fn total<'a>(
    all: impl Iterator<Item = &'a Compared>,
    drawn: &[Part<'_>],
    parameters: usize,
) -> Option<TotalInterval> {
    let (mut expected, mut actual) = (0.0, 0.0);
    for one in all {
        expected += one.expected;
        actual += one.actual;
    }
    if drawn.is_empty() {
        return None;
    }
    interval(&predicted(expected, drawn, parameters), actual)
}

/// The total of all customers, where `expected` is predicted at the estimates.
pub(super) fn predicted(expected: f64, drawn: &[Part<'_>], parameters: usize) -> Total {
    let of_drawn: f64 = drawn.iter().map(|one| one.weight * one.expected).sum();
    let parts = drawn
        .iter()
        .map(|one| (one.parameters, one.weight, one.predicted));
    let predicted = Total::sum(parts, parameters);
    predicted.with_means_times(if of_drawn > 0.0 {
        expected / of_drawn
    } else {
        1.0
    })
}

/// Where `actual` lies in what was predicted; `None` where parameters are so uncertain that it may be anything.
pub(super) fn interval(predicted: &Total, actual: f64) -> Option<TotalInterval> {
    let standard_deviation = predicted.standard_deviation();
    standard_deviation.is_finite().then(|| {
        let (low, high) = predicted.interval(LEVEL);
        TotalInterval {
            level: LEVEL,
            actual,
            expected: predicted.mean(),
            standard_deviation,
            low,
            high,
            place: predicted.probability_at_most(actual),
        }
    })
}
