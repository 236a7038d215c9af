//! The fit of NBD, the benchmark, and the comparison of fits.

use super::FitError;
use super::limits::Limit;
use super::prepared::{Prepared, totals};
use super::report::FitReport;
use super::rows::{CollapsedRow, collapse};
use super::search::{Maximum, maximise_against};
use crate::domain::clv::nbd::Nbd;
use crate::domain::clv::special_functions::incomplete::incomplete_gamma_upper;
use crate::domain::clv::special_functions::{digamma_rise, ln_rising};

/// Logarithms of (r, alpha in units of the longest age).
const STARTS: [[f64; 2]; 2] = [[0.0, 0.0], [-1.0, -1.0]];

/// A larger model may fall so far short of a smaller one: neither search goes on for less, and no test would notice.
const SHORTFALL: f64 = 1e-3;
/// And by so much of it more, for the rounding of sums over many customers.
const SHORTFALL_RELATIVE: f64 = 1e-9;

/// A Poisson process of one rate.
static LIMITS: [Limit; 1] = [Limit {
    held: 0,
    at: 14.0,
    along: &[(1, 1.0)],
    parameters: &["r", "alpha"],
    customers: "customers who all order at the same rate",
}];

/// A fitted benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct NbdFit {
    /// The model at the best parameters found.
    pub model: Nbd,
    /// How it was found and how far to trust it.
    pub report: FitReport,
}

/// Fits NBD to collapsed histories.
///
/// # Errors
/// Without customers or without any repeat order.
pub fn fit_benchmark(rows: &[CollapsedRow]) -> Result<NbdFit, FitError> {
    let rows = collapse(rows.iter().copied());
    let totals = totals(&rows)?;
    let data = Prepared::new(&rows, totals.unit_weeks);
    let likelihood = |[r, alpha]: [f64; 2]| {
        let mut value = 0.0;
        let mut gradient = [0.0; 2];
        for group in &data.frequencies {
            value += group.customers * ln_rising(r, group.orders);
            gradient[0] += group.customers * digamma_rise(r, group.orders);
        }
        for group in &data.times {
            let end = alpha + group.scaled;
            let silence = (group.scaled / alpha).ln_1p();
            value -= group.customers * r * silence + group.orders * end.ln();
            gradient[0] -= group.customers * silence;
            gradient[1] += group.customers * r * group.scaled / (alpha * end) - group.orders / end;
        }
        (value, gradient)
    };
    let maximum = maximise_against(totals.customers, &STARTS, likelihood, likelihood, &LIMITS)
        .ok_or(FitError::NoFiniteLikelihood)?;
    let Maximum {
        parameters: [r, alpha],
        log_likelihood,
        ..
    } = maximum;
    let model = Nbd::new(r, alpha * totals.unit_weeks)?;
    let log_likelihood = log_likelihood - totals.orders * totals.unit_weeks.ln();
    let report = maximum.into_report(
        ["r", "alpha"],
        model.parameters(),
        log_likelihood,
        rows.len(),
    );
    Ok(NbdFit { model, report })
}

/// Twice the gain in log-likelihood of a larger model over one nested in it, and how surprising that is without a real gain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LikelihoodRatio {
    /// Twice the difference of the log-likelihoods, not negative.
    pub statistic: f64,
    /// Parameters that the larger model has more.
    pub degrees_of_freedom: u32,
    /// Probability of at least this statistic if the smaller model is true (chi-squared; conservative where the smaller model is
    /// at the edge of the larger, as NBD is of models with drop-out).
    pub p_value: f64,
}

/// Why two fits cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum NoComparison {
    /// The second model is not larger.
    #[error("nothing to compare: one model has no more parameters than the other")]
    NotLarger,
    /// The larger model has a maximum at least as high as that of a model nested in it, and its search did not find it.
    #[error(
        "the search for the larger model failed: its log-likelihood is {shortfall:.3} below that of the smaller one, which it contains"
    )]
    SearchFailed {
        /// By how much it falls short.
        shortfall: f64,
    },
}

