//! Possible futures of contracts: how often each is renewed, and what that brings.
//!
//! As with orders, the parameters are drawn and then the contract. What is not known of a contract that was renewed so often is its own
//! probability of ending; to draw it and then each renewal comes to the same as to draw the number of renewals by the probability of
//! being renewed so often, which is one draw. It knows amounts in the order of the renewals, not dates or prices.

use super::total::Total;
use super::{Distribution, Estimated, FUTURES_EACH, IntervalError, LogNormal, PARAMETER_DRAWS};
use crate::domain::clv::random::Random;
use crate::domain::clv::renewal::{Geometric, RenewalModel};
use crate::domain::clv::shifted_beta_geometric::ShiftedBetaGeometric;

/// Set beside a seed, so that contracts do not follow the draws of orders. Chosen at random.
const STREAM: u64 = 0x5bd1_e995_9e37_79b9;

/// A model of renewals as uncertain as it is: drawn once, used for every contract.
#[derive(Debug, Clone, PartialEq)]
pub struct UncertainRenewals {
    draws: Vec<RenewalModel>,
}

/// A contract with renewals to come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Renewable<'a> {
    /// The model that speaks for it.
    pub model: &'a UncertainRenewals,
    /// How often it was renewed so far.
    pub renewals: u32,
    /// What each renewal to come brings if it happens, in their order.
    pub amounts: &'a [f64],
}

/// What may become of the contracts of a customer together, future by future, in step with those of the orders.
#[derive(Debug, Clone, PartialEq)]
pub struct RenewalFutures {
    renewals: Vec<f64>,
    value: Vec<f64>,
}

impl UncertainRenewals {
    /// A model without uncertainty of its own: what it does not know of a contract is in how it lets contracts differ.
    #[must_use]
    pub fn certain(model: RenewalModel) -> Self {
        Self {
            draws: vec![model; PARAMETER_DRAWS],
        }
    }

    /// From what a fit found; `seed` belongs to the model version and to the contracts it speaks for.
    ///
    /// # Errors
    /// When the covariance is missing, or is one of another number of parameters than the model has.
    pub fn new(fitted: &Estimated<'_, RenewalModel>, seed: u64) -> Result<Self, IntervalError> {
        let mut random = Random::new(seed ^ STREAM);
        let draws = match fitted.model {
            RenewalModel::Differing(model) => {
                let parameters = model.parameters();
                let sampler = LogNormal::new(parameters, ["alpha", "beta"], fitted.log_covariance)?;
                first_sound(|| {
                    let [alpha, beta] = sampler.draw(&mut random);
                    let model = ShiftedBetaGeometric::new(alpha, beta);
                    model.map(RenewalModel::Differing).ok()
                })
            }
            RenewalModel::Alike(model) => {
                let [ends, renewals] = learned_from(model.theta(), fitted.log_covariance)?;
                first_sound(|| {
                    let theta = random.beta(ends, renewals);
                    Geometric::new(theta).map(RenewalModel::Alike).ok()
                })
            }
        };
        Ok(Self { draws })
    }

    /// How many of the next `due` renewals of a contract renewed `renewals` times happen: expectation and variance at each draw of the
    /// parameters, both exact.
    #[must_use]
    pub fn total(&self, renewals: u32, due: u32) -> Total {
        let mut variance = 0.0;
        let means = self.draws.iter().map(|model| {
            let (mut mean, mut square) = (0.0, 0.0);
            for (number, survival) in (1..=due).zip(model.survival_from(renewals, due)) {
                mean += survival;
                // A count of at least `n` adds n² - (n - 1)² to its own square.
                square += (2.0 * f64::from(number) - 1.0) * survival;
            }
            variance += square - mean * mean;
            mean
        });
        let means: Vec<f64> = means.collect();
        let draws = draws(means.len());
        Total::new(means, variance / draws)
    }

