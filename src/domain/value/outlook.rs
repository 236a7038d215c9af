//! What a model believes about one customer's orders from now on.
//!
//! Given that the customer is alive, the posterior of every model here has the form of its prior with updated
//! parameters, so each conditional quantity is `P(alive)` times the same quantity of a fresh process: one code path
//! for old and for new customers. It knows nothing of money or calendars.

use super::beta_geometric::BetaGeometric;
use super::pareto_lifetime::ParetoLifetime;

/// The process that a live customer follows from now on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Process {
    /// BG/NBD and MBG/NBD.
    BetaGeometric(BetaGeometric),
    /// Pareto/NBD.
    ParetoLifetime(ParetoLifetime),
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
    /// use patron::domain::value::{bg_nbd::BgNbd, history::PurchaseHistory};
    ///
    /// // BTYD walkthrough, page 22: unconditional and conditional expectation over a year.
    /// let model = BgNbd::new(0.2425967, 4.413659, 0.7929869, 2.426164)?;
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
        };
        self.probability_alive * if_alive
    }

    /// Expected orders in `(now + from, now + to]`, weeks; zero when the interval is empty.
    #[must_use]
    pub fn expected_orders_between(&self, from: f64, to: f64) -> f64 {
        if to <= from {
            return 0.0;
        }
        self.expected_orders(to) - self.expected_orders(from)
    }
}