/// The likelihood ratio test of a model against one nested in it, fitted to the same customers.
///
/// # Errors
/// Unless the second has more parameters, and when its log-likelihood is below that of the first by more than the rounding of sums.
pub fn likelihood_ratio(
    smaller_log_likelihood: f64,
    smaller_parameters: u32,
    larger_log_likelihood: f64,
    larger_parameters: u32,
) -> Result<LikelihoodRatio, NoComparison> {
    let degrees_of_freedom = larger_parameters
        .checked_sub(smaller_parameters)
        .filter(|&df| df > 0)
        .ok_or(NoComparison::NotLarger)?;
    let shortfall = smaller_log_likelihood - larger_log_likelihood;
    if shortfall > SHORTFALL + SHORTFALL_RELATIVE * smaller_log_likelihood.abs() {
        return Err(NoComparison::SearchFailed { shortfall });
    }
    let statistic = (-2.0 * shortfall).max(0.0);
    Ok(LikelihoodRatio {
        statistic,
        degrees_of_freedom,
        p_value: incomplete_gamma_upper(f64::from(degrees_of_freedom) / 2.0, statistic / 2.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::history::PurchaseHistory;
    use crate::domain::clv::reference::{assert_close, rows, shared_data};

    #[test]
    fn the_published_benchmark_of_cdnow_is_found() {
        let Some(table) = shared_data("cdnow_customers_summary.csv") else {
            return;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small whole days"
        )]
        let days = |weeks: f64| (weeks * 7.0).round() as u32;
        let orders: Vec<CollapsedRow> = rows::<(u32, u32, f64, f64)>(&table)
            .into_iter()
            .map(|(_, x, recency, age)| CollapsedRow::new(x, days(recency), days(age), 1).unwrap())
            .collect();
        let fit = fit_benchmark(&orders).unwrap();
        assert!(fit.report.convergence.is_converged());
        // Fader, Hardie & Lee (2005), table 2: .385, 12.072, -9763.7.
        assert!(
            (fit.report.estimates[0] - 0.385).abs() < 5e-4,
            "{:?}",
            fit.report
        );
        assert!(
            (fit.report.estimates[1] - 12.072).abs() < 5e-4,
            "{:?}",
            fit.report
        );
        assert!(
            (fit.report.log_likelihood + 9_763.7).abs() < 0.05,
            "{:?}",
            fit.report
        );
        let sum: f64 = orders
            .iter()
            .map(|row| {
                PurchaseHistory::from_days(row.frequency(), row.recency_days(), row.age_days())
                    .unwrap()
            })
            .map(|history| fit.model.log_likelihood(&history))
            .sum();
        assert_close(
            "the report and the model",
            fit.report.log_likelihood,
            sum,
            1e-12,
        );
    }

    #[test]
    fn the_test_of_nested_models_has_the_tabulated_quantiles() {
        // Chi-squared: 3.841 and 5.991 are exceeded with probability 0.05 for 1 and 2 degrees of freedom.
        let one = likelihood_ratio(-100.0, 2, -100.0 + 3.841_458_820_694_124 / 2.0, 3).unwrap();
        assert_close("p", one.p_value, 0.05, 1e-12);
        let two = likelihood_ratio(-100.0, 2, -100.0 + 5.991_464_547_107_979 / 2.0, 4).unwrap();
        assert_close("p", two.p_value, 0.05, 1e-12);
        assert_eq!(
            likelihood_ratio(-100.0, 2, -90.0, 2),
            Err(NoComparison::NotLarger)
        );
        assert_close(
            "no gain",
            likelihood_ratio(-100.0, 2, -100.0005, 3).unwrap().p_value,
            1.0,
            0.0,
        );
    }

    #[test]
    fn a_larger_model_below_a_smaller_one_is_a_failed_search_and_not_a_lack_of_gain() {
        let failed = likelihood_ratio(-100.0, 2, -103.5, 3);
        assert_eq!(failed, Err(NoComparison::SearchFailed { shortfall: 3.5 }));
        assert!(failed.unwrap_err().to_string().contains("3.500 below"));
    }
}
