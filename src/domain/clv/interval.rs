//! How far off an expectation may be: possible futures of one customer, and the intervals and probabilities they give.
//!
//! Two sources of doubt are combined: the parameters (drawn from the normal distribution of their logarithms around the fit) and
//! the customer (rates, being alive, orders and spend drawn from the customer's posterior at those parameters). Everything is
//! drawn from one seed, so a model version always gives the same answer. Asked for only when someone wants to know: an
//! expectation costs a thousandth of it.

mod blocks;
mod log_normal;
pub mod renewals;
pub mod total;

use self::blocks::{Block, blocks};
use super::gamma_gamma::{GammaGamma, SpendHistory};
use super::history::PurchaseHistory;
use super::lifetime::Horizon;
use super::model::OrderModel;
use super::outlook::Process;
use super::random::Random;
use super::season::TimeAhead;
use log_normal::LogNormal;
use renewals::RenewalFutures;

/// Parameter sets drawn for a model version.
const PARAMETER_DRAWS: usize = 200;
/// Draws of the seasonal index have a sequence of their own, so that those of a model without seasons stay what they are.
const SEASON_SEED: u64 = 0x5EA5_0000_0000_0000;
/// Futures per parameter set: together 1,000, whose 5 % quantile is uncertain by 0.7 percentage points.
const FUTURES_EACH: usize = 5;
/// The greatest level of an interval: beyond, an end would be among the outermost five of a thousand futures.
pub const MAX_LEVEL: f64 = 0.99;

/// Why no intervals can be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    /// The fit does not know how uncertain its parameters are.
    #[error("the fit has no covariance of its parameters: {parameters}")]
    NoCovariance {
        /// The parameters affected.
        parameters: String,
    },
    /// A covariance of another number of parameters than the model has.
    #[error("a covariance of {given} parameters where the model has {expected}")]
    OtherModel {
        /// Parameters in the covariance.
        given: usize,
        /// Parameters of the model.
        expected: usize,
    },
}

/// A model at its estimates, and how uncertain they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimated<'a, M> {
    /// The model.
    pub model: &'a M,
    /// Covariance of the logarithms of its parameters; `None` where the fit could not say.
    pub log_covariance: Option<&'a [Vec<f64>]>,
}

/// The parameters of a model version as uncertain as they are: drawn once, used for every customer.
#[derive(Debug, Clone, PartialEq)]
pub struct UncertainModel {
    /// Without a spend model, all revenues and values are 0.
    draws: Vec<(OrderModel, Option<GammaGamma>)>,
    /// By how many standard errors the seasonal index is off, by draw; if there is one, it is one for all customers.
    season_shifts: Vec<f64>,
    seed: u64,
}

impl UncertainModel {
    /// From what both fits found; `seed` belongs to the model version.
    ///
    /// # Errors
    /// When a covariance is missing, or is one of another number of parameters than the model has.
    pub fn new(
        orders: &Estimated<'_, OrderModel>,
        spend: &Estimated<'_, GammaGamma>,
        seed: u64,
    ) -> Result<Self, IntervalError> {
        let mut random = Random::new(seed);
        let kind = orders.model.kind();
        let order_sampler = LogNormal::new(
            orders.model.parameters(),
            kind.parameter_names(),
            orders.log_covariance,
        )?;
        let spend_sampler = LogNormal::new(
            spend.model.parameters(),
            ["p", "q", "v"],
            spend.log_covariance,
        )?;
        let mut draws = Vec::with_capacity(PARAMETER_DRAWS);
        // A draw outside the range of numbers is drawn again; the estimates themselves are inside.
        for _ in 0..10 * PARAMETER_DRAWS {
            let [p, q, v] = spend_sampler.draw(&mut random);
            let order_model = OrderModel::new(kind, order_sampler.draw(&mut random));
            if let (Ok(order_model), Ok(spend_model)) = (order_model, GammaGamma::new(p, q, v)) {
                draws.push((order_model, Some(spend_model)));
            }
            if draws.len() == PARAMETER_DRAWS {
                break;
            }
        }
        Ok(Self::from_draws(draws, seed))
    }

