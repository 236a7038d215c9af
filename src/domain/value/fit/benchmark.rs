//! The fit of NBD, the benchmark, and the comparison of fits.

use super::FitError;
use super::prepared::{Prepared, totals};
use super::report::FitReport;
use super::rows::{CollapsedRow, collapse};
use super::search::{Maximum, maximise};
use crate::domain::value::nbd::Nbd;
use crate::domain::value::special_functions::incomplete::incomplete_gamma_upper;
use crate::domain::value::special_functions::{digamma_rise, ln_rising};

/// Logarithms of (r, alpha in units of the longest age).
const STARTS: [[f64; 2]; 2] = [[0.0, 0.0], [-1.0, -1.0]];

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
    let maximum = maximise(totals.customers, &STARTS, likelihood, likelihood)
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

/// The likelihood ratio test of a model against one nested in it, fitted to the same customers; `None` unless the larger has
/// more parameters.
#[must_use]
pub fn likelihood_ratio(
    smaller_log_likelihood: f64,
    smaller_parameters: u32,
    larger_log_likelihood: f64,
    larger_parameters: u32,
) -> Option<LikelihoodRatio> {
    let degrees_of_freedom = larger_parameters
        .checked_sub(smaller_parameters)
        .filter(|&df| df > 0)?;
    let statistic = (2.0 * (larger_log_likelihood - smaller_log_likelihood)).max(0.0);
    Some(LikelihoodRatio {
        statistic,
        degrees_of_freedom,
        p_value: incomplete_gamma_upper(f64::from(degrees_of_freedom) / 2.0, statistic / 2.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::history::PurchaseHistory;
    use crate::domain::value::reference::{assert_close, rows, shared_data};

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
        assert_eq!(likelihood_ratio(-100.0, 2, -90.0, 2), None);
        assert_close(
            "no gain",
            likelihood_ratio(-100.0, 2, -100.1, 3).unwrap().p_value,
            1.0,
            0.0,
        );
    }
}
