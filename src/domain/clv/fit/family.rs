//! The models of ordering as a search sees them: where it starts, where they end in simpler models, and the likelihood of customers.

use super::beta_geometric::{self, InitialChances};
use super::limits::Limit;
use super::pareto::{self, Paired};
use super::prepared::Prepared;
use super::regular;
use super::rows::CollapsedRow;
use super::work::Work;
use crate::domain::clv::model::ModelKind;
use crate::domain::clv::stages::Stages;

/// Logarithms of (r, alpha in units of the longest age, a, b).
const BETA_GEOMETRIC_STARTS: [[f64; 4]; 3] = [
    [0.0, -1.0, 0.0, 0.0],
    [-1.0, -2.0, -0.5, 1.0],
    [1.0, 0.5, -1.5, 1.5],
];
/// Logarithms of (r, alpha, s, beta), times in units of the longest age.
const PARETO_STARTS: [[f64; 4]; 3] = [
    [0.0, -1.0, -0.5, -1.0],
    [-1.0, -2.0, -1.0, 0.5],
    [1.0, 0.5, 0.5, 0.0],
];

const ALIKE: &str = "customers who all order at the same rate";
const NOBODY_LEAVES: &str = "customers who never leave, as in NBD";
const LEAVE_ALIKE: &str = "customers who are all equally likely to leave";

/// What the beta-geometric models become at their edges.
static BETA_GEOMETRIC_LIMITS: [Limit; 3] = [
    Limit {
        held: 2,
        at: -200.0,
        along: &[],
        parameters: &["a", "b"],
        customers: NOBODY_LEAVES,
    },
    Limit {
        held: 3,
        at: 14.0,
        along: &[(2, 1.0)],
        parameters: &["a", "b"],
        customers: LEAVE_ALIKE,
    },
    Limit {
        held: 0,
        at: 14.0,
        along: &[(1, 1.0)],
        parameters: &["r", "alpha"],
        customers: ALIKE,
    },
];
/// What Pareto/NBD becomes at its edges. A shape of 150 or 1,100 is as good as infinite where 1 is not told from it, and the Gauss
/// function takes many more steps for larger ones.
static PARETO_LIMITS: [Limit; 3] = [
    Limit {
        held: 2,
        at: -200.0,
        along: &[],
        parameters: &["s", "beta"],
        customers: NOBODY_LEAVES,
    },
    Limit {
        held: 2,
        at: 5.0,
        along: &[(3, 1.0)],
        parameters: &["s", "beta"],
        customers: LEAVE_ALIKE,
    },
    Limit {
        held: 0,
        at: 7.0,
        along: &[(1, 1.0)],
        parameters: &["r", "alpha"],
        customers: ALIKE,
    },
];

/// Where searches start: logarithms of the four parameters, times in units of the longest age.
pub(super) fn starts(kind: ModelKind) -> [[f64; 4]; 3] {
    match kind {
        ModelKind::BgNbd | ModelKind::MbgNbd => BETA_GEOMETRIC_STARTS,
        ModelKind::ParetoNbd => PARETO_STARTS,
        // As many orders, so that many times as many stages.
        ModelKind::MbgCnbd(stages) => {
            BETA_GEOMETRIC_STARTS.map(|[r, alpha, a, b]| [r, alpha - stages.as_f64().ln(), a, b])
        }
    }
}

/// The simpler models at the edges.
pub(super) const fn limits(kind: ModelKind) -> &'static [Limit] {
    match kind {
        ModelKind::BgNbd | ModelKind::MbgNbd | ModelKind::MbgCnbd(_) => &BETA_GEOMETRIC_LIMITS,
        ModelKind::ParetoNbd => &PARETO_LIMITS,
    }
}

/// The parameter that carries drop-out and the sign with which more of it means more drop-out: odds `a/b` of the beta
/// models, rate `1/beta` of Pareto/NBD.
pub(super) const fn dropout_parameter(kind: ModelKind) -> (usize, f64) {
    match kind {
        ModelKind::BgNbd | ModelKind::MbgNbd | ModelKind::MbgCnbd(_) => (2, 1.0),
        ModelKind::ParetoNbd => (3, -1.0),
    }
}

/// The likelihood of one group of customers.
pub(super) enum Likelihood {
    BetaGeometric(Prepared, InitialChances),
    Pareto(Paired),
    Regular(Prepared, Stages),
}

impl Likelihood {
    pub(super) fn new(kind: ModelKind, rows: &[CollapsedRow], unit_weeks: f64) -> Self {
        let data = Prepared::new(rows, unit_weeks);
        match kind {
            ModelKind::BgNbd => Self::BetaGeometric(data, InitialChances::None),
            ModelKind::MbgNbd => Self::BetaGeometric(data, InitialChances::One),
            ModelKind::ParetoNbd => Self::Pareto(Paired::new(data)),
            ModelKind::MbgCnbd(stages) => Self::Regular(data, stages),
        }
    }

    /// How many they are.
    pub(super) fn customers(&self) -> f64 {
        match self {
            Self::BetaGeometric(data, _) | Self::Regular(data, _) => data.customers,
            Self::Pareto(paired) => paired.data.customers,
        }
    }

    /// Their log-likelihood and its derivatives by the parameters, in the scaled unit of time. What it costs is added to `work`; not a
    /// number once that is over its limit.
    pub(super) fn evaluate(&self, parameters: [f64; 4], work: &Work) -> (f64, [f64; 4]) {
        match self {
            Self::BetaGeometric(data, chances) => {
                work.add(data.cells.len() + data.times.len());
                beta_geometric::log_likelihood(data, *chances, parameters)
            }
            Self::Pareto(paired) => pareto::log_likelihood(paired, parameters, work),
            Self::Regular(data, stages) => {
                work.add(data.cells.len() + data.times.len());
                regular::log_likelihood(data, *stages, parameters)
            }
        }
    }
}
