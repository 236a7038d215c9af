//! Do the intervals hold what they promise? How often the holdout lay within the model's prediction intervals.
//!
//! Orders are whole numbers, and most customers place none: the smallest interval of them that holds at least 90 % holds more, so the
//! plain share of customers within says little of whether the model is right. Beside it stands the share when each outcome is spread
//! over the probability that the model gave it: the nonrandomised form of Czado, Gneiting and Held (2009), "Predictive Model Assessment
//! for Count Data", Biometrics 65(4), 1254-1261. A right model comes to the level, up to chance.
//!
//! The converse does not hold. A customer who orders once or not at all lies within nearly every interval, and a model that expects twice
//! or 0.6 times of what comes keeps its levels within six percentage points: what all did together ([`super::total`]) tells it.

use super::{population::Population, sample::Chosen};
use crate::domain::{
    customer::CustomerKind,
    value::{
        interval::{Distribution, UncertainModel, total::Totals},
        lifetime::Horizon,
        random::Random,
    },
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

/// The models of both kinds with their doubts.
#[derive(Debug, Clone)]
pub struct UncertainModels {
    /// Of persons.
    pub person: UncertainModel,
    /// Of companies.
    pub company: UncertainModel,
}

impl UncertainModels {
    /// That of a kind; employees have none of their own and are never asked for.
    #[must_use]
    pub const fn of(&self, kind: CustomerKind) -> &UncertainModel {
        match kind {
            CustomerKind::Company => &self.company,
            CustomerKind::Person | CustomerKind::Employee => &self.person,
        }
    }

    /// Whose parameters are those of a kind, from 0.
    fn number(&self, kind: CustomerKind) -> usize {
        usize::from(kind == CustomerKind::Company && self.company != self.person)
    }
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
    /// Whose parameters describe it, from 0.
    pub(super) parameters: usize,
}

/// Draws the intervals of these customers.
pub(super) fn draw(
    population: &Population,
    models: &UncertainModels,
    chosen: &[Chosen],
) -> Vec<Sampled> {
    let weeks = population.window().holdout_weeks();
    // One month as long as the holdout, not discounted.
    let Ok(horizon) = Horizon::new(1, 0.0, weeks) else {
        return vec![];
    };
    let mut random = Random::new(SEED);
    let draw = |chosen: &Chosen| {
        let subject = &population.subjects()[chosen.subject];
        let model = models.of(subject.kind);
        let spend = subject.spend_history();
        let futures = model.futures(subject.history(), spend.as_ref(), 1.0, &horizon);
        let revenue = subject
            .known_spend
            .filter(|_| model.has_spend())
            .and(subject.holdout_spend);
        Sampled {
            chosen: *chosen,
            orders: within(&futures.orders, f64::from(subject.holdout_orders)),
            spend: revenue.map(|spend| within(&futures.revenue, spend)),
            totals: model.totals(subject.history(), spend.as_ref(), weeks, &mut random),
            parameters: models.number(subject.kind),
        }
    };
    chosen.iter().map(draw).collect()
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
