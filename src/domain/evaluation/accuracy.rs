//! How far forecasts were from what came, in three numbers that answer different questions.
//!
//! It knows pairs of numbers, not what they count.

use super::{forecast::Compared, number};

/// Who made a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forecaster {
    /// The model.
    Model,
    /// Its parameters fitted to everybody, where it has others beside them.
    Pooled,
    /// A baseline: every customer repeats the repeat orders of the year before the split, in proportion to the length of the holdout.
    LastYear,
    /// A baseline: the same with the part of that year before a customer's first purchase filled in at the pace of all.
    Pace,
    /// A baseline: every customer does what [`Self::LastYear`] says of all on average.
    Mean,
}

impl Forecaster {
    /// All of them, the model first.
    pub const ALL: [Self; 5] = [
        Self::Model,
        Self::Pooled,
        Self::LastYear,
        Self::Pace,
        Self::Mean,
    ];

    /// What it expected of a customer; the model itself speaks for pooled parameters that it has no others beside.
    pub(super) fn expected(self, of: &Compared) -> f64 {
        match self {
            Self::Model => of.expected,
            Self::Pooled => of.pooled.unwrap_or(of.expected),
            Self::LastYear => of.last_year,
            Self::Pace => of.pace,
            Self::Mean => of.mean,
        }
    }
}

/// How far one forecaster was from what came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// Who.
    pub forecaster: Forecaster,
    /// Customers compared.
    pub customers: usize,
    /// What came, of all of them.
    pub actual_total: f64,
    /// What was expected, of all of them.
    pub expected_total: f64,
    /// Mean absolute difference of a customer (MAE).
    pub mean_absolute_error: f64,
    /// Root of the mean squared difference of a customer (RMSE).
    pub root_mean_squared_error: f64,
    /// Mean of expected less actual of a customer: above 0, too much was expected.
    pub bias: f64,
    /// Pearson's correlation of expected and actual, `-1..=1`; `None` when all are equal of either.
    pub correlation: Option<f64>,
}

/// How much nearer a model came than its pooled parameters, customer by customer.
///
/// Squared errors are compared, since forecasts are means, and a mean is what has the least squared error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Improvement {
    /// Customers compared, at least 2.
    pub customers: usize,
    /// Mean of a customer's squared error by the pooled parameters less that by the model: above 0, the model was nearer.
    pub squared_error_reduction: f64,
    /// Standard error of that mean; not negative.
    pub standard_error: f64,
}

/// The accuracy of the model, of its pooled parameters where it has others, and of the baselines.
pub(super) fn accuracies<'a>(
    compared: &(impl Iterator<Item = &'a Compared> + Clone),
) -> Vec<Accuracy> {
    let of = |forecaster: Forecaster| {
        let pairs = compared.clone();
        accuracy(
            forecaster,
            pairs.map(|one| (forecaster.expected(one), one.actual)),
        )
    };
    forecasters(compared).into_iter().map(of).collect()
}

/// The accuracy of the model alone.
pub(super) fn model_accuracy<'a>(compared: impl Iterator<Item = &'a Compared>) -> Accuracy {
    accuracy(
        Forecaster::Model,
        compared.map(|one| (one.expected, one.actual)),
    )
}

/// Who said something of all these customers, the model first.
pub(super) fn forecasters<'a>(
    compared: &(impl Iterator<Item = &'a Compared> + Clone),
) -> Vec<Forecaster> {
    let mut each = compared.clone().peekable();
    let has_pooled = each.peek().is_some() && each.all(|one| one.pooled.is_some());
    let all = Forecaster::ALL.into_iter();
    all.filter(|one| *one != Forecaster::Pooled || has_pooled)
        .collect()
}

/// How much nearer the model came than its pooled parameters; `None` where it has no others, or for fewer than two customers.
pub(super) fn improvement<'a>(
    compared: &(impl Iterator<Item = &'a Compared> + Clone),
) -> Option<Improvement> {
    let reductions = compared.clone().map(|one| {
        let pooled = one.pooled?;
        Some((pooled - one.actual).powi(2) - (one.expected - one.actual).powi(2))
    });
    let reductions: Vec<f64> = reductions.collect::<Option<_>>()?;
    let customers = reductions.len();
    if customers < 2 {
        return None;
    }
    let n = number(customers);
    let mean = reductions.iter().sum::<f64>() / n;
    let squares = reductions.iter().map(|one| (one - mean).powi(2));
    Some(Improvement {
        customers,
        squared_error_reduction: mean,
        standard_error: (squares.sum::<f64>() / (n - 1.0) / n).sqrt(),
    })
}

/// The accuracy over pairs of expected and actual; all zero without a pair.
pub(super) fn accuracy(
    forecaster: Forecaster,
    pairs: impl Iterator<Item = (f64, f64)>,
) -> Accuracy {
    let (mut customers, mut actual_total, mut expected_total) = (0, 0.0, 0.0);
    let (mut absolute, mut squared) = (0.0, 0.0);
    let mut moments = Moments::default();
    for (expected, actual) in pairs {
        customers += 1;
        moments.push(expected, actual);
        actual_total += actual;
        expected_total += expected;
        absolute += (expected - actual).abs();
        squared += (expected - actual).powi(2);
    }
    let n = number(customers).max(1.0);
    Accuracy {
        forecaster,
        customers,
        actual_total,
        expected_total,
        mean_absolute_error: absolute / n,
        root_mean_squared_error: (squared / n).sqrt(),
        bias: (expected_total - actual_total) / n,
        correlation: moments.correlation(),
    }
}

/// Means, variances and covariance of pairs, updated pair by pair (Welford 1962, Technometrics 4(3), 419-420).
#[derive(Default)]
struct Moments {
    count: f64,
    means: [f64; 2],
    squares: [f64; 2],
    product: f64,
}

impl Moments {
    fn push(&mut self, one: f64, other: f64) {
        self.count += 1.0;
        let from_means = [one - self.means[0], other - self.means[1]];
        self.means[0] += from_means[0] / self.count;
        self.means[1] += from_means[1] / self.count;
        let from_new = [one - self.means[0], other - self.means[1]];
        self.squares[0] += from_means[0] * from_new[0];
        self.squares[1] += from_means[1] * from_new[1];
        self.product += from_means[0] * from_new[1];
    }

    fn correlation(&self) -> Option<f64> {
        let [one, other] = self.squares;
        let spread = one.sqrt() * other.sqrt();
        (spread > 0.0).then(|| (self.product / spread).clamp(-1.0, 1.0))
    }
}
