//! Searches that go astray end at their work limit, and what they were for has an answer all the same.

use std::sync::mpsc;
use std::thread;

use crate::domain::clv::fit::covariates::CovariateGroup;
use crate::domain::clv::fit::fit_orders;
use crate::domain::clv::fit::orders::fit_within;
use crate::domain::clv::fit::report::{Convergence, FitReport};
use crate::domain::clv::fit::rows::CollapsedRow;
use crate::domain::clv::fit::work::WorkLimit;
use crate::domain::clv::model::ModelKind;
use crate::domain::stop::{self, StopFlag};

/// Three customers with 700 repeat days each, and none has left: nothing says how long they will stay.
fn daily_buyers() -> Vec<CollapsedRow> {
    [(1_049, 1_056), (1_048, 1_055), (1_050, 1_058)]
        .map(|(recency, age)| CollapsedRow::new(700, recency, age, 1).unwrap())
        .to_vec()
}

#[test]
fn three_customers_who_buy_every_other_day_have_an_answer_within_the_work_limit() {
    for kind in ModelKind::ALL {
        let fit = fit_orders(kind, &daily_buyers()).unwrap();
        println!("{kind:?} {:?}", fit.report);
        assert_eq!(fit.report.convergence, Convergence::Converged);
        assert!(fit.report.held.is_some());
        let [r, alpha, ..] = fit.model.parameters();
        // 700 orders in 151 weeks.
        assert!(
            (r / alpha / kind.stages().as_f64() / 4.64 - 1.0).abs() < 0.1,
            "{kind:?}: {:?}",
            fit.model
        );
    }
}

#[test]
fn a_search_that_takes_more_work_than_it_may_ends_without_a_maximum() {
    let group = CovariateGroup {
        values: vec![],
        rows: daily_buyers(),
    };
    let limit = |min_units| WorkLimit {
        units_per_row: 1,
        min_units,
    };
    for kind in ModelKind::ALL {
        let within =
            |units| fit_within(limit(units), kind, &[], std::slice::from_ref(&group), None);
        let reports = (4..18).filter_map(|power| Some(within(1 << power).ok()?.report));
        let reports: Vec<FitReport> = reports.collect();
        let is_cut_short =
            |report: &&FitReport| matches!(report.convergence, Convergence::WorkLimit { .. });
        let cut_short: Vec<&FitReport> = reports.iter().filter(is_cut_short).collect();
        assert!(!cut_short.is_empty(), "{kind:?}: {reports:?}");
        for report in cut_short {
            assert_eq!((&report.held, &report.covariance), (&None, &None));
            assert!(report.estimates.iter().all(|estimate| estimate.is_finite()));
        }
        let whole = reports.last().unwrap();
        assert!(whole.convergence.is_converged() && whole.held.is_some());
    }
}

#[test]
fn a_fit_ends_when_it_is_told_to() {
    let flag = StopFlag::default();
    let (sender, ended) = mpsc::channel();
    let of_thread = flag.clone();
    let fits = thread::spawn(move || {
        // For ever, unless a fit looks at the flag.
        let done = stop::run(&of_thread, || {
            loop {
                let fit = fit_orders(ModelKind::ParetoNbd, &daily_buyers());
                if sender.send(fit.is_ok()).is_err() {
                    return;
                }
            }
        });
        assert_eq!(done, None);
    });
    // One went through; the next is under way.
    assert_eq!(ended.recv(), Ok(true));
    flag.stop();
    fits.join().unwrap();
}