    /// The same as a distribution, both uncertainties together.
    #[must_use]
    pub fn renewals(&self, renewals: u32, due: u32) -> Distribution {
        let survivals = |model: &RenewalModel| model.survival_from(renewals, due);
        let mut survival: Vec<f64> = (0..due).map(|_| 0.0).collect();
        for model in &self.draws {
            for (sum, survival) in survival.iter_mut().zip(survivals(model)) {
                *sum += survival / draws(self.draws.len());
            }
        }
        let count = PARAMETER_DRAWS * FUTURES_EACH;
        let outcome = |part: usize| {
            let place = (draws(part) + 0.5) / draws(count);
            let renewed = survival.iter().take_while(|survival| place < **survival);
            draws(renewed.count())
        };
        Distribution::new((0..count).map(outcome).collect())
    }
}

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "a thousand at most")]
const fn draws(count: usize) -> f64 {
    count as f64
}

/// A draw outside the range of numbers is drawn again; the estimates themselves are inside.
fn first_sound(mut draw: impl FnMut() -> Option<RenewalModel>) -> Vec<RenewalModel> {
    let drawn = (0..10 * PARAMETER_DRAWS).filter_map(|_| draw());
    drawn.take(PARAMETER_DRAWS).collect()
}

/// Ends and renewals that a probability of ending was learned from: its variance is `theta (1 - theta)` over both together. They are the
/// shapes of the beta distribution it is drawn from.
fn learned_from(
    theta: f64,
    log_covariance: Option<&[Vec<f64>]>,
) -> Result<[f64; 2], IntervalError> {
    let spread = LogNormal::new([theta], ["theta"], log_covariance)?.spreads()[0];
    let due = (1.0 - theta) / (theta * spread * spread);
    Ok([theta * due, (1.0 - theta) * due])
}

/// Uniform numbers in a random order, one in each of `count` equal parts of `(0, 1)`: that a contract is not renewed even once then comes up
/// as often as it should, and not only about as often (a Latin hypercube of one dimension).
#[expect(clippy::cast_precision_loss, reason = "a thousand parts")]
fn spread_evenly(count: usize, random: &mut Random) -> Vec<f64> {
    let mut numbers: Vec<f64> = (0..count)
        .map(|part| (part as f64 + random.uniform()) / count as f64)
        .collect();
    for last in (1..count).rev() {
        let other = random.bits() % (last as u64 + 1);
        numbers.swap(last, usize::try_from(other).unwrap_or(last));
    }
    numbers
}

impl RenewalFutures {
    /// Of these contracts; `seed` belongs to the model version.
    #[must_use]
    pub fn new(contracts: &[Renewable<'_>], seed: u64) -> Self {
        let count = PARAMETER_DRAWS * FUTURES_EACH;
        let mut futures = Self {
            renewals: vec![0.0; count],
            value: vec![0.0; count],
        };
        let mut random = Random::new(seed ^ !STREAM);
        for contract in contracts {
            futures.add(contract, &mut random);
        }
        futures
    }

    /// Of nobody's.
    pub(super) const fn none() -> Self {
        Self {
            renewals: vec![],
            value: vec![],
        }
    }

    fn add(&mut self, contract: &Renewable<'_>, random: &mut Random) {
        let mut drawn = spread_evenly(self.renewals.len(), random).into_iter();
        let renewals = self.renewals.chunks_mut(FUTURES_EACH);
        let places = renewals.zip(self.value.chunks_mut(FUTURES_EACH));
        let mut lasting: Vec<(f64, f64)> = Vec::with_capacity(contract.amounts.len());
        for ((renewals, values), model) in places.zip(contract.model.draws.iter().cycle()) {
            lasting.clear();
            let mut probability = 1.0;
            for (number, amount) in (contract.renewals..).zip(contract.amounts) {
                probability *= model.retention(number);
                lasting.push((probability, *amount));
            }
            for (renewals, value) in renewals.iter_mut().zip(values) {
                let drawn = drawn.next().unwrap_or(0.5);
                for (_, amount) in lasting.iter().take_while(|(lasts, _)| drawn < *lasts) {
                    *renewals += 1.0;
                    *value += amount;
                }
            }
        }
    }

    /// What contracts bring in each future.
    pub(super) fn values(&self) -> &[f64] {
        &self.value
    }

    /// Renewals of all contracts together.
    #[must_use]
    pub fn renewals(&self) -> Distribution {
        Distribution::new(self.renewals.clone())
    }

    /// What they bring, where nothing else does.
    #[must_use]
    pub fn value(&self) -> Distribution {
        Distribution::new(self.value.clone())
    }
}

#[cfg(test)]
mod tests;
