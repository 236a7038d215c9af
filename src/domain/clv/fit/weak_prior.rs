//! Weak priors of the program for orders that the likelihood alone does not determine, and what is said of them.
//!
//! Where customers do not differ in something, where nobody is seen to leave, or where customers are few, the likelihood has no maximum, but
//! the forecast is as good as elsewhere: along the ridge, parameters predict much the same. These priors put an end to the ridge. They
//! act on three quantities that have no unit of time, so weeks or days and the span of the data change nothing: how little order rates
//! differ (r), how little customers differ in leaving (a, or s of Pareto/NBD), and the odds of leaving rather than ordering (a / b, or
//! the mean rate of leaving over the mean rate of ordering). The mean rate of ordering has none: the data determine it.

use super::report::Convergence;
use crate::domain::clv::model::ModelKind;

/// Median and standard deviation of the logarithm of r: customers who all order at nearly one rate, or few of which order nearly all, lie
/// two deviations off (r of 20 and 0.05).
const RATES: (f64, f64) = (1.0, 1.5);
/// Of a or s.
const LEAVING: (f64, f64) = (1.0, 1.5);
/// Of the odds of leaving: one customer in five leaves after an order, give or take a factor of twenty. Where nobody leaves, however many
/// customers there are, this counts as less than one who left; a deviation of 2 counts as two, by which the forecast of 150 customers who
/// never leave was 4 % too low.
const ODDS: (f64, f64) = (0.25, 3.0);
/// Of the effect of one standard deviation of a covariate, around none.
const EFFECT_DEVIATION: f64 = 1.0;
/// Where nobody has ordered again, the rate of ordering has a gamma prior of so many orders in as much time again as was observed: no shop
/// is known to sell nothing for ever. Half an order is what Jeffreys' prior of a Poisson rate adds.
const ORDERS_BEFORE_ANY: f64 = 0.5;

/// A normal prior of a sum of log-parameters, each with its weight.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Form {
    weights: [f64; 4],
    median: f64,
    deviation: f64,
}

/// Independent priors of the three quantities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WeakPrior {
    forms: [Form; 3],
    odds: &'static str,
    leaving: &'static str,
    /// Weeks of the prior of the rate of ordering; `None` where customers have ordered again.
    weeks_without_orders: Option<f64>,
}

impl WeakPrior {
    /// That of a model; with `weeks_without_orders`, in which all customers were observed and nobody ordered again, it holds the rate of
    /// ordering too.
    pub(super) fn new(kind: ModelKind, weeks_without_orders: Option<f64>) -> Self {
        let form = |weights, (median, deviation)| Form {
            weights,
            median,
            deviation,
        };
        let (odds, odds_name, leaving_name) = match kind {
            ModelKind::BgNbd | ModelKind::MbgNbd | ModelKind::MbgCnbd(_) => {
                ([0.0, 0.0, 1.0, -1.0], "a / b", "a")
            }
            // s / beta over r / alpha.
            ModelKind::ParetoNbd => ([-1.0, 1.0, 1.0, -1.0], "(s / beta) / (r / alpha)", "s"),
        };
        Self {
            forms: [
                form([1.0, 0.0, 0.0, 0.0], RATES),
                form([0.0, 0.0, 1.0, 0.0], LEAVING),
                form(odds, ODDS),
            ],
            odds: odds_name,
            leaving: leaving_name,
            weeks_without_orders,
        }
    }

    /// Log-density, up to its constant, and derivatives at these log-parameters (in weeks, which only the rate of ordering needs).
    pub(super) fn log_density(&self, log_parameters: [f64; 4]) -> (f64, [f64; 4]) {
        let (mut value, mut gradient) = (0.0, [0.0; 4]);
        if let Some(weeks) = self.weeks_without_orders {
            let log_rate = log_parameters[0] - log_parameters[1];
            let expected = weeks * log_rate.exp();
            value += ORDERS_BEFORE_ANY * log_rate - expected;
            gradient[0] += ORDERS_BEFORE_ANY - expected;
            gradient[1] -= ORDERS_BEFORE_ANY - expected;
        }
        for form in &self.forms {
            let at: f64 = super::matrix::dot(&form.weights, &log_parameters);
            let distance = (at - form.median.ln()) / form.deviation;
            value -= 0.5 * distance * distance;
            for (slot, weight) in gradient.iter_mut().zip(form.weights) {
                *slot -= distance / form.deviation * weight;
            }
        }
        (value, gradient)
    }

