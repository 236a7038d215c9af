//! MBG/CNBD-k: MBG/NBD for customers who order more regularly than by chance, with Erlang-k times between orders.
//!
//! Platzer & Reutterer (2016), "Ticking Away the Moments: Timing Regularity Helps to Better Predict Customer Activity", Marketing
//! Science 35(5), 779-799; Reutterer, Platzer & Schröder (2021), "Leveraging purchase regularity for predicting customer behavior the
//! easy way", International Journal of Research in Marketing 38(1), 194-215. A customer passes `k` stages between two orders, each
//! after an exponential time of rate `λ ~ Gamma(r, α)`: the rate of orders is `λ / k`, and `α` counts weeks a stage, as in `BTYDplus`.
//! With `k = 1` it is [`super::mbg_nbd::MbgNbd`]. It does not know how its parameters and `k` were found.

use super::history::PurchaseHistory;
use super::outlook::{Outlook, Process};
use super::parameters::{ParameterError, require_positive};
use super::rates::{CustomerRates, Dropout};
use super::regular_orders::{RegularOrders, phases};
use super::special_functions::{ln_gamma, ln_rising, logistic, softplus};
use super::stages::Stages;

/// Fitted parameters, all positive and finite, and the number of stages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MbgCnbd {
    stages: Stages,
    r: f64,
    alpha: f64,
    a: f64,
    b: f64,
}

impl MbgCnbd {
    /// `stages`: `k`; `r`, `alpha` (weeks): shape and rate of the rate of stages per week; `a`, `b`: beta parameters of the drop-out
    /// probability after each order, the first included.
    ///
    /// # Errors
    /// Names a parameter that is not positive and finite.
    pub fn new(stages: Stages, r: f64, alpha: f64, a: f64, b: f64) -> Result<Self, ParameterError> {
        require_positive([("r", r), ("alpha", alpha), ("a", a), ("b", b)])?;
        Ok(Self {
            stages,
            r,
            alpha,
            a,
            b,
        })
    }

    /// `k`.
    #[must_use]
    pub const fn stages(&self) -> Stages {
        self.stages
    }

    /// `[r, alpha, a, b]`.
    #[must_use]
    pub const fn parameters(&self) -> [f64; 4] {
        [self.r, self.alpha, self.a, self.b]
    }

