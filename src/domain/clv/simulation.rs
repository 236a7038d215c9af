//! Customers drawn at random from what a model believes, and their orders.
//!
//! The same code draws brand-new customers (for demonstrations and recovery tests) and the futures of known ones (for
//! prediction intervals). It decides nothing; the seed decides all.

use super::outlook::{Outlook, Process};
use super::random::Random;
use super::stages::Stages;

/// How a drawn customer ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ending {
    /// Gone already.
    Gone,
    /// After each order with this probability.
    AfterOrders {
        /// Drop-out probability after an order.
        probability: f64,
    },
    /// At this time, whether ordering or not.
    AtTime {
        /// Weeks from now.
        weeks: f64,
    },
}

/// One customer with every unknown drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrawnCustomer {
    /// Orders a week while alive.
    pub orders_per_week: f64,
    /// How it ends.
    pub ending: Ending,
    /// Erlang stages of the times between orders.
    pub stages: Stages,
    /// Stages passed since the last order, fewer than `stages`.
    pub stages_passed: u32,
}

impl DrawnCustomer {
    /// Draws a customer with this outlook.
    #[must_use]
    pub fn draw(outlook: &Outlook, random: &mut Random) -> Self {
        let is_alive = random.uniform() < outlook.probability_alive();
        let random_times = (Stages::ONE, 0);
        let (orders_per_week, ending, (stages, stages_passed)) = match outlook.process() {
            Process::BetaGeometric(process) => (
                random.gamma(process.shape) / process.rate,
                Ending::AfterOrders {
                    probability: random.beta(process.a, process.b),
                },
                random_times,
            ),
            Process::ParetoLifetime(process) => {
                let per_week = random.gamma(process.lifetime_shape) / process.lifetime_scale;
                let orders_per_week = random.gamma(process.shape) / process.rate;
                let weeks = random.exponential() / per_week;
                (orders_per_week, Ending::AtTime { weeks }, random_times)
            }
            Process::RegularOrders(process) => {
                let (passed, stages_per_week) = process.draw_stage(random);
                (
                    stages_per_week / process.stages.as_f64(),
                    Ending::AfterOrders {
                        probability: random.beta(process.a, process.b),
                    },
                    (process.stages, passed),
                )
            }
        };
        Self {
            orders_per_week,
            ending: if is_alive { ending } else { Ending::Gone },
            stages,
            stages_passed,
        }
    }

    /// Times of the orders within `weeks` from now, ascending, in weeks; at most `limit` of them.
    pub fn orders<'a>(
        &'a self,
        weeks: f64,
        limit: usize,
        random: &'a mut Random,
    ) -> impl Iterator<Item = f64> + 'a {
        let end = match self.ending {
            Ending::Gone => 0.0,
            Ending::AfterOrders { .. } => weeks,
            Ending::AtTime { weeks: lifetime } => weeks.min(lifetime),
        };
        let stages_per_week = self.stages.as_f64() * self.orders_per_week;
        let mut now = 0.0;
        let mut is_alive = true;
        let mut to_pass = self.stages.get() - self.stages_passed;
        std::iter::from_fn(move || {
            if !is_alive {
                return None;
            }
            for _ in 0..to_pass {
                now += random.exponential() / stages_per_week;
            }
            to_pass = self.stages.get();
            if let Ending::AfterOrders { probability } = self.ending {
                is_alive = random.uniform() > probability;
            }
            (now <= end).then_some(now)
        })
        .take(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::model::{ModelKind, OrderModel};

    #[test]
    fn drawn_customers_order_as_often_as_the_formulae_expect() {
        for kind in ModelKind::ALL {
            let model = OrderModel::new(kind, [0.8, 9.0, 0.9, 2.5]).unwrap();
            let newcomer = model.newcomer();
            let mut random = Random::new(3);
            let counts: Vec<f64> = (0..40_000)
                .map(|_| {
                    let customer = DrawnCustomer::draw(&newcomer, &mut random);
                    let orders = customer.orders(60.0, usize::MAX, &mut random).count();
                    f64::from(u32::try_from(orders).unwrap())
                })
                .collect();
            let n = 40_000.0;
            let mean = counts.iter().sum::<f64>() / n;
            let variance = counts
                .iter()
                .map(|count| (count - mean).powi(2))
                .sum::<f64>()
                / n;
            let distance = (mean - newcomer.expected_orders(60.0)) / (variance / n).sqrt();
            assert!(
                distance.abs() < 4.0,
                "{}: {distance} standard errors",
                kind.name()
            );
        }
    }
}
