//! The contract models of one model version, and which of them speaks for a contract.
//!
//! Monthly and yearly contracts end at their renewals with probabilities of their own, so each length of the period has a model of its
//! own where there are enough contracts of it; the pooled one, fitted to the renewals of all contracts alike, speaks for the others. Where
//! not even that could be fitted, as before the first contract is recorded or comes to a renewal, the built-in one does: a contract that
//! was imported today must not cost a customer the value of yesterday.

use std::collections::BTreeMap;

use crate::domain::{
    clv::{
        fit::contracts::ContractRow, interval::Estimated, renewal::RenewalModel,
        shifted_beta_geometric::ShiftedBetaGeometric,
    },
    fitted::report::StoredReport,
};

/// Fewest contracts of a length for a model of its own: with fewer, a standard error is of the size of the estimate (chosen).
pub const MIN_CONTRACTS: u64 = 50;

/// The model of contracts for which a version has none.
pub const BUILT_IN: RenewalModel = RenewalModel::Differing(ShiftedBetaGeometric::UNLEARNED);

/// Contracts that a fit learns from, by months of their period.
pub type ContractRows = BTreeMap<u32, Vec<ContractRow>>;

/// Models that answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContractModels {
    /// By months of the period; `None`: all contracts, whatever theirs.
    fitted: Vec<(Option<u32>, FittedRenewals)>,
}

/// A model that answers, and how uncertain it is.
#[derive(Debug, Clone, PartialEq)]
struct FittedRenewals {
    model: RenewalModel,
    log_covariance: Option<Vec<Vec<f64>>>,
}

/// What a fit found of the contracts of one length, or of all.
#[derive(Debug, Clone, PartialEq)]
pub struct PeriodFit {
    /// Months of the period; `None`: all contracts, whatever theirs.
    pub period_months: Option<u32>,
    /// Contracts behind it.
    pub contracts: u64,
    /// The model and how its fit went, or why there is none.
    pub fit: Result<(RenewalModel, StoredReport), String>,
    /// Why the model is another one than the plain maximum of the likelihood of the shifted-beta-geometric model; `None` where it is
    /// that, and where there is none.
    pub fallback: Option<String>,
}

impl ContractModels {
    /// The models of these fits that converged.
    #[must_use]
    pub fn of_fits(fits: &[PeriodFit]) -> Self {
        let converged = fits.iter().filter_map(|one| {
            let (model, report) = one.fit.as_ref().ok()?;
            let fitted = FittedRenewals {
                model: *model,
                log_covariance: report.log_covariance.clone(),
            };
            report.converged().then_some((one.period_months, fitted))
        });
        Self {
            fitted: converged.collect(),
        }
    }

    /// The model that speaks for contracts of a period: a fitted one, else [`BUILT_IN`].
    #[must_use]
    pub fn of_period(&self, months: u32) -> &RenewalModel {
        self.place_of(months)
            .map_or(&BUILT_IN, |place| &self.fitted[place].1.model)
    }

    /// The place, in [`Self::all`], of the fitted model that speaks for contracts of a period; `None` where [`BUILT_IN`] does.
    #[must_use]
    pub fn place_of(&self, months: u32) -> Option<usize> {
        let place = |period| self.fitted.iter().position(|(known, _)| *known == period);
        place(Some(months)).or_else(|| place(None))
    }

    /// All models with how uncertain they are.
    pub fn all(&self) -> impl Iterator<Item = Estimated<'_, RenewalModel>> {
        self.fitted.iter().map(|(_, fitted)| Estimated {
            model: &fitted.model,
            log_covariance: fitted.log_covariance.as_deref(),
        })
    }

    /// Whether it has a fitted model for contracts of every length.
    #[must_use]
    pub fn has_pooled(&self) -> bool {
        self.fitted.iter().any(|(period, _)| period.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::shifted_beta_geometric::ShiftedBetaGeometric;

    fn fit(period_months: Option<u32>, alpha: f64, not_converged: Option<&str>) -> PeriodFit {
        let model = RenewalModel::Differing(ShiftedBetaGeometric::new(alpha, 1.0).unwrap());
        let report = StoredReport {
            parameters: vec![],
            covariance: None,
            log_covariance: None,
            log_likelihood: -1.0,
            customers: 60,
            distinct_rows: 5,
            iterations: 1,
            evaluations: 1,
            not_converged_reason: not_converged.map(str::to_owned),
            held_reason: None,
            gradient_norm: 0.0,
            condition_number: None,
            duration: std::time::Duration::ZERO,
            stages: None,
            season_parameters: None,
        };
        PeriodFit {
            period_months,
            contracts: 60,
            fit: Ok((model, report)),
            fallback: None,
        }
    }

    #[test]
    fn a_length_without_a_converged_model_of_its_own_takes_the_pooled_one() {
        let models = ContractModels::of_fits(&[
            fit(None, 0.5, None),
            fit(Some(1), 0.7, None),
            fit(Some(12), 0.9, Some("flat")),
            PeriodFit {
                period_months: Some(3),
                contracts: 4,
                fit: Err("too few".to_owned()),
                fallback: None,
            },
        ]);
        // Renewed the first time: 1 / (alpha + 1).
        let first = |months| models.of_period(months).retention(0).to_bits();
        assert_eq!(first(1), (1.0 / 1.7_f64).to_bits());
        for months in [12, 3, 6] {
            assert_eq!(first(months), (1.0 / 1.5_f64).to_bits());
        }
        let flat = ContractModels::of_fits(&[fit(None, 0.5, Some("flat"))]);
        assert_eq!((flat.of_period(1), flat.place_of(1)), (&BUILT_IN, None));
        assert!(!flat.has_pooled());
        // Half an end in one renewal due, and then the contract's own.
        let retentions = [0, 1, 2].map(|renewals| BUILT_IN.retention(renewals));
        for (found, expected) in retentions.into_iter().zip([0.5, 0.75, 5.0 / 6.0]) {
            assert!((found - expected).abs() < 1e-15, "{found}");
        }
    }
}
