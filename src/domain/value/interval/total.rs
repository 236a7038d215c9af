//! How far off the sum over many customers may be. The doubt about parameters is one for all of them and does not average out, that
//! about each customer does.

use super::{Block, UncertainModel, orders_within, spend_on};
use crate::domain::value::{
    gamma_gamma::SpendHistory, history::PurchaseHistory, random::Random,
    special_functions::incomplete::incomplete_gamma_upper,
};

/// Below this, the spend of a newcomer has no variance under Gamma-Gamma, and neither has a sum of them.
const SMALLEST_Q: f64 = 2.0;

/// What customers come to together: their expectation at each draw of the parameters, and how far they scatter around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Total {
    /// Expectation of the sum, by draw of the parameters.
    means: Vec<f64>,
    /// Variance of the sum once the parameters are known, on average over the draws.
    variance: f64,
}

/// Orders and spend of customers who are added one after another.
#[derive(Debug, Clone, PartialEq)]
pub struct Totals {
    /// Orders.
    pub orders: Total,
    /// Spend, major units, undiscounted; `None` without a spend model that has a variance.
    pub spend: Option<Total>,
}

impl UncertainModel {
    /// Nobody yet.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let nothing = Total {
            means: vec![0.0; self.draws.len()],
            variance: 0.0,
        };
        let has_variance = |(_, spend): &(_, Option<super::GammaGamma>)| {
            spend.is_some_and(|spend| spend.parameters()[1] > SMALLEST_Q)
        };
        Totals {
            spend: self.draws.iter().all(has_variance).then(|| nothing.clone()),
            orders: nothing,
        }
    }

    /// Adds what a customer will do in the next `weeks`. `random` decides how the customer's scatter is estimated, and must go on from
    /// one customer to the next. The spend of who has none that counts is not `with_spend`.
    pub fn add(
        &self,
        totals: &mut Totals,
        history: &PurchaseHistory,
        spend: Option<&SpendHistory>,
        weeks: f64,
        with_spend: bool,
        random: &mut Random,
    ) {
        let whole = [Block {
            weeks,
            discount: 1.0,
        }];
        let (mut of_orders, mut of_spend) = (0.0, 0.0);
        for (at, (order_model, spend_model)) in self.draws.iter().enumerate() {
            let outlook = order_model.outlook(history);
            let expected = outlook.expected_orders(weeks);
            let is_alive = random.uniform() < outlook.probability_alive();
            let bought = if is_alive {
                orders_within(outlook.process(), &whole, random).0
            } else {
                0.0
            };
            totals.orders.means[at] += expected;
            of_orders += (bought - expected).powi(2);
            if let (true, Some(total), Some(model)) = (with_spend, &mut totals.spend, spend_model) {
                // A `q` above 2 has a mean.
                let expected = expected * model.expected_spend(spend).unwrap_or(0.0);
                total.means[at] += expected;
                of_spend += (spend_on(model, spend, bought, random) - expected).powi(2);
            }
        }
        let draws = self.count();
        totals.orders.variance += of_orders / draws;
        if let Some(total) = &mut totals.spend {
            total.variance += of_spend / draws;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "200 draws")]
    fn count(&self) -> f64 {
        self.draws.len().max(1) as f64
    }
}

impl Total {
    /// The same of more customers of whom these are a sample: `expectation` times the expectation, `customers` times as many of them.
    #[must_use]
    pub fn scaled(mut self, expectation: f64, customers: f64) -> Self {
        self.means.iter_mut().for_each(|mean| *mean *= expectation);
        self.variance *= customers;
        self
    }

    /// The sum of two groups of customers under the same draws of the parameters.
    #[must_use]
    pub fn with(self, other: &Self) -> Self {
        self.with_shifted(other, 0)
    }

    /// The sum of two groups of customers whose parameters are independent of each other, although drawn from one seed.
    #[must_use]
    pub fn with_independent(self, other: &Self) -> Self {
        let half = other.means.len() / 2;
        self.with_shifted(other, half)
    }

    fn with_shifted(mut self, other: &Self, by: usize) -> Self {
        let others = other.means.iter().cycle().skip(by);
        for (mean, of_other) in self.means.iter_mut().zip(others) {
            *mean += of_other;
        }
        self.variance += other.variance;
        self
    }

    /// The expectation.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "200 draws")]
    pub fn mean(&self) -> f64 {
        self.means.iter().sum::<f64>() / self.means.len().max(1) as f64
    }

    /// The standard deviation, both doubts together.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "200 draws")]
    pub fn standard_deviation(&self) -> f64 {
        let mean = self.mean();
        let of_means = self.means.iter().map(|one| (one - mean).powi(2));
        let of_means = of_means.sum::<f64>() / self.means.len().max(1) as f64;
        (of_means + self.variance).sqrt()
    }

    /// Probability of a sum of at most `sum`: normal at each draw of the parameters, as sums over many customers are.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "200 draws")]
    pub fn probability_at_most(&self, sum: f64) -> f64 {
        // So that a sum that is certain has a place too.
        let deviation = self.variance.sqrt().max(f64::MIN_POSITIVE);
        let each = self.means.iter();
        let below = each.map(|mean| normal_distribution((sum - mean) / deviation));
        below.sum::<f64>() / self.means.len().max(1) as f64
    }

    /// The central interval that holds the sum with probability `level` in `(0, 1)`; not below 0.
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

/// The standard normal distribution function: its square is chi-squared with one degree of freedom.
fn normal_distribution(z: f64) -> f64 {
    // Farther out nothing is left that a number could hold.
    let z = z.clamp(-40.0, 40.0);
    let tail = 0.5 * incomplete_gamma_upper(0.5, 0.5 * z * z);
    if z > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::{
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
        // 12 and 9 together scatter by 15; a sample of a hundredth of the customers scatters by a tenth of it.
        let of = |variance: f64| Total {
            means: vec![1.0, 3.0],
            variance,
        };
        let both = of(144.0).with(&of(81.0));
        assert_near("variances", both.variance.sqrt(), 15.0, 1e-12);
        assert_eq!(both.means, [2.0, 6.0]);
        assert_eq!(of(1.0).with_independent(&of(1.0)).means, [4.0, 4.0]);
        assert_near("of all", of(1.0).scaled(1.0, 100.0).variance, 100.0, 1e-12);
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
            let mut totals = uncertain.totals();
            // Each a hundred times: 20,000 draws of each customer.
            for history in histories.iter().cycle().take(300) {
                uncertain.add(&mut totals, history, None, 52.0, true, &mut random);
            }
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
            assert!(totals.spend.is_none());
            assert_near(kind.name(), totals.orders.mean(), mean, 1e-6 * mean);
            let deviation = totals.orders.standard_deviation();
            let ratio = deviation / variance.sqrt();
            assert_near(kind.name(), ratio, 1.0, 0.03);
        }
    }
}
