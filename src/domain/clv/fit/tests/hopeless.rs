//! Data without an answer of their own: refused, or answered with weak priors that the report names.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::clv::fit::covariates::{CovariateGroup, fit_with_covariates};
use crate::domain::clv::fit::rows::CollapsedRow;
use crate::domain::clv::fit::{FitError, fit_orders, fit_spend};
use crate::domain::clv::model::ModelKind;
use crate::domain::clv::reference::{rows, shared_data};
use crate::domain::clv::stages::Stages;

#[test]
fn data_without_customers_or_repeat_orders_are_refused_with_the_reason() {
    let row = |x, t, age, n| CollapsedRow::new(x, t, age, n).unwrap();
    for kind in ModelKind::ALL {
        assert_eq!(fit_orders(kind, &[]), Err(FitError::NoCustomers));
        assert_eq!(
            fit_orders(kind, &[row(1, 7, 9, 0)]),
            Err(FitError::NoCustomers)
        );
        // Nobody was observed for a day: of orders to come, nothing is known at all.
        let today = [row(0, 0, 0, 7)];
        assert_eq!(
            fit_orders(kind, &today),
            Err(FitError::NoRepeatOrders { customers: 7 })
        );
    }
    assert_eq!(fit_spend(&[]), Err(FitError::NoSpend));
}

#[test]
fn a_shop_where_nobody_has_ordered_again_expects_half_an_order_in_the_time_observed() {
    // 50 customers for 100 weeks each: half an order in 5,000 weeks and as many again, or more of customers who have left.
    let rows = [CollapsedRow::new(0, 0, 700, 50).unwrap()];
    for kind in ModelKind::ALL {
        let fit = fit_orders(kind, &rows).unwrap();
        let why = fit.report.held.unwrap();
        assert!(
            why.contains("none of the 50 customers has ordered again"),
            "{why}"
        );
        assert!(
            why.contains("the order rate has a prior of 0.5 orders in the time observed"),
            "{why}"
        );
        let [r, alpha, ..] = fit.model.parameters();
        let rate = r / alpha;
        assert!((0.4e-4..5e-4).contains(&rate), "{kind:?} {rate}");
        assert!(fit.report.log_covariance.is_some());
    }
}

#[test]
fn data_that_determine_nothing_are_never_answered_by_likelihood_alone() {
    let row = |x, t, age, n| CollapsedRow::new(x, t, age, n).unwrap();
    let hopeless: [&[CollapsedRow]; 5] = [
        &[row(1, 7, 7, 1)],
        &[row(3, 30, 60, 1000)],
        &[row(0, 0, 70, 10), row(1, 7, 70, 1)],
        // Everyone orders every week and nobody leaves.
        &[
            row(10, 70, 70, 5),
            row(9, 63, 63, 5),
            row(8, 56, 56, 5),
            row(7, 49, 49, 5),
            row(6, 42, 42, 5),
        ],
        &[
            row(u32::MAX, 4_000_000, 4_000_000, 1),
            row(0, 0, 4_000_000, 1),
            row(1, 1, 1, u64::from(u32::MAX)),
            row(2, 2, 3, 1),
        ],
    ];
    for rows in hopeless {
        for kind in ModelKind::ALL {
            match fit_orders(kind, rows) {
                Ok(fit) => {
                    let is_told = fit.report.held.is_some();
                    assert_eq!(
                        fit.report.convergence.is_converged(),
                        is_told,
                        "{:?}",
                        fit.report
                    );
                    assert!(fit.report.estimates.iter().all(|x| x.is_finite()));
                    assert!(fit.report.log_likelihood.is_finite());
                }
                Err(error) => assert_eq!(error, FitError::NoFiniteLikelihood),
            }
        }
    }
}

/// Apparel, simulated by the authors of CLVTools: first orders on one day, covariates gender and channel.
#[test]
fn apparel_with_covariates_is_judged_by_how_much_the_data_determine() {
    let (Some(transactions), Some(covariates)) = (
        shared_data("apparel_trans.csv"),
        shared_data("apparel_static_cov.csv"),
    ) else {
        return;
    };
    let names = ["gender".to_owned(), "channel".to_owned()];
    for weeks in [40, 104, 280] {
        let groups = apparel_groups(&transactions, &covariates, weeks * 7);
        // Orders come at random times: more stages than one are the wrong model.
        let random = |kind: &ModelKind| kind.stages() == Stages::ONE;
        for kind in ModelKind::ALL.into_iter().filter(random) {
            let (_, report) = fit_with_covariates(kind, &names, &groups, None).unwrap();
            println!(
                "apparel {weeks} weeks {}: {:?}, log-likelihood {:.3}, {:?} {:.4?}",
                kind.name(),
                report.convergence,
                report.log_likelihood,
                report.parameter_names,
                report.estimates
            );
            assert!(report.estimates.iter().all(|estimate| estimate.is_finite()));
            // Within 40 weeks hardly anybody is seen to leave: no drop-out would fit as well.
            assert_eq!(report.held.is_some(), weeks == 40, "{report:?}");
            assert!(report.convergence.is_converged(), "{report:?}");
        }
    }
}

/// Calibration on the days to `end`, in groups of equal covariates.
fn apparel_groups(transactions: &str, covariates: &str, end: u32) -> Vec<CovariateGroup> {
    let days_since_2005 = |date: &str| -> u32 {
        let mut parts = date.split('-').map(|part| part.parse::<u32>().unwrap());
        let (year, month, day) = (
            parts.next().unwrap(),
            parts.next().unwrap(),
            parts.next().unwrap(),
        );
        let is_leap = year.is_multiple_of(4);
        let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][month as usize - 1];
        (year - 2005) * 365
            + u32::from(year > 2008)
            + before
            + u32::from(is_leap && month > 2)
            + day
    };
    let mut days: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for (id, date, _) in rows::<(u32, String, f64)>(transactions) {
        let day = days_since_2005(&date);
        if day <= end {
            days.entry(id).or_default().insert(day);
        }
    }
    rows::<(u32, f64, f64)>(covariates)
        .into_iter()
        .filter_map(|(id, gender, channel)| {
            let days = days.get(&id)?;
            let (first, last) = (days.first()?, days.last()?);
            let frequency = u32::try_from(days.len()).unwrap() - 1;
            Some(CovariateGroup {
                values: vec![gender, channel],
                rows: vec![CollapsedRow::new(frequency, last - first, end - first, 1).unwrap()],
            })
        })
        .collect()
}