    /// Natural logarithm of the likelihood of one history but for [`ln_gap_density`], which depends on `k` alone and not on the
    /// parameters.
    ///
    /// ```
    /// use patron::domain::clv::{history::PurchaseHistory, mbg_cnbd::MbgCnbd, stages::Stages};
    ///
    /// // Who ordered once dropped out at once, or has not come through two stages: b/(a+b)·(α/(α+T))^r·(1 + r T/(α+T)) + a/(a+b).
    /// let model = MbgCnbd::new(Stages::TWO, 0.9, 4.0, 0.5, 2.0)?;
    /// let once = PurchaseHistory::from_weeks(0, 0.0, 12.0)?;
    /// let by_hand = (2.0 * 0.25_f64.powf(0.9) * (1.0 + 0.9 * 0.75) + 0.5) / 2.5;
    /// assert!((model.log_likelihood(&once).exp() - by_hand).abs() < 1e-14);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn log_likelihood(&self, history: &PurchaseHistory) -> f64 {
        let Self { r, alpha, a, b, .. } = *self;
        let x = history.frequency();
        let (passed, chances) = (x.saturating_mul(self.stages.get()), x.saturating_add(1));
        let age = history.age_weeks();
        let alive = ln_rising(r, passed) + ln_rising(b, chances)
            - ln_rising(a + b, chances)
            - r * (age / alpha).ln_1p()
            - f64::from(passed) * (alpha + age).ln();
        alive + self.ln_waiting(history) + softplus(self.log_odds_of_dropout(history))
    }

    /// Probability that the customer is still a customer at the end of the history, in `(0, 1)`. The single gaps do not matter.
    /// Relative error below 1e-12.
    #[must_use]
    pub fn probability_alive(&self, history: &PurchaseHistory) -> f64 {
        logistic(-self.log_odds_of_dropout(history))
    }

    /// What lies ahead of a customer with this history.
    #[must_use]
    pub fn outlook(&self, history: &PurchaseHistory) -> Outlook {
        Outlook::new(
            self.probability_alive(history),
            Process::RegularOrders(RegularOrders {
                stages: self.stages,
                shape: self.shape(history),
                rate: self.alpha + history.age_weeks(),
                silence: history.age_weeks() - history.recency_weeks(),
                a: self.a,
                b: self.b + f64::from(history.frequency()) + 1.0,
            }),
        )
    }

    /// What is known of the customer's own rates, alive or not: the mean over both possibilities.
    #[must_use]
    pub fn rates(&self, history: &PurchaseHistory) -> CustomerRates {
        let Self { alpha, a, b, .. } = *self;
        let x = f64::from(history.frequency());
        let alive = self.probability_alive(history);
        let (gone, last) = (1.0 - alive, history.recency_weeks());
        let shape = self.shape(history);
        let weights = phases(self.stages, shape, self.waited(history));
        let mass: f64 = weights.iter().sum();
        let passed: f64 = (0_u8..)
            .zip(weights)
            .map(|(stage, weight)| weight * f64::from(stage))
            .sum();
        let if_alive = (shape + passed / mass) / (alpha + history.age_weeks());
        CustomerRates {
            orders_per_week: (alive * if_alive + gone * shape / (alpha + last))
                / self.stages.as_f64(),
            // Gone customers have dropped out once and survived one order less.
            dropout: Dropout::PerOrder((alive * a + gone * (a + 1.0)) / (a + b + x + 1.0)),
        }
    }

    /// What lies ahead of an unknown customer on the day of the first order.
    #[must_use]
    pub const fn newcomer(&self) -> Outlook {
        Outlook::new(
            self.b / (self.a + self.b),
            Process::RegularOrders(RegularOrders {
                stages: self.stages,
                shape: self.r,
                rate: self.alpha,
                silence: 0.0,
                a: self.a,
                b: self.b + 1.0,
            }),
        )
    }

    /// `r + k x`.
    fn shape(&self, history: &PurchaseHistory) -> f64 {
        self.r + self.stages.as_f64() * f64::from(history.frequency())
    }

    /// `(T - t_x) / (α + T)`.
    fn waited(&self, history: &PurchaseHistory) -> f64 {
        (history.age_weeks() - history.recency_weeks()) / (self.alpha + history.age_weeks())
    }

    /// `ln Σ_(j<k) (r+kx)_j / j! · z^j`: the silence of a live customer may have been any number of stages short of an order.
    fn ln_waiting(&self, history: &PurchaseHistory) -> f64 {
        let weights = phases(self.stages, self.shape(history), self.waited(history));
        // The first is 1.
        let further: f64 = weights[1..].iter().sum();
        further.ln_1p()
    }

    /// `ln (a/(b+x) · ((α+T)/(α+t_x))^(r+kx))` less the logarithm of the waiting.
    fn log_odds_of_dropout(&self, history: &PurchaseHistory) -> f64 {
        let x = f64::from(history.frequency());
        let since_last = history.age_weeks() - history.recency_weeks();
        let silence = (since_last / (self.alpha + history.recency_weeks())).ln_1p();
        (self.a / (self.b + x)).ln() + self.shape(history) * silence - self.ln_waiting(history)
    }
}

/// What `k` stages make of the times between orders, whatever the parameters: `(k-1) Σ ln gap − n ln Γ(k)` for `n` gaps whose
/// logarithms (in weeks) sum to `ln_gaps_weeks`. The rest of a log-likelihood is [`MbgCnbd::log_likelihood`]. Zero for one stage.
#[must_use]
pub fn ln_gap_density(stages: Stages, gaps: f64, ln_gaps_weeks: f64) -> f64 {
    if stages == Stages::ONE {
        return 0.0;
    }
    (stages.as_f64() - 1.0) * ln_gaps_weeks - gaps * ln_gamma(stages.as_f64())
}
