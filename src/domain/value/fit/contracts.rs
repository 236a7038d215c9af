//! Renewals of contracts, and the fit of the shifted-beta-geometric model to them.

use super::FitError;
use super::report::FitReport;
use super::search::{Maximum, maximise};
use crate::domain::value::shifted_beta_geometric::ShiftedBetaGeometric;
use crate::domain::value::special_functions::{digamma_rise, ln_rising};

/// Logarithms of (alpha, beta).
const STARTS: [[f64; 2]; 3] = [[0.0, 0.0], [-0.5, 1.0], [1.0, 2.0]];

/// What became of contracts after their renewals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContractOutcome {
    /// Not renewed once more.
    Ended,
    /// Still running; the next renewal is to come.
    Running,
}

/// Contracts of one cohort with the same history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContractRow {
    /// Times renewed, 0 in the first period.
    pub renewals: u32,
    /// And then.
    pub outcome: ContractOutcome,
    /// How many contracts.
    pub count: u64,
}

/// A fitted model of renewals.
#[derive(Debug, Clone, PartialEq)]
pub struct ContractFit {
    /// The model at the best parameters found.
    pub model: ShiftedBetaGeometric,
    /// How it was found and how far to trust it.
    pub report: FitReport,
}

/// Fits the shifted-beta-geometric model to contracts.
///
/// # Errors
/// Without contracts, or when none has ended or none was ever renewed: the best probability of ending is then 0 or 1.
pub fn fit_contracts(rows: &[ContractRow]) -> Result<ContractFit, FitError> {
    let rows = merged(rows);
    let contracts: u64 = rows.iter().map(|row| row.count).sum();
    if contracts == 0 {
        return Err(FitError::NoCustomers);
    }
    let has_ended = rows.iter().any(|row| row.outcome == ContractOutcome::Ended);
    let has_renewed = rows.iter().any(|row| row.renewals > 0);
    if !has_ended || !has_renewed {
        return Err(FitError::NoRenewalsToLearnFrom { contracts });
    }
    let likelihood = |parameters| log_likelihood(&rows, parameters);
    let maximum =
        maximise(contracts, &STARTS, likelihood, likelihood).ok_or(FitError::NoFiniteLikelihood)?;
    let Maximum {
        parameters: [alpha, beta],
        log_likelihood,
        ..
    } = maximum;
    let model = ShiftedBetaGeometric::new(alpha, beta)?;
    let report = maximum.into_report(["alpha", "beta"], [alpha, beta], log_likelihood, rows.len());
    Ok(ContractFit { model, report })
}

/// Equal rows merged, empty ones dropped, sorted.
fn merged(rows: &[ContractRow]) -> Vec<ContractRow> {
    let mut rows: Vec<ContractRow> = rows.iter().copied().filter(|row| row.count > 0).collect();
    rows.sort_unstable();
    rows.dedup_by(|row, kept| {
        let same = (row.renewals, row.outcome) == (kept.renewals, kept.outcome);
        if same {
            kept.count += row.count;
        }
        same
    });
    rows
}

/// Log-likelihood of all rows and its derivatives by `[alpha, beta]` (Fader & Hardie 2007, eq. B1).
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn log_likelihood(rows: &[ContractRow], [alpha, beta]: [f64; 2]) -> (f64, [f64; 2]) {
    let mut value = 0.0;
    let mut gradient = [0.0; 2];
    for row in rows {
        let n = row.count as f64;
        let of_sum = digamma_rise(alpha + beta, row.renewals);
        value += n * (ln_rising(beta, row.renewals) - ln_rising(alpha + beta, row.renewals));
        gradient[0] -= n * of_sum;
        gradient[1] += n * (digamma_rise(beta, row.renewals) - of_sum);
        if row.outcome == ContractOutcome::Ended {
            let total = alpha + beta + f64::from(row.renewals);
            value += n * (alpha / total).ln();
            gradient[0] += n * (alpha.recip() - total.recip());
            gradient[1] -= n / total;
        }
    }
    (value, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::random::Random;
    use crate::domain::value::reference::assert_close;

    fn cohort(survivors: [u64; 7]) -> Vec<ContractRow> {
        let mut rows = Vec::new();
        let mut before = 1_000;
        for (renewals, after) in (0..).zip(survivors) {
            rows.push(ContractRow {
                renewals,
                outcome: ContractOutcome::Ended,
                count: before - after,
            });
            before = after;
        }
        rows.push(ContractRow {
            renewals: 7,
            outcome: ContractOutcome::Running,
            count: before,
        });
        rows
    }

    #[test]
    fn the_published_segments_give_the_published_estimates() {
        // Fader & Hardie (2007), years 1 to 7; maxima of the reference tables.
        let high_end = fit_contracts(&cohort([869, 743, 653, 593, 551, 517, 491])).unwrap();
        let regular = fit_contracts(&cohort([631, 468, 382, 326, 289, 262, 241])).unwrap();
        for (fit, parameters, errors, log_likelihood) in [
            (
                high_end,
                [0.668_088_351, 3.806_094_964],
                [0.103_734_931, 0.785_531_693],
                -1_611.158_147_391_155_8,
            ),
            (
                regular,
                [0.704_077_298, 1.182_043_026],
                [0.065_598_964, 0.152_475_632],
                -1_680.265_188_463_287,
            ),
        ] {
            assert!(fit.report.convergence.is_converged(), "{:?}", fit.report);
            assert!((fit.report.log_likelihood - log_likelihood).abs() < 1e-5);
            let standard_errors = fit.report.standard_errors().unwrap();
            for i in 0..2 {
                assert_close("parameter", fit.model.parameters()[i], parameters[i], 1e-4);
                assert_close("standard error", standard_errors[i], errors[i], 1e-3);
            }
        }
    }

    #[test]
    fn parameters_of_simulated_contracts_are_recovered() {
        let mut random = Random::new(4);
        let rows: Vec<ContractRow> = (0..20_000)
            .map(|_| {
                let ending = random.beta(1.4, 4.0);
                let observed = 3 + u32::try_from(random.bits() % 6).unwrap();
                let renewals = (0..observed)
                    .take_while(|_| random.uniform() > ending)
                    .count();
                let renewals = u32::try_from(renewals).unwrap();
                let outcome = if renewals < observed {
                    ContractOutcome::Ended
                } else {
                    ContractOutcome::Running
                };
                ContractRow {
                    renewals,
                    outcome,
                    count: 1,
                }
            })
            .collect();
        let fit = fit_contracts(&rows).unwrap();
        let standard_errors = fit.report.standard_errors().unwrap();
        for (i, truth) in [1.4, 4.0].into_iter().enumerate() {
            let distance = (fit.report.estimates[i] - truth).abs() / standard_errors[i];
            assert!(
                distance < 3.5 && standard_errors[i] < 0.2 * truth,
                "{:?}",
                fit.report
            );
        }
    }

    #[test]
    fn contracts_that_teach_nothing_are_refused() {
        let row = |renewals, outcome, count| ContractRow {
            renewals,
            outcome,
            count,
        };
        assert_eq!(fit_contracts(&[]), Err(FitError::NoCustomers));
        for rows in [
            [
                row(0, ContractOutcome::Ended, 5),
                row(0, ContractOutcome::Running, 5),
            ],
            [
                row(3, ContractOutcome::Running, 5),
                row(1, ContractOutcome::Running, 5),
            ],
        ] {
            assert_eq!(
                fit_contracts(&rows),
                Err(FitError::NoRenewalsToLearnFrom { contracts: 10 })
            );
        }
    }
}
