//! The contract models of one model version, and which of them speaks for a contract.
//!
//! Monthly and yearly contracts end at their renewals with probabilities of their own, so each length of the period has a model of its
//! own where there are enough contracts of it; the pooled one, fitted to the renewals of all contracts alike, speaks for the others.

use std::collections::BTreeMap;

use crate::domain::{
    model_report::StoredReport,
    value::{fit::contracts::ContractRow, shifted_beta_geometric::ShiftedBetaGeometric},
};

/// Fewest contracts of a length for a model of its own: with fewer, a standard error is of the size of the estimate (chosen).
pub const LEAST_CONTRACTS: u64 = 50;

/// Contracts that a fit learns from, by months of their period.
pub type ContractRows = BTreeMap<u32, Vec<ContractRow>>;

/// Models that answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContractModels {
    /// By months of the period, ascending.
    by_period: Vec<(u32, ShiftedBetaGeometric)>,
    pooled: Option<ShiftedBetaGeometric>,
}

/// What a fit found of the contracts of one length, or of all.
#[derive(Debug, Clone, PartialEq)]
pub struct PeriodFit {
    /// Months of the period; `None`: all contracts, whatever theirs.
    pub period_months: Option<u32>,
    /// Contracts behind it.
    pub contracts: u64,
    /// The model and how its fit went, or why there is none.
    pub fit: Result<(ShiftedBetaGeometric, StoredReport), String>,
}

impl ContractModels {
    /// The models of these fits that converged.
    #[must_use]
    pub fn of_fits(fits: &[PeriodFit]) -> Self {
        let mut models = Self::default();
        for one in fits {
            let Ok((model, report)) = &one.fit else {
                continue;
            };
            match one.period_months {
                _ if !report.converged() => {}
                Some(months) => models.by_period.push((months, *model)),
                None => models.pooled = Some(*model),
            }
        }
        models
    }

    /// The model that speaks for contracts of a period; `None` when none does.
    #[must_use]
    pub fn of_period(&self, months: u32) -> Option<&ShiftedBetaGeometric> {
        let own = self.by_period.iter().find(|(period, _)| *period == months);
        own.map(|(_, model)| model).or(self.pooled.as_ref())
    }

    /// Whether it can value contracts of every length.
    #[must_use]
    pub const fn has_pooled(&self) -> bool {
        self.pooled.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(period_months: Option<u32>, alpha: f64, not_converged: Option<&str>) -> PeriodFit {
        let model = ShiftedBetaGeometric::new(alpha, 1.0).unwrap();
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
        };
        PeriodFit {
            period_months,
            contracts: 60,
            fit: Ok((model, report)),
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
            },
        ]);
        let alpha = |months| models.of_period(months).unwrap().parameters()[0].to_bits();
        assert_eq!(alpha(1), 0.7_f64.to_bits());
        for months in [12, 3, 6] {
            assert_eq!(alpha(months), 0.5_f64.to_bits());
        }
        let flat = ContractModels::of_fits(&[fit(None, 0.5, Some("flat"))]);
        assert_eq!(flat.of_period(1), None);
        assert!(!flat.has_pooled());
    }
}
