//! What a model believes about one customer's orders from now on.
//!
//! Given that the customer is alive, the posterior of every model here has the form of its prior with updated
//! parameters, so each conditional quantity is `P(alive)` times the same quantity of a fresh process: one code path
//! for old and for new customers. It knows nothing of money or calendars.

use super::beta_geometric::BetaGeometric;
use super::discount::DiscountRate;
use super::pareto_lifetime::ParetoLifetime;
use super::regular_orders::RegularOrders;

/// The process that a live customer follows from now on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Process {
    /// BG/NBD and MBG/NBD.
    BetaGeometric(BetaGeometric),
    /// Pareto/NBD.
    ParetoLifetime(ParetoLifetime),
    /// MBG/CNBD-k.
    RegularOrders(RegularOrders),
}

/// A customer as the model sees them at one moment: perhaps alive, and if so, ordering like `process`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    probability_alive: f64,
    process: Process,
}

impl Outlook {
    pub(crate) const fn new(probability_alive: f64, process: Process) -> Self {
        Self {
            probability_alive,
            process,
        }
    }

    /// Probability of being a customer now, in `[0, 1]`.
    #[must_use]
    pub const fn probability_alive(&self) -> f64 {
        self.probability_alive
    }

    /// The process of a live customer.
    #[must_use]
    pub const fn process(&self) -> Process {
        self.process
    }

    /// Expected orders in `(now, now + weeks]`; relative error below 1e-9. Zero for `weeks <= 0`.
    ///
    /// ```
    /// use patron::domain::clv::{bg_nbd::BgNbd, history::PurchaseHistory};
    ///
    /// // BTYD walkthrough, page 22: unconditional and conditional expectation over a year.
    /// let model = BgNbd::new(0.242_596_7, 4.413_659, 0.792_986_9, 2.426_164)?;
    /// assert!((model.newcomer().expected_orders(52.0) - 1.444_004).abs() < 1e-6);
    /// let best = PurchaseHistory::from_days(26, 216, 217)?;
    /// assert!((model.outlook(&best).expected_orders(52.0) - 25.756_59).abs() < 1e-5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn expected_orders(&self, weeks: f64) -> f64 {
        if self.probability_alive == 0.0 {
            return 0.0;
        }
        let if_alive = match self.process {
            Process::BetaGeometric(process) => process.expected_orders(weeks),
            Process::ParetoLifetime(process) => process.expected_orders(weeks),
            Process::RegularOrders(process) => process.expected_orders(weeks),
        };
        self.probability_alive * if_alive
    }

    /// Expected orders in `(now + from, now + to]`, weeks; relative error below 1e-9, also far ahead, where the difference of two
    /// expectations from now on would have no digit left. Zero when the interval is empty.
    #[must_use]
    pub fn expected_orders_between(&self, from: f64, to: f64) -> f64 {
        let from = from.max(0.0);
        if to <= from || self.probability_alive == 0.0 {
            return 0.0;
        }
        let if_alive = match self.process {
            Process::BetaGeometric(process) => process.expected_orders_between(from, to),
            Process::ParetoLifetime(process) => process.expected_orders_between(from, to),
            Process::RegularOrders(process) => process.expected_orders_between(from, to),
        };
        self.probability_alive * if_alive
    }

    /// Probability of still being a customer `weeks` from now.
    #[must_use]
    pub fn probability_alive_after(&self, weeks: f64) -> f64 {
        let if_alive = match self.process {
            Process::BetaGeometric(process) => process.probability_alive_after(weeks),
            Process::ParetoLifetime(process) => process.probability_alive_after(weeks),
            Process::RegularOrders(process) => process.probability_alive_after(weeks),
        };
        self.probability_alive * if_alive
    }

    /// Probability of exactly `orders` in `(now, now + weeks]`; relative error below 1e-9.
    ///
    /// ```
    /// use patron::domain::clv::bg_nbd::BgNbd;
    ///
    /// // BTYD manual, `bgnbd.pmf`: ten repeat orders within two weeks of the first.
    /// let model = BgNbd::new(0.243, 4.414, 0.793, 2.426)?;
    /// let probability = model.newcomer().probability_of_orders(10, 2.0);
    /// assert!((probability - 1.07869e-7).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn probability_of_orders(&self, orders: u32, weeks: f64) -> f64 {
        let if_alive = match self.process {
            Process::BetaGeometric(process) => process.probability_of_orders(orders, weeks),
            Process::ParetoLifetime(process) => process.probability_of_orders(orders, weeks),
            Process::RegularOrders(process) => process.probability_of_orders(orders, weeks),
        };
        let if_gone = if orders == 0 {
            1.0 - self.probability_alive
        } else {
            0.0
        };
        if_gone + self.probability_alive * if_alive
    }

    /// Expected orders from now on for ever, discounted continuously: the DERT of the literature. Relative error below 1e-8.
    #[must_use]
    pub fn discounted_residual_orders(&self, discount: DiscountRate) -> f64 {
        let if_alive = match self.process {
            Process::BetaGeometric(process) => {
                process.discounted_residual_orders(discount.per_week())
            }
            Process::ParetoLifetime(process) => {
                process.discounted_residual_orders(discount.per_week())
            }
            Process::RegularOrders(process) => {
                process.discounted_residual_orders(discount.per_week())
            }
        };
        self.probability_alive * if_alive
    }
}
