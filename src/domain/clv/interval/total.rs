//! How far off the sum over many customers may be. The doubt about parameters is one for all of them and does not average out, that
//! about each customer does.

use super::{Block, UncertainModel, orders_within, spend_on};
use crate::domain::clv::{
    gamma_gamma::{GammaGamma, SpendHistory},
    history::PurchaseHistory,
    random::Random,
    season::TimeAhead,
    special_functions::incomplete::incomplete_gamma_upper,
};

/// Below this, the spend of a newcomer has no variance under Gamma-Gamma, and neither has a sum of them.
const SMALLEST_Q: f64 = 2.0;

/// What one customer or many come to: the expectation at each draw of the parameters, and how far they scatter around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Total {
    /// Expectation, by draw of the parameters.
    means: Vec<f64>,
    /// Variance once the parameters are known, on average over the draws.
    variance: f64,
}

/// Orders and spend of a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Totals {
    /// Orders.
    pub orders: Total,
    /// Spend, major units, undiscounted; `None` without a spend model that has a variance.
    pub spend: Option<Total>,
}

impl UncertainModel {
    /// What a customer will come to in the next `weeks` of the calendar, which pass as `ahead` has it. `random` decides how the scatter is estimated, and must go on from one customer
    /// to the next.
    #[must_use]
    pub fn totals(
        &self,
        history: &PurchaseHistory,
        spend: Option<&SpendHistory>,
        weeks: f64,
        ahead: &TimeAhead<'_>,
        random: &mut Random,
    ) -> Totals {
        let paces = self.paces(ahead.relative_error(weeks));
        let weeks = ahead.model_weeks(weeks);
        let whole = [Block {
            weeks,
            discount: 1.0,
        }];
        let spend_models = self.draws.iter().map(|(_, model)| {
            let model = (*model)?;
            (model.parameters()[1] > SMALLEST_Q).then_some(model)
        });
        let spend_models: Option<Vec<GammaGamma>> = spend_models.collect();
        let (mut orders, mut of_orders) = (Vec::with_capacity(self.draws.len()), 0.0);
        let (mut revenue, mut of_revenue) = (Vec::with_capacity(self.draws.len()), 0.0);
        for (at, ((order_model, _), pace)) in self.draws.iter().zip(paces).enumerate() {
            let outlook = order_model.outlook(history);
            let expected = outlook.expected_orders(pace * weeks);
            let is_alive = random.uniform() < outlook.probability_alive();
            let bought = if is_alive {
                orders_within(outlook.process(), &whole, pace, random).0
            } else {
                0.0
            };
            orders.push(expected);
            of_orders += (bought - expected).powi(2);
            if let Some(models) = &spend_models {
                // A `q` above 2 has a mean.
                let expected = expected * models[at].expected_spend(spend).unwrap_or(0.0);
                revenue.push(expected);
                of_revenue += (spend_on(&models[at], spend, bought, random) - expected).powi(2);
            }
        }
        let total = |means: Vec<f64>, squares: f64| Total {
            variance: squares / number(means.len()),
            means,
        };
        Totals {
            orders: total(orders, of_orders),
            spend: spend_models.map(|_| total(revenue, of_revenue)),
        }
    }
}

