//! The models of ordering that can be fitted and made active, as one choice.
//!
//! It only dispatches; formulae live with each model.

use super::bg_nbd::BgNbd;
use super::history::PurchaseHistory;
use super::mbg_cnbd::MbgCnbd;
use super::mbg_nbd::MbgNbd;
use super::outlook::Outlook;
use super::parameters::ParameterError;
use super::pareto_nbd::ParetoNbd;
use super::rates::CustomerRates;
use super::stages::Stages;

/// Which models of ordering can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ModelFamily {
    /// Beta-geometric / NBD.
    BgNbd,
    /// Modified beta-geometric / NBD, the default.
    MbgNbd,
    /// Pareto / NBD.
    ParetoNbd,
    /// Modified beta-geometric / CNBD-k: one model for each number of stages, of which a fit chooses.
    MbgCnbd,
}

impl ModelFamily {
    /// Every family, in a fixed order.
    pub const ALL: [Self; 4] = [Self::BgNbd, Self::MbgNbd, Self::ParetoNbd, Self::MbgCnbd];

    /// The name on the command line and in stored versions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BgNbd => "bg-nbd",
            Self::MbgNbd => "mbg-nbd",
            Self::ParetoNbd => "pareto-nbd",
            Self::MbgCnbd => "mbg-cnbd-k",
        }
    }

    /// The family of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// Whether a seasonal index of the order rate is exact for it: only where customers leave after orders, whose times need not be known one
    /// by one ([`super::season`]).
    #[must_use]
    pub const fn knows_seasons(self) -> bool {
        match self {
            Self::BgNbd | Self::MbgNbd => true,
            Self::ParetoNbd | Self::MbgCnbd => false,
        }
    }

    /// The one model of the family with so many stages; families without stages have only one.
    #[must_use]
    pub const fn with_stages(self, stages: Stages) -> ModelKind {
        match self {
            Self::BgNbd => ModelKind::BgNbd,
            Self::MbgNbd => ModelKind::MbgNbd,
            Self::ParetoNbd => ModelKind::ParetoNbd,
            Self::MbgCnbd => ModelKind::MbgCnbd(stages),
        }
    }
}

/// Which model of ordering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ModelKind {
    /// Beta-geometric / NBD.
    BgNbd,
    /// Modified beta-geometric / NBD, the default.
    MbgNbd,
    /// Pareto / NBD.
    ParetoNbd,
    /// Modified beta-geometric / CNBD-k with so many stages.
    MbgCnbd(Stages),
}

impl ModelKind {
    /// One of every family, in a fixed order; that of regular buyers with two stages.
    pub const ALL: [Self; 4] = [
        Self::BgNbd,
        Self::MbgNbd,
        Self::ParetoNbd,
        Self::MbgCnbd(Stages::TWO),
    ];

    /// The family.
    #[must_use]
    pub const fn family(self) -> ModelFamily {
        match self {
            Self::BgNbd => ModelFamily::BgNbd,
            Self::MbgNbd => ModelFamily::MbgNbd,
            Self::ParetoNbd => ModelFamily::ParetoNbd,
            Self::MbgCnbd(_) => ModelFamily::MbgCnbd,
        }
    }

    /// Stages of the times between orders: 1 where they are random.
    #[must_use]
    pub const fn stages(self) -> Stages {
        match self {
            Self::BgNbd | Self::MbgNbd | Self::ParetoNbd => Stages::ONE,
            Self::MbgCnbd(stages) => stages,
        }
    }

    /// The name of the family.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.family().name()
    }

    /// Symbols of the parameters, in the order of every list of them.
    #[must_use]
    pub const fn parameter_names(self) -> [&'static str; 4] {
        match self {
            Self::BgNbd | Self::MbgNbd | Self::MbgCnbd(_) => ["r", "alpha", "a", "b"],
            Self::ParetoNbd => ["r", "alpha", "s", "beta"],
        }
    }
}

/// A model of ordering with its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OrderModel {
    /// Beta-geometric / NBD.
    BgNbd(BgNbd),
    /// Modified beta-geometric / NBD.
    MbgNbd(MbgNbd),
    /// Pareto / NBD.
    ParetoNbd(ParetoNbd),
    /// Modified beta-geometric / CNBD-k.
    MbgCnbd(MbgCnbd),
}

