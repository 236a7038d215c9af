//! Do the intervals hold what they promise? How often the holdout lay within the model's prediction intervals.
//!
//! Orders are whole numbers, and most customers place none: the smallest interval of them that holds at least 90 % holds more, so the
//! plain share of customers within says little of whether the model is right. Beside it stands the share when each outcome is spread
//! over the probability that the model gave it: the nonrandomised form of Czado, Gneiting and Held (2009), "Predictive Model Assessment
//! for Count Data", Biometrics 65(4), 1254-1261. A right model comes to the level, up to chance.
//!
//! The converse does not hold. A customer who orders once or not at all lies within nearly every interval, and a model that expects twice
//! or 0.6 times of what comes keeps its levels within six percentage points: what all did together ([`super::total`]) tells it.

use std::sync::Arc;

use super::{
    forecast::CandidateModel,
    population::{Population, Subject},
    sample::{Chosen, MOST_CUSTOMERS, choose},
    strata::Stratum,
};
use crate::domain::{
    clv::{
        gamma_gamma::SpendHistory,
        history::PurchaseHistory,
        interval::{
            Distribution, Estimated, IntervalError, UncertainModel, renewals::RenewalFutures,
            total::Totals,
        },
        lifetime::Horizon,
        random::Random,
        season::TimeAhead,
    },
    stop,
};

/// Seed of how far customers scatter around what is expected of them.
const SEED: u64 = 21;
/// The levels of the intervals.
pub const LEVELS: [f64; 2] = [0.8, 0.9];

/// How often intervals of one level held what came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coverage {
    /// What the interval promises, in `(0, 1)`.
    pub level: f64,
    /// Customers looked at, at least 1; in a share each counts as many as it stands for.
    pub customers: usize,
    /// Share of them within the interval, both ends included. Of counts it exceeds the level even for a perfect model.
    pub within_share: f64,
    /// The share with each outcome spread over the probability that the model gave it: the level, if the model is right.
    pub calibrated_share: f64,
}

/// Whether one customer's outcome lay within, by level: plainly, and calibrated.
pub(super) type Within = [(bool, f64); LEVELS.len()];

/// One customer whose intervals were drawn.
pub(super) struct Sampled {
    /// Its place among the subjects, and how many of its kind it stands for.
    pub(super) chosen: Chosen,
    /// Orders.
    pub(super) orders: Within,
    /// Spend.
    pub(super) spend: Option<Within>,
    /// What it adds to the sum over all.
    pub(super) totals: Totals,
}

/// Draws the intervals of all customers, or of a sample of each kind that is always the same.
///
/// # Errors
/// Why there are none: the model does not know how uncertain its parameters are.
pub(super) fn sample(
    population: &Population,
    model: &CandidateModel,
    seed: u64,
) -> Result<Vec<Sampled>, String> {
    let (split, weeks) = (
        population.window().split(),
        population.window().holdout_weeks(),
    );
    let ahead = model.time().ahead_of(split);
    // One month as long as the holdout, not discounted.
    let horizon = Horizon::new(1, 0.0, weeks).map_err(|error| error.to_string())?;
    let subjects = population.subjects();
    let mut chosen = choose(population, MOST_CUSTOMERS);
    // Those of one stratum share their draws, of which no more than one set is held.
    chosen.sort_by_key(|one| (subjects[one.subject].stratum(), one.subject));
    let mut drawn: Option<(&Arc<Stratum>, UncertainModel)> = None;
    let mut sampled = Vec::with_capacity(chosen.len());
    let mut random = Random::new(SEED);
    for one in chosen {
        stop::check();
        let subject = &subjects[one.subject];
        let uncertain = match drawn.take() {
            Some((stratum, uncertain)) if Arc::ptr_eq(stratum, subject.stratum()) => uncertain,
            _ => uncertain(model, subject.stratum(), seed).map_err(|error| error.to_string())?,
        };
        let spend = model.spend(&model.select(subject.stratum()));
        let spend = spend.and_then(|spend| subject.spend_history(spend.orders));
        let spend = spend.as_ref();
        let known = (&model.history(subject, split), spend);
        sampled.push(draw(
            one,
            subject,
            &uncertain,
            known,
            (&horizon, &ahead),
            &mut random,
        ));
        drawn = Some((subject.stratum(), uncertain));
    }
    Ok(sampled)
}

/// The parameters of a stratum with their doubts.
fn uncertain(
    model: &CandidateModel,
    stratum: &Stratum,
    seed: u64,
) -> Result<UncertainModel, IntervalError> {
    let selected = model.select(stratum);
    let covariance = selected.orders_log_covariance();
    let orders = Estimated {
        model: &selected.orders,
        log_covariance: covariance.as_deref(),
    };
    match model.spend(&selected) {
        Some(spend) => {
            let spend = Estimated {
                model: &spend.model,
                log_covariance: spend.log_covariance.as_deref(),
            };
            UncertainModel::new(&orders, &spend, seed)
        }
        None => UncertainModel::of_orders(&orders, seed),
    }
}

fn draw(
    chosen: Chosen,
    subject: &Subject,
    model: &UncertainModel,
    (history, spend): (&PurchaseHistory, Option<&SpendHistory>),
    (horizon, ahead): (&Horizon, &TimeAhead<'_>),
    random: &mut Random,
) -> Sampled {
    let none = RenewalFutures::new(&[], 0);
    let futures = model.futures_with(history, spend, 1.0, horizon, ahead, &none);
    let revenue = subject
        .known_spend
        .filter(|_| model.has_spend())
        .and(subject.holdout_spend);
    Sampled {
        chosen,
        orders: within(&futures.orders, f64::from(subject.holdout_orders)),
        spend: revenue.map(|spend| within(&futures.revenue, spend)),
        totals: model.totals(history, spend, horizon.weeks(), ahead, random),
    }
}

/// The shares over the customers of a group, each with how many it stands for; empty without any.
pub(super) fn coverage(outcomes: &[(f64, Within)]) -> Vec<Coverage> {
    if outcomes.is_empty() {
        return vec![];
    }
    let all: f64 = outcomes.iter().map(|(weight, _)| weight).sum();
    let of_level = |(at, level): (usize, f64)| {
        let (mut inside, mut calibrated) = (0.0, 0.0);
        for (weight, outcome) in outcomes {
            inside += weight * f64::from(u8::from(outcome[at].0));
            calibrated += weight * outcome[at].1;
        }
        Coverage {
            level,
            customers: outcomes.len(),
            within_share: inside / all,
            calibrated_share: calibrated / all,
        }
    };
    LEVELS.into_iter().enumerate().map(of_level).collect()
}

/// Whether an outcome lies within the central interval of each level.
pub(super) fn within(futures: &Distribution, outcome: f64) -> Within {
    let below = 1.0 - futures.probability_at_least(outcome);
    let not_above = 1.0 - futures.probability_at_least(outcome.next_up());
    LEVELS.map(|level| {
        let (low, high) = futures.interval(level);
        let tail = (1.0 - level) / 2.0;
        let calibrated = if not_above > below {
            let overlap = not_above.min(1.0 - tail) - below.max(tail);
            overlap.max(0.0) / (not_above - below)
        } else if (tail..1.0 - tail).contains(&below) {
            1.0
        } else {
            0.0
        };
        ((low..=high).contains(&outcome), calibrated)
    })
}
