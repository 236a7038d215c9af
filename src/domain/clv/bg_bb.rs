//! BG/BB: ordering or not at discrete opportunities, with drop-out between them.
//!
//! Fader, Hardie & Shang (2010), "Customer-Base Analysis in a Discrete-Time Noncontractual Setting", Marketing Science 29(6),
//! 1086-1108. Functions for comparison and research only: it is not fitted and cannot be made active.

use super::parameters::{ParameterError, require_positive};
use super::special_functions::hypergeometric::unit_numerator;
use super::special_functions::{ln_beta, ln_rising};

/// Why three numbers are not a history of opportunities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{orders} orders, the last at opportunity {last}, out of {opportunities} is not possible")]
pub struct OpportunityError {
    /// Orders.
    pub orders: u32,
    /// Opportunity of the last order, 0 without one.
    pub last: u32,
    /// Opportunities.
    pub opportunities: u32,
}

/// Orders `x`, the opportunity of the last `t_x`, and the number of opportunities `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpportunityHistory {
    orders: u32,
    last: u32,
    opportunities: u32,
}

impl OpportunityHistory {
    /// `x <= t_x <= n`, and `t_x = 0` exactly when `x = 0`.
    ///
    /// # Errors
    /// When that does not hold.
    pub const fn new(orders: u32, last: u32, opportunities: u32) -> Result<Self, OpportunityError> {
        let is_possible = orders <= last && last <= opportunities && (orders == 0) == (last == 0);
        if is_possible {
            Ok(Self {
                orders,
                last,
                opportunities,
            })
        } else {
            Err(OpportunityError {
                orders,
                last,
                opportunities,
            })
        }
    }
}

/// Parameters, all positive and finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BgBb {
    alpha: f64,
    beta: f64,
    gamma: f64,
    delta: f64,
}

impl BgBb {
    /// `alpha`, `beta`: beta parameters of the probability to order at an opportunity; `gamma`, `delta`: of the probability to
    /// drop out before one.
    ///
    /// # Errors
    /// Names a parameter that is not positive and finite.
    pub fn new(alpha: f64, beta: f64, gamma: f64, delta: f64) -> Result<Self, ParameterError> {
        require_positive([
            ("alpha", alpha),
            ("beta", beta),
            ("gamma", gamma),
            ("delta", delta),
        ])?;
        Ok(Self {
            alpha,
            beta,
            gamma,
            delta,
        })
    }

    /// Natural logarithm of the likelihood of one history (eq. 5); relative error below 1e-12.
    #[must_use]
    pub fn log_likelihood(&self, history: &OpportunityHistory) -> f64 {
        let OpportunityHistory {
            orders,
            last,
            opportunities,
        } = *history;
        let mut terms =
            vec![self.ln_orders(orders, opportunities) + self.ln_survival(opportunities)];
        for died_after in last..opportunities {
            let total = self.gamma + self.delta + f64::from(died_after);
            let ln_death = (self.gamma / total).ln() + self.ln_survival(died_after);
            terms.push(self.ln_orders(orders, died_after) + ln_death);
        }
        let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        largest
            + terms
                .iter()
                .map(|term| (term - largest).exp())
                .sum::<f64>()
                .ln()
    }

    /// Probability of being alive `ahead >= 1` opportunities after the last observed one (eq. 7 for 1).
    #[must_use]
    pub fn probability_alive_after(&self, history: &OpportunityHistory, ahead: u32) -> f64 {
        let OpportunityHistory {
            orders,
            opportunities,
            ..
        } = *history;
        (self.ln_orders(orders, opportunities)
            + self.ln_survival(opportunities.saturating_add(ahead))
            - self.log_likelihood(history))
        .exp()
    }