impl OrderModel {
    /// The model of this kind with these parameters, ordered as [`ModelKind::parameter_names`].
    ///
    /// # Errors
    /// Names a parameter that is not positive and finite.
    pub fn new(kind: ModelKind, parameters: [f64; 4]) -> Result<Self, ParameterError> {
        let [p1, p2, p3, p4] = parameters;
        match kind {
            ModelKind::BgNbd => BgNbd::new(p1, p2, p3, p4).map(Self::BgNbd),
            ModelKind::MbgNbd => MbgNbd::new(p1, p2, p3, p4).map(Self::MbgNbd),
            ModelKind::ParetoNbd => ParetoNbd::new(p1, p2, p3, p4).map(Self::ParetoNbd),
            ModelKind::MbgCnbd(stages) => MbgCnbd::new(stages, p1, p2, p3, p4).map(Self::MbgCnbd),
        }
    }

    /// Which model this is.
    #[must_use]
    pub const fn kind(&self) -> ModelKind {
        match self {
            Self::BgNbd(_) => ModelKind::BgNbd,
            Self::MbgNbd(_) => ModelKind::MbgNbd,
            Self::ParetoNbd(_) => ModelKind::ParetoNbd,
            Self::MbgCnbd(model) => ModelKind::MbgCnbd(model.stages()),
        }
    }

    /// Parameters, ordered as [`ModelKind::parameter_names`].
    #[must_use]
    pub const fn parameters(&self) -> [f64; 4] {
        match self {
            Self::BgNbd(model) => model.parameters(),
            Self::MbgNbd(model) => model.parameters(),
            Self::ParetoNbd(model) => model.parameters(),
            Self::MbgCnbd(model) => model.parameters(),
        }
    }

    /// Natural logarithm of the likelihood of one history, all constants kept; of regular buyers without
    /// [`super::mbg_cnbd::ln_gap_density`], for which a history does not suffice.
    #[must_use]
    pub fn log_likelihood(&self, history: &PurchaseHistory) -> f64 {
        match self {
            Self::BgNbd(model) => model.log_likelihood(history),
            Self::MbgNbd(model) => model.log_likelihood(history),
            Self::ParetoNbd(model) => model.log_likelihood(history),
            Self::MbgCnbd(model) => model.log_likelihood(history),
        }
    }

    /// Probability of being a customer at the end of the history.
    #[must_use]
    pub fn probability_alive(&self, history: &PurchaseHistory) -> f64 {
        match self {
            Self::BgNbd(model) => model.probability_alive(history),
            Self::MbgNbd(model) => model.probability_alive(history),
            Self::ParetoNbd(model) => model.probability_alive(history),
            Self::MbgCnbd(model) => model.probability_alive(history),
        }
    }

    /// Whether the model can tell at all if this customer is alive: BG/NBD cannot before a repeat order, its
    /// probability of 1 is then an assumption.
    #[must_use]
    pub const fn identifies_alive(&self, history: &PurchaseHistory) -> bool {
        match self {
            Self::BgNbd(_) => history.frequency() > 0,
            Self::MbgNbd(_) | Self::ParetoNbd(_) | Self::MbgCnbd(_) => true,
        }
    }

    /// What lies ahead of a customer with this history.
    #[must_use]
    pub fn outlook(&self, history: &PurchaseHistory) -> Outlook {
        match self {
            Self::BgNbd(model) => model.outlook(history),
            Self::MbgNbd(model) => model.outlook(history),
            Self::ParetoNbd(model) => model.outlook(history),
            Self::MbgCnbd(model) => model.outlook(history),
        }
    }

    /// Posterior means of the customer's own rates.
    #[must_use]
    pub fn rates(&self, history: &PurchaseHistory) -> CustomerRates {
        match self {
            Self::BgNbd(model) => model.rates(history),
            Self::MbgNbd(model) => model.rates(history),
            Self::ParetoNbd(model) => model.rates(history),
            Self::MbgCnbd(model) => model.rates(history),
        }
    }

    /// What lies ahead of an unknown customer on the day of the first order.
    #[must_use]
    pub const fn newcomer(&self) -> Outlook {
        match self {
            Self::BgNbd(model) => model.newcomer(),
            Self::MbgNbd(model) => model.newcomer(),
            Self::ParetoNbd(model) => model.newcomer(),
            Self::MbgCnbd(model) => model.newcomer(),
        }
    }
}