    /// The same where there is no model of spend: orders can be predicted, revenue and value cannot.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_orders(orders: &Estimated<'_, OrderModel>, seed: u64) -> Result<Self, IntervalError> {
        let mut random = Random::new(seed);
        let kind = orders.model.kind();
        let sampler = LogNormal::new(
            orders.model.parameters(),
            kind.parameter_names(),
            orders.log_covariance,
        )?;
        let drawn = (0..10 * PARAMETER_DRAWS)
            .filter_map(|_| OrderModel::new(kind, sampler.draw(&mut random)).ok());
        let drawn = drawn.take(PARAMETER_DRAWS).map(|model| (model, None));
        Ok(Self::from_draws(drawn.collect(), seed))
    }

    fn from_draws(draws: Vec<(OrderModel, Option<GammaGamma>)>, seed: u64) -> Self {
        let mut random = Random::new(seed ^ SEASON_SEED);
        let season_shifts = draws.iter().map(|_| random.normal()).collect();
        Self {
            draws,
            season_shifts,
            seed,
        }
    }

    /// How much faster or slower than by the index time passes at each draw of the parameters, if the index is uncertain by
    /// `relative_error`; exactly 1 where it is not.
    fn paces(&self, relative_error: f64) -> impl Iterator<Item = f64> {
        let shifts = self.season_shifts.iter();
        // Log-normal with mean 1.
        shifts.map(move |shift| (relative_error * (shift - 0.5 * relative_error)).exp())
    }

    /// Whether it can predict revenue and value.
    #[must_use]
    pub fn has_spend(&self) -> bool {
        self.draws.iter().all(|(_, spend)| spend.is_some())
    }

    /// Possible futures of a customer over the horizon.
    ///
    /// `spend` is absent where nothing is known of the customer's spend; `margin` is the contribution per unit of spend (0.3 is 30 %).
    #[must_use]
    pub fn futures(
        &self,
        history: &PurchaseHistory,
        spend: Option<&SpendHistory>,
        margin: f64,
        horizon: &Horizon,
    ) -> Futures {
        let (evenly, none) = (TimeAhead::CALENDAR, RenewalFutures::none());
        self.futures_with(history, spend, margin, horizon, &evenly, &none)
    }

    /// The same of a customer whose orders have seasons, which `ahead` knows from now on, and who has contracts too: what these bring is
    /// added to the value.
    #[must_use]
    pub fn futures_with(
        &self,
        history: &PurchaseHistory,
        spend: Option<&SpendHistory>,
        margin: f64,
        horizon: &Horizon,
        ahead: &TimeAhead<'_>,
        contracts: &RenewalFutures,
    ) -> Futures {
        let mut random = Random::new(self.seed);
        let blocks = blocks(horizon, ahead);
        let count = self.draws.len() * FUTURES_EACH;
        let mut orders = Vec::with_capacity(count);
        let mut revenue = Vec::with_capacity(count);
        let mut value = Vec::with_capacity(count);
        let paces = self.paces(ahead.relative_error(horizon.weeks()));
        for ((order_model, spend_model), pace) in self.draws.iter().zip(paces) {
            let outlook = order_model.outlook(history);
            for _ in 0..FUTURES_EACH {
                let (bought, discounted) = if random.uniform() < outlook.probability_alive() {
                    orders_within(outlook.process(), &blocks, pace, &mut random)
                } else {
                    (0.0, 0.0)
                };
                let paid = spend_model.map_or(0.0, |spend_model| {
                    spend_on(&spend_model, spend, bought, &mut random)
                });
                orders.push(bought);
                revenue.push(paid);
                // The orders of one customer are alike, so the discounted share of orders is that of spend.
                let share = if bought > 0.0 {
                    discounted / bought
                } else {
                    0.0
                };
                let of_contracts = contracts.values().get(value.len()).unwrap_or(&0.0);
                value.push(margin * paid * share + of_contracts);
            }
        }
        Futures {
            orders: Distribution::new(orders),
            revenue: Distribution::new(revenue),
            value: Distribution::new(value),
        }
    }
}

/// Possible futures of one customer over a horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct Futures {
    /// Orders.
    pub orders: Distribution,
    /// Spend, major units, undiscounted.
    pub revenue: Distribution,
    /// Margin of that spend, discounted on the monthly grid of [`super::lifetime::discounted_value`], and what contracts bring.
    pub value: Distribution,
}

/// Equally likely outcomes.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    ascending: Vec<f64>,
}

impl Distribution {
    /// For tests: these outcomes.
    #[cfg(test)]
    pub(crate) fn of_outcomes(outcomes: Vec<f64>) -> Self {
        Self::new(outcomes)
    }

    fn new(mut outcomes: Vec<f64>) -> Self {
        outcomes.sort_unstable_by(f64::total_cmp);
        Self {
            ascending: outcomes,
        }
    }