    /// Expected orders at the next `opportunities_ahead` (eq. 13, as a sum of positive terms, so also at `gamma = 1`).
    ///
    /// ```
    /// use patron::domain::clv::bg_bb::{BgBb, OpportunityHistory};
    ///
    /// // BTYD walkthrough, page 32.
    /// let model = BgBb::new(1.203_528, 0.749_726, 0.656_780_8, 2.783_796)?;
    /// let donor = OpportunityHistory::new(4, 5, 6)?;
    /// assert!((model.expected_orders(&donor, 10) - 3.627_858).abs() < 1e-6);
    /// let newcomer = OpportunityHistory::new(0, 0, 0)?;
    /// assert!((model.expected_orders(&newcomer, 10) - 3.179_805).abs() < 1e-5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn expected_orders(&self, history: &OpportunityHistory, opportunities_ahead: u32) -> f64 {
        let alive: f64 = (1..=opportunities_ahead)
            .map(|ahead| self.probability_alive_after(history, ahead))
            .sum();
        alive * self.order_probability(history)
    }

    /// Expected orders for ever, that at the j-th opportunity ahead discounted by `(1 + rate)^j`, `rate > 0` (eq. 14).
    #[must_use]
    pub fn discounted_residual_orders(&self, history: &OpportunityHistory, rate: f64) -> f64 {
        let factor = (1.0 + rate).recip();
        let survived = self.delta + f64::from(history.opportunities) + 1.0;
        self.order_probability(history)
            * self.probability_alive_after(history, 1)
            * factor
            * unit_numerator(survived, self.gamma + survived, factor)
    }

    /// Mean probability to order at an opportunity of a customer who is alive after the last.
    fn order_probability(&self, history: &OpportunityHistory) -> f64 {
        let total = self.alpha + self.beta + f64::from(history.opportunities);
        (self.alpha + f64::from(history.orders)) / total
    }

    /// `ln B(alpha + x, beta + n - x) / B(alpha, beta)`.
    fn ln_orders(&self, orders: u32, opportunities: u32) -> f64 {
        let (x, rest) = (f64::from(orders), f64::from(opportunities - orders));
        ln_beta(self.alpha + x, self.beta + rest) - ln_beta(self.alpha, self.beta)
    }

    /// `ln B(gamma, delta + n) / B(gamma, delta)`.
    fn ln_survival(&self, opportunities: u32) -> f64 {
        ln_rising(self.delta, opportunities) - ln_rising(self.gamma + self.delta, opportunities)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::domain::clv::reference::{assert_close, rows};

    #[derive(Deserialize)]
    struct Golden {
        x: u32,
        t_x: u32,
        n: u32,
        custs: f64,
        loglik: f64,
        p_alive_n_plus_1: f64,
        cet_5: f64,
        #[serde(rename = "dert_d0.10")]
        dert: f64,
    }

    #[test]
    fn all_cells_of_the_donors_are_reproduced() {
        let parameters: Vec<f64> = rows::<(String, String, f64)>(include_str!(
            "../../../tests/reference/frozen_params_donations.csv"
        ))
        .into_iter()
        .map(|(_, _, value)| value)
        .collect();
        let model = BgBb::new(parameters[0], parameters[1], parameters[2], parameters[3]).unwrap();
        let mut total = 0.0;
        for row in rows::<Golden>(include_str!(
            "../../../tests/reference/donations_bgbb_pred.csv"
        )) {
            let history = OpportunityHistory::new(row.x, row.t_x, row.n).unwrap();
            assert_close(
                "log-likelihood",
                model.log_likelihood(&history),
                row.loglik,
                1e-10,
            );
            assert_close(
                "alive",
                model.probability_alive_after(&history, 1),
                row.p_alive_n_plus_1,
                1e-10,
            );
            assert_close(
                "orders",
                model.expected_orders(&history, 5),
                row.cet_5,
                1e-9,
            );
            assert_close(
                "residual orders",
                model.discounted_residual_orders(&history, 0.1),
                row.dert,
                1e-8,
            );
            total += row.custs * row.loglik;
        }
        // Fader, Hardie & Shang (2010): -33,225.6.
        assert!((total + 33_225.6).abs() < 0.05);
    }

    #[test]
    fn impossible_histories_are_refused() {
        for (x, last, n) in [(2, 1, 6), (1, 7, 6), (0, 3, 6), (1, 0, 6)] {
            assert!(OpportunityHistory::new(x, last, n).is_err());
        }
    }
}