impl Total {
    /// Of nobody.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            means: vec![],
            variance: 0.0,
        }
    }

    /// From the expectation at each draw of the parameters, and the variance once they are known.
    pub(super) const fn new(means: Vec<f64>, variance: f64) -> Self {
        Self { means, variance }
    }

    /// Adds another one, its expectation and its variance multiplied: by `n a` and `n a²` for `n` alike that each bring `a` times as much.
    /// The draws behind it are the same as those here, or independent of them.
    pub fn add(&mut self, part: &Self, times_mean: f64, times_variance: f64) {
        let length = part.means.len().max(self.means.len());
        self.means.resize(length, 0.0);
        for (mean, of_part) in self.means.iter_mut().zip(&part.means) {
            *mean += times_mean * of_part;
        }
        self.variance += times_variance * part.variance;
    }

    /// The sum over `parts`, each with how many customers like it there are. `groups` of them may have parameters that are independent
    /// of each other's although drawn from one seed: the number of its group, from 0, comes first.
    #[must_use]
    pub fn sum<'a>(parts: impl Iterator<Item = (usize, f64, &'a Self)>, groups: usize) -> Self {
        let mut sum = Self {
            means: vec![],
            variance: 0.0,
        };
        for (group, weight, part) in parts {
            sum.means.resize(part.means.len().max(sum.means.len()), 0.0);
            // Draws of other groups that stand far apart have nothing to do with each other.
            let shift = part.means.len() * group / groups.max(1);
            let others = part.means.iter().cycle().skip(shift);
            for (mean, of_part) in sum.means.iter_mut().zip(others) {
                *mean += weight * of_part;
            }
            sum.variance += weight * part.variance;
        }
        sum
    }

    /// The same of what counts `factor` times.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            variance: self.variance * factor * factor,
            ..self.with_means_times(factor)
        }
    }

    /// The same with the expectation at every draw multiplied by `factor`.
    #[must_use]
    pub fn with_means_times(mut self, factor: f64) -> Self {
        self.means.iter_mut().for_each(|mean| *mean *= factor);
        self
    }

    /// The expectation.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.means.iter().sum::<f64>() / number(self.means.len())
    }

    /// The standard deviation, both doubts together; not finite where a draw of the parameters expects more than a number holds.
    #[must_use]
    pub fn standard_deviation(&self) -> f64 {
        let mean = self.mean();
        let of_means = self.means.iter().map(|one| (one - mean).powi(2));
        let of_means = of_means.sum::<f64>() / number(self.means.len());
        (of_means + self.variance).sqrt()
    }

    /// Probability of a sum of at most `sum`: normal at each draw of the parameters, as sums over many customers are. The standard
    /// deviation must be finite.
    #[must_use]
    pub fn probability_at_most(&self, sum: f64) -> f64 {
        // So that a sum that is certain has a place too.
        let deviation = self.variance.sqrt().max(f64::MIN_POSITIVE);
        let each = self.means.iter();
        let below = each.map(|mean| normal_distribution((sum - mean) / deviation));
        below.sum::<f64>() / number(self.means.len())
    }

    /// The central interval that holds the sum with probability `level` in `(0, 1)`; not below 0. The standard deviation must be finite.
    #[must_use]
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let tail = (1.0 - level) / 2.0;
        (self.quantile(tail), self.quantile(1.0 - tail))
    }

    fn quantile(&self, share: f64) -> f64 {
        // Cantelli: no more than 1 in 100 lies as far to one side.
        let reach = 10.0 * self.standard_deviation();
        let (mut low, mut high) = (self.mean() - reach, self.mean() + reach);
        // As many halvings as a number has digits.
        for _ in 0..f64::MANTISSA_DIGITS {
            let middle = f64::midpoint(low, high);
            if self.probability_at_most(middle) < share {
                low = middle;
            } else {
                high = middle;
            }
        }
        high.max(0.0)
    }
}

/// A count to divide by.
#[expect(clippy::cast_precision_loss, reason = "200 draws")]
fn number(draws: usize) -> f64 {
    draws.max(1) as f64
}