    /// The central interval that holds the outcome with probability `level` in `(0, 1)`, both ends included; beyond [`MAX_LEVEL`] its
    /// ends rest on too few futures.
    #[must_use]
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let tail = (1.0 - level.clamp(0.0, 1.0)) / 2.0;
        (self.quantile(tail), self.quantile(1.0 - tail))
    }

    /// The smallest outcome that is not exceeded with probability `share` in `0..=1`; 0 without outcomes.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index among a thousand"
    )]
    pub fn quantile(&self, share: f64) -> f64 {
        let index = (share * self.ascending.len() as f64).ceil() as usize;
        let last = self.ascending.len().saturating_sub(1);
        self.ascending
            .get(index.saturating_sub(1).min(last))
            .copied()
            .unwrap_or(0.0)
    }

    /// Probability of an outcome of at least `threshold`: with the lower edge of a tier, of that tier or a better one.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a thousand outcomes")]
    pub fn probability_at_least(&self, threshold: f64) -> f64 {
        let below = self
            .ascending
            .partition_point(|&outcome| outcome < threshold);
        (self.ascending.len() - below) as f64 / self.ascending.len().max(1) as f64
    }

    /// Probability of each band between ascending edges, from below the first to above the last; one more than edges.
    #[must_use]
    pub fn band_probabilities(&self, ascending_edges: &[f64]) -> Vec<f64> {
        let at_least: Vec<f64> = ascending_edges
            .iter()
            .map(|&edge| self.probability_at_least(edge))
            .collect();
        let from = std::iter::once(1.0).chain(at_least.iter().copied());
        let to = at_least.iter().copied().chain(std::iter::once(0.0));
        from.zip(to)
            .map(|(from, to)| (from - to).max(0.0))
            .collect()
    }
}

/// Orders within all blocks of a customer who is alive now, and the same discounted. Time passes `pace` times as fast as blocks have it.
fn orders_within(process: Process, blocks: &[Block], pace: f64, random: &mut Random) -> (f64, f64) {
    // Orders and weeks until the customer drops out.
    let last_order = |a, b, random: &mut Random| {
        let dropout = random.beta(a, b).max(f64::MIN_POSITIVE);
        random.geometric(dropout)
    };
    let random_times = (1.0, 0.0);
    let (per_week, mut orders_left, mut weeks_left, (stages, mut passed)) = match process {
        Process::BetaGeometric(process) => {
            let last = last_order(process.a, process.b, random);
            let per_week = random.gamma(process.shape) / process.rate;
            (per_week, last, f64::INFINITY, random_times)
        }
        Process::RegularOrders(process) => {
            let last = last_order(process.a, process.b, random);
            let (passed, per_week) = process.draw_stage(random);
            let stages = (process.stages.as_f64(), f64::from(passed));
            (per_week, last, f64::INFINITY, stages)
        }
        Process::ParetoLifetime(process) => {
            let per_week = random.gamma(process.lifetime_shape) / process.lifetime_scale;
            let lifetime = random.exponential() / per_week;
            let orders_per_week = random.gamma(process.shape) / process.rate;
            (orders_per_week, f64::INFINITY, lifetime, random_times)
        }
    };
    let (mut orders, mut discounted) = (0.0, 0.0);
    for block in blocks {
        let weeks = pace * block.weeks;
        passed += random.poisson(per_week * weeks.min(weeks_left));
        let due = (passed / stages).floor();
        passed -= due * stages;
        let bought = due.min(orders_left);
        orders += bought;
        discounted += bought * block.discount;
        orders_left -= bought;
        weeks_left -= weeks;
        if orders_left <= 0.0 || weeks_left <= 0.0 {
            break;
        }
    }
    (orders, discounted)
}

/// Spend of so many orders: the customer's own rate from the posterior, then a gamma sum.
fn spend_on(
    model: &GammaGamma,
    spend: Option<&SpendHistory>,
    orders: f64,
    random: &mut Random,
) -> f64 {
    if orders <= 0.0 {
        return 0.0;
    }
    let [p, q, v] = model.parameters();
    let (known_orders, known_spend) = spend.map_or((0.0, 0.0), |spend| {
        (f64::from(spend.orders()), spend.total())
    });
    let orders = spend.map_or(orders, |spend| paid_of(orders, spend.paid_share(), random));
    if orders <= 0.0 {
        return 0.0;
    }
    let ln_rate = random.ln_gamma(p * known_orders + q) - (v + known_spend).ln();
    (random.ln_gamma(p * orders) - ln_rate).exp()
}

/// How many of so many orders are paid for.
fn paid_of(orders: f64, share: f64, random: &mut Random) -> f64 {
    if share >= 1.0 {
        return orders;
    }
    let (mut left, mut paid) = (orders, 0.0);
    while left > 0.0 {
        paid += f64::from(u8::from(random.uniform() < share));
        left -= 1.0;
    }
    paid
}

#[cfg(test)]
mod tests;
