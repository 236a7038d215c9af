//! Renewals of contracts, and the fit of the shifted-beta-geometric model to them.

use super::FitError;
use super::report::{Convergence, FitReport};
use super::search::maximise;
use crate::domain::clv::renewal::{Geometric, RenewalModel};
use crate::domain::clv::shifted_beta_geometric::ShiftedBetaGeometric;
use crate::domain::clv::special_functions::{digamma_rise, ln_rising};

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
    pub model: RenewalModel,
    /// How it was found and how far to trust it.
    pub report: FitReport,
    /// What stood in for the plain maximum of the likelihood, where that does not exist.
    pub fallback: Option<Fallback>,
}

/// What a fit gives where the likelihood of the shifted-beta-geometric model has no maximum that the data determine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fallback {
    /// The limit of contracts that do not differ: ends over renewals due.
    #[error(
        "contracts do not measurably differ: one probability for all, {ends} ends in {due} renewals due"
    )]
    Alike {
        /// Contracts that ended.
        ends: u64,
        /// Renewals that were due, those that did not happen included.
        due: u64,
    },
    /// The same with [`PRIOR_CONTRACTS`] added: every renewal due came to the same, and never or always is more than that shows.
    #[error(
        "{ends} ends in {due} renewals due: one probability for all, with a prior of half a contract that renewed once and then ended"
    )]
    AlikeByPrior {
        /// Contracts that ended.
        ends: u64,
        /// Renewals that were due.
        due: u64,
    },
    /// Contracts differ, but not even with [`PRIOR_CONTRACTS`] added do the data say how much: that is the fit.
    #[error(
        "the data do not determine how much contracts differ: a prior of half a contract that renewed once and then ended is added"
    )]
    DifferingByPrior,
}

/// The prior of those who have no other: so many contracts more, each renewed once and then ended. Half a contract is half an end in
/// one renewal due, the prior of Jeffreys for a probability.
pub const PRIOR_CONTRACTS: f64 = 0.5;
/// Such a contract.
const PRIOR_ROW: ContractRow = ContractRow {
    renewals: 1,
    outcome: ContractOutcome::Ended,
    count: 1,
};

/// Fits the shifted-beta-geometric model to contracts; where its best parameters lie at infinity or are not determined by the data,
/// what [`Fallback`] says.
///
/// # Errors
/// Without contracts, or when none of them has come to a renewal yet.
pub fn fit_contracts(rows: &[ContractRow]) -> Result<ContractFit, FitError> {
    let rows = merged(rows);
    let sums = Sums::from_rows(&rows);
    if sums.contracts == 0 {
        return Err(FitError::NoCustomers);
    }
    if sums.due == 0 {
        return Err(FitError::NoRenewalsDue {
            contracts: sums.contracts,
        });
    }
    if sums.ends == 0 || sums.ends == sums.due {
        return alike(&rows, &sums, PRIOR_CONTRACTS);
    }
    let limit = alike(&rows, &sums, 0.0)?;
    let plain = differing(&rows, &sums, 0.0)?;
    // Of a likelihood with a maximum inside and a higher one at infinity the higher one counts.
    let inside = plain.report.log_likelihood >= limit.report.log_likelihood;
    if plain.report.convergence.is_converged() && inside {
        return Ok(plain);
    }
    if overdispersion(&rows, &sums) > 0.0 {
        let held = differing(&rows, &sums, PRIOR_CONTRACTS)?;
        let inside = held.report.log_likelihood >= limit.report.log_likelihood;
        if held.report.convergence.is_converged() && inside {
            return Ok(held);
        }
    }
    Ok(limit)
}

/// The maximum of the likelihood of contracts that differ, with so many contracts of the prior.
fn differing(rows: &[ContractRow], sums: &Sums, prior: f64) -> Result<ContractFit, FitError> {
    let likelihood = |parameters| {
        let (value, gradient) = log_likelihood(rows, parameters);
        let (of_prior, by_prior) = log_likelihood(&[PRIOR_ROW], parameters);
        let gradient = std::array::from_fn(|i| gradient[i] + prior * by_prior[i]);
        (value + prior * of_prior, gradient)
    };
    let maximum = maximise(sums.contracts, &STARTS, likelihood, likelihood)
        .ok_or(FitError::NoFiniteLikelihood)?;
    let [alpha, beta] = maximum.parameters;
    let (of_rows, _) = log_likelihood(rows, [alpha, beta]);
    let model = ShiftedBetaGeometric::new(alpha, beta)?;
    Ok(ContractFit {
        model: RenewalModel::Differing(model),
        report: maximum.into_report(["alpha", "beta"], [alpha, beta], of_rows, rows.len()),
        fallback: (prior > 0.0).then_some(Fallback::DifferingByPrior),
    })
}

/// One probability of ending for all contracts: ends over renewals due, with so many contracts of the prior.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn alike(rows: &[ContractRow], sums: &Sums, prior: f64) -> Result<ContractFit, FitError> {
    let (ends, due) = (sums.ends as f64, sums.due as f64);
    let weight = due + 2.0 * prior;
    let theta = (ends + prior) / weight;
    let variance = theta * (1.0 - theta) / weight;
    let of_logarithm = variance / (theta * theta);
    // 0 ln 0 is 0; with the prior neither logarithm is of 0.
    let log_likelihood = ends * theta.ln() + (due - ends) * (-theta).ln_1p();
    let report = FitReport {
        convergence: Convergence::Converged,
        parameter_names: vec!["theta".to_owned()],
        estimates: vec![theta],
        held: None,
        covariance: Some(vec![vec![variance]]),
        log_covariance: Some(vec![vec![of_logarithm]]),
        log_likelihood,
        gradient_norm: 0.0,
        condition_number: 1.0,
        iterations: 0,
        evaluations: 0,
        customers: sums.contracts,
        distinct_rows: rows.len(),
    };
    let (ends, due) = (sums.ends, sums.due);
    Ok(ContractFit {
        model: RenewalModel::Alike(Geometric::new(theta)?),
        report,
        fallback: Some(if prior > 0.0 {
            Fallback::AlikeByPrior { ends, due }
        } else {
            Fallback::Alike { ends, due }
        }),
    })
}

struct Sums {
    contracts: u64,
    ends: u64,
    /// Renewals due: those that happened, and the ends.
    due: u64,
}

impl Sums {
    fn from_rows(rows: &[ContractRow]) -> Self {
        let mut sums = Self {
            contracts: 0,
            ends: 0,
            due: 0,
        };
        for row in rows {
            let ends = u64::from(row.outcome == ContractOutcome::Ended);
            sums.contracts += row.count;
            sums.ends += row.count * ends;
            sums.due += row.count * (u64::from(row.renewals) + ends);
        }
        sums
    }
}

/// Derivative of the log-likelihood by the variance of the probabilities of ending where all are alike, up to a positive factor:
/// positive if the contracts differ more than chance makes them. Of a likelihood `L(theta)` of one contract it is `L'' / L`.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn overdispersion(rows: &[ContractRow], sums: &Sums) -> f64 {
    let theta = sums.ends as f64 / sums.due as f64;
    let of_row = |row: &ContractRow| {
        let renewals = f64::from(row.renewals);
        let ended = match row.outcome {
            ContractOutcome::Ended => 2.0 * (1.0 - theta) / theta,
            ContractOutcome::Running => 0.0,
        };
        row.count as f64 * renewals * (renewals - 1.0 - ended)
    };
    rows.iter().map(of_row).sum()
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
mod tests;
