//! Published estimates, recovery of known parameters, and books without a maximum.

use super::*;
use crate::domain::clv::random::Random;
use crate::domain::clv::reference::assert_close;

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
        assert_eq!(fit.fallback, None);
        for i in 0..2 {
            assert_close("parameter", fit.report.estimates[i], parameters[i], 1e-4);
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

const fn row(renewals: u32, outcome: ContractOutcome, count: u64) -> ContractRow {
    ContractRow {
        renewals,
        outcome,
        count,
    }
}

#[test]
fn contracts_that_have_not_come_to_a_renewal_teach_nothing() {
    assert_eq!(fit_contracts(&[]), Err(FitError::NoCustomers));
    let new = row(0, ContractOutcome::Running, 10);
    let error = fit_contracts(&[new]).unwrap_err();
    assert_eq!(error, FitError::NoRenewalsDue { contracts: 10 });
}

/// 300 monthly contracts, all of which end at each renewal with a probability of 20 %, observed for up to two years: in about half of
/// such books the likelihood rises without end towards contracts that are all alike.
#[test]
fn contracts_that_are_all_alike_are_fitted_whatever_chance_made_of_them() {
    let mut at_the_limit = 0;
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let rows: Vec<ContractRow> = (0..300)
            .map(|_| {
                let observed = u32::try_from(random.bits() % 24).unwrap();
                let renewals = (0..observed).take_while(|_| random.uniform() > 0.2);
                let renewals = u32::try_from(renewals.count()).unwrap();
                let outcome = if renewals < observed {
                    ContractOutcome::Ended
                } else {
                    ContractOutcome::Running
                };
                row(renewals, outcome, 1)
            })
            .collect();
        let fit = fit_contracts(&rows).unwrap();
        assert!(fit.report.convergence.is_converged(), "{:?}", fit.report);
        at_the_limit += i32::from(fit.fallback.is_some());
        // About 1,200 renewals due: the standard error of 0.8 is 0.012; that of a later one is larger where contracts may differ.
        for (renewals, tolerance) in [(0, 0.05), (3, 0.05), (8, 0.12)] {
            let retention = fit.model.retention(renewals);
            assert!((retention - 0.8).abs() < tolerance, "{seed}: {retention}");
        }
    }
    assert!((10..=30).contains(&at_the_limit), "{at_the_limit}");
}

/// By hand: the limit is ends over renewals due, its variance `theta (1 - theta) / due`; the prior adds half an end to the ends and one
/// renewal to those due.
#[test]
fn where_nothing_tells_contracts_apart_one_probability_holds_for_all() {
    use ContractOutcome::{Ended, Running};
    let alike = |ends, due| Fallback::Alike { ends, due };
    let by_prior = |ends, due| Fallback::AlikeByPrior { ends, due };
    for (rows, theta, due, fallback) in [
        // Each came to one renewal: whether they differ cannot show.
        (
            vec![row(0, Ended, 30), row(1, Running, 70)],
            0.3,
            100.0,
            alike(30, 100),
        ),
        // They differ less than chance would make them: each ended at its fourth renewal.
        (vec![row(3, Ended, 10)], 0.25, 40.0, alike(10, 40)),
        // All that came to a renewal ended.
        (
            vec![row(0, Ended, 5), row(0, Running, 5)],
            5.5 / 6.0,
            6.0,
            by_prior(5, 5),
        ),
        // None did.
        (
            vec![row(3, Running, 5), row(1, Running, 5)],
            0.5 / 21.0,
            21.0,
            by_prior(0, 20),
        ),
    ] {
        let fit = fit_contracts(&rows).unwrap();
        assert_eq!(fit.fallback, Some(fallback));
        assert_eq!(fit.report.parameter_names, ["theta"]);
        assert!(fit.report.convergence.is_converged());
        let RenewalModel::Alike(model) = fit.model else {
            panic!("{:?}", fit.model);
        };
        assert_close("theta", model.theta(), theta, 1e-12);
        let error = (theta * (1.0 - theta) / due).sqrt();
        let errors = fit.report.standard_errors().unwrap();
        assert_close("standard error", errors[0], error, 1e-12);
        assert_close("retention", fit.model.retention(7), 1.0 - theta, 1e-12);
    }
}

/// A third left at the first renewal and nobody after it: the best parameters go to 0, by which nobody would ever leave any more.
#[test]
fn contracts_that_differ_as_much_as_can_be_are_held_by_the_prior() {
    use ContractOutcome::{Ended, Running};
    let fit = fit_contracts(&[row(0, Ended, 30), row(4, Running, 70)]).unwrap();
    assert_eq!(fit.fallback, Some(Fallback::DifferingByPrior));
    assert!(fit.report.convergence.is_converged(), "{:?}", fit.report);
    let (first, later) = (fit.model.retention(0), fit.model.retention(4));
    assert!((first - 0.7).abs() < 0.02, "{first}");
    assert!(later > 0.99 && later < 1.0, "{later}");
}