/// The standard normal distribution function: its square is chi-squared with one degree of freedom.
fn normal_distribution(z: f64) -> f64 {
    if z.is_nan() {
        return z;
    }
    // Farther out nothing is left that a number could hold.
    let z = z.clamp(-40.0, 40.0);
    let tail = 0.5 * incomplete_gamma_upper(0.5, 0.5 * z * z);
    if z > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::{
        interval::Estimated,
        model::{ModelKind, OrderModel},
        simulation::DrawnCustomer,
    };

    #[track_caller]
    fn assert_near(what: &str, found: f64, expected: f64, tolerance: f64) {
        assert!(
            (found - expected).abs() <= tolerance,
            "{what}: {found}, not {expected}"
        );
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        let certain = Total {
            means: vec![100.0; 200],
            variance: 25.0,
        };
        assert_near("mean", certain.mean(), 100.0, 1e-12);
        assert_near("deviation", certain.standard_deviation(), 5.0, 1e-12);
        let (low, high) = certain.interval(0.9);
        assert_near("low", low, 100.0 - 5.0 * 1.644_853_627, 1e-6);
        assert_near("high", high, 100.0 + 5.0 * 1.644_853_627, 1e-6);
        let at_most = certain.probability_at_most(105.0);
        assert_near("one deviation above", at_most, 0.841_344_746, 1e-9);
        // Two draws of the parameters, 20 apart, of which each scatters by nothing to speak of: half the probability is at each.
        let apart = Total {
            means: vec![90.0, 110.0],
            variance: 0.0,
        };
        assert_near("deviation", apart.standard_deviation(), 10.0, 1e-12);
        assert_near("between", apart.probability_at_most(100.0), 0.5, 1e-12);
        assert_near("low", apart.interval(0.9).0, 90.0, 1e-6);
        // 12 and 9 together scatter by 15; a hundred customers, one of them known by 10 times as much.
        let of = |variance: f64| Total {
            means: vec![1.0, 3.0],
            variance,
        };
        let (one, other) = (of(144.0), of(81.0));
        let both = Total::sum([(0, 1.0, &one), (0, 1.0, &other)].into_iter(), 1);
        assert_near("variances", both.variance.sqrt(), 15.0, 1e-12);
        assert_eq!(both.means, [2.0, 6.0]);
        let independent = Total::sum([(0, 1.0, &one), (1, 1.0, &other)].into_iter(), 2);
        assert_eq!(independent.means, [4.0, 4.0]);
        let hundred = Total::sum([(0, 100.0, &one)].into_iter(), 1).with_means_times(0.5);
        assert_near("of a hundred", hundred.variance.sqrt(), 120.0, 1e-12);
        assert_eq!(hundred.means, [50.0, 150.0]);
    }

    /// Parameters that are known exactly: only customers scatter, and they do as simulated ones.
    #[test]
    fn with_known_parameters_a_total_scatters_as_customers_do() {
        for kind in ModelKind::ALL {
            let model = OrderModel::new(kind, [0.8, 9.0, 0.9, 2.5]).unwrap();
            let next_to_nothing: Vec<Vec<f64>> = (0..4)
                .map(|i| (0..4).map(|j| if i == j { 1e-18 } else { 0.0 }).collect())
                .collect();
            let estimated = Estimated {
                model: &model,
                log_covariance: Some(&next_to_nothing),
            };
            let uncertain = UncertainModel::of_orders(&estimated, 1).unwrap();
            let histories = [(0, 0, 70), (3, 60, 70), (9, 65, 70)];
            let histories = histories.map(|(x, recency, age)| {
                PurchaseHistory::from_days(x, 7 * recency, 7 * age).unwrap()
            });
            let mut random = Random::new(5);
            // Each a hundred times: 20,000 draws of each customer.
            let customers = histories.iter().cycle().take(300);
            let orders = customers.map(|history| {
                let totals =
                    uncertain.totals(history, None, 52.0, &TimeAhead::CALENDAR, &mut random);
                assert_eq!(totals.spend, None);
                totals.orders
            });
            let orders: Vec<Total> = orders.collect();
            let orders = Total::sum(orders.iter().map(|one| (0, 1.0, one)), 1);
            let [mut mean, mut variance] = [0.0; 2];
            for history in &histories {
                let outlook = model.outlook(history);
                let expected = outlook.expected_orders(52.0);
                mean += 100.0 * expected;
                let squares = (0..20_000).map(|_| {
                    let customer = DrawnCustomer::draw(&outlook, &mut random);
                    let orders = customer.orders(52.0, usize::MAX, &mut random).count();
                    (f64::from(u32::try_from(orders).unwrap()) - expected).powi(2)
                });
                variance += 100.0 * squares.sum::<f64>() / 20_000.0;
            }
            assert_near(kind.name(), orders.mean(), mean, 1e-6 * mean);
            let deviation = orders.standard_deviation();
            let ratio = deviation / variance.sqrt();
            assert_near(kind.name(), ratio, 1.0, 0.03);
        }
    }
}