    /// The same of the effects, each of one standard deviation of its covariate.
    pub(super) fn log_density_of_effects(effects: &[f64]) -> (f64, Vec<f64>) {
        let precision = EFFECT_DEVIATION.powi(2).recip();
        let squares: f64 = effects.iter().map(|effect| effect * effect).sum();
        let gradient = effects.iter().map(|effect| -effect * precision).collect();
        (-0.5 * squares * precision, gradient)
    }

    /// What it holds, after why.
    pub(super) fn words(&self, why: &str, has_effects: bool) -> String {
        let Self { leaving, odds, .. } = self;
        let (medians, deviations) = (
            format!("{}, {} and {}", RATES.0, LEAVING.0, ODDS.0),
            format!("{}, {} and {}", RATES.1, LEAVING.1, ODDS.1),
        );
        let effects = if has_effects {
            format!(
                "; the effect of one standard deviation of a covariate has a normal prior with standard deviation {EFFECT_DEVIATION}"
            )
        } else {
            String::new()
        };
        let orders = if self.weeks_without_orders.is_some() {
            format!(
                "; the order rate has a prior of {ORDERS_BEFORE_ANY} orders in the time observed"
            )
        } else {
            String::new()
        };
        format!(
            "{why}: r, {leaving} and {odds} have log-normal priors with medians {medians} and log standard deviations {deviations}{effects}{orders}"
        )
    }
}

/// Why a fit by likelihood alone needs the priors; `None` where it does not.
pub(super) fn reason(convergence: &Convergence) -> Option<String> {
    match convergence {
        Convergence::Converged => None,
        Convergence::Degenerate { simpler, .. } => Some(format!(
            "the data cannot exclude {}",
            simpler.unwrap_or("many other parameters")
        )),
        Convergence::TooFewRows { distinct_rows } => Some(format!(
            "{distinct_rows} distinct histories are too few for four parameters"
        )),
        Convergence::NotConverged { .. } => {
            Some("the search by likelihood alone found no maximum".to_owned())
        }
        Convergence::WorkLimit { .. } => {
            Some("the search by likelihood alone reached its work limit".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_the_density() {
        let at = [0.3, -1.2, 0.8, 2.1];
        for kind in ModelKind::ALL {
            for alone in [None, Some(3.0)] {
                let prior = WeakPrior::new(kind, alone);
                let (_, gradient) = prior.log_density(at);
                for i in 0..4 {
                    let moved = |by: f64| {
                        let mut moved = at;
                        moved[i] += by;
                        prior.log_density(moved).0
                    };
                    let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    assert!((slope - gradient[i]).abs() < 1e-8, "{kind:?} {i}");
                }
            }
        }
        let (_, gradient) = WeakPrior::log_density_of_effects(&[0.5, -2.0]);
        assert_eq!(gradient, [-0.5, 2.0]);
    }

    /// A year of 52 weeks or of one: times are only a unit.
    #[test]
    fn another_unit_of_time_changes_nothing() {
        for (kind, times) in [
            (ModelKind::MbgNbd, [false, true, false, false]),
            (ModelKind::ParetoNbd, [false, true, false, true]),
        ] {
            let prior = WeakPrior::new(kind, None);
            let weeks = [0.3, 2.2, 0.8, 3.1];
            let mut years = weeks;
            for (log, is_time) in years.iter_mut().zip(times) {
                *log -= if is_time { 52.0_f64.ln() } else { 0.0 };
            }
            let (one, other) = (prior.log_density(weeks), prior.log_density(years));
            assert!((one.0 - other.0).abs() < 1e-12, "{kind:?}");
        }
    }
}
