//! How likely contracts are renewed: by a probability of ending that differs between them, or by one that all share.
//!
//! Where contracts do not differ more than chance makes them, the shifted-beta-geometric model has its best parameters at infinity.
//! What is left there is the geometric model: every contract ends at each renewal with the same probability. It knows periods, not
//! dates or prices.

use super::parameters::ParameterError;
use super::shifted_beta_geometric::ShiftedBetaGeometric;

/// One probability of ending at a renewal for all contracts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometric {
    theta: f64,
}

impl Geometric {
    /// `theta`: probability that a contract ends at a renewal, above 0 and below 1.
    ///
    /// # Errors
    /// When it is not.
    pub fn new(theta: f64) -> Result<Self, ParameterError> {
        if theta.is_normal() && theta > 0.0 && theta < 1.0 {
            Ok(Self { theta })
        } else {
            Err(ParameterError {
                name: "theta",
                value: theta,
            })
        }
    }

    /// The probability of ending at a renewal.
    #[must_use]
    pub const fn theta(&self) -> f64 {
        self.theta
    }
}

/// A model of renewals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RenewalModel {
    /// Contracts differ in how likely they end.
    Differing(ShiftedBetaGeometric),
    /// They do not.
    Alike(Geometric),
}

impl RenewalModel {
    /// Probability that a contract renewed `renewals` times already is renewed again.
    ///
    /// ```
    /// use patron::domain::clv::renewal::{Geometric, RenewalModel};
    ///
    /// let alike = RenewalModel::Alike(Geometric::new(0.2)?);
    /// assert_eq!((alike.retention(0), alike.retention(50)), (0.8, 0.8));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn retention(&self, renewals: u32) -> f64 {
        match self {
            Self::Differing(model) => model.retention(renewals),
            Self::Alike(model) => 1.0 - model.theta,
        }
    }

    /// Probabilities that a contract renewed `renewals` times already is renewed at least once more, at least twice more, and so on, up to
    /// `due` times: each is at most the one before.
    ///
    /// ```
    /// use patron::domain::clv::renewal::{Geometric, RenewalModel};
    ///
    /// let alike = RenewalModel::Alike(Geometric::new(0.5)?);
    /// assert_eq!(alike.survival_from(7, 3).collect::<Vec<_>>(), [0.5, 0.25, 0.125]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn survival_from(&self, renewals: u32, due: u32) -> impl Iterator<Item = f64> + use<> {
        let model = *self;
        (0..due).scan(1.0, move |probability, further| {
            *probability *= model.retention(renewals.saturating_add(further));
            Some(*probability)
        })
    }
}
