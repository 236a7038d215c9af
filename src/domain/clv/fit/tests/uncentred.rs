//! Covariates far from 0, as a year of birth is: what they are measured from must not matter.

use super::recovery::simulated_row;
use super::report_of;
use crate::domain::clv::fit::covariates::{CovariateGroup, CovariateModel, fit_with_covariates};
use crate::domain::clv::fit::family::dropout_parameter;
use crate::domain::clv::fit::prior::LogNormalPrior;
use crate::domain::clv::fit::report::FitReport;
use crate::domain::clv::fit::rows::CollapsedRow;
use crate::domain::clv::model::{ModelKind, OrderModel};
use crate::domain::clv::random::Random;
use crate::domain::clv::reference::assert_close;

/// Per year of birth, on the order rate and on drop-out.
const EFFECTS: [f64; 2] = [0.03, -0.02];

const fn base(kind: ModelKind) -> [f64; 4] {
    match kind {
        ModelKind::BgNbd | ModelKind::MbgNbd => [0.9, 8.0, 0.9, 2.5],
        ModelKind::MbgCnbd(_) => [0.9, 4.0, 0.9, 2.5],
        ModelKind::ParetoNbd => [0.9, 8.0, 0.9, 20.0],
    }
}

/// Customers born in 1935 to 1995, those of 1965 with the base parameters; the covariate is the year less `origin`.
fn born(kind: ModelKind, customers_a_year: u32, origin: f64) -> Vec<CovariateGroup> {
    let mut random = Random::new(5);
    let (index, sign) = dropout_parameter(kind);
    (0..7)
        .map(|at| {
            let age = f64::from(10 * at) - 30.0;
            let mut parameters = base(kind);
            parameters[1] *= (-EFFECTS[0] * age).exp();
            parameters[index] *= (sign * EFFECTS[1] * age).exp();
            let model = OrderModel::new(kind, parameters).unwrap();
            CovariateGroup {
                values: vec![1965.0 + age - origin],
                rows: (0..customers_a_year)
                    .map(|_| simulated_row(&model, 420, &mut random))
                    .collect(),
            }
        })
        .collect()
}

fn fit(
    kind: ModelKind,
    groups: &[CovariateGroup],
    prior: Option<&LogNormalPrior>,
) -> (CovariateModel, FitReport) {
    fit_with_covariates(kind, &["birth".to_owned()], groups, prior).unwrap()
}

#[track_caller]
fn assert_same(one: &FitReport, other: &FitReport) {
    let gap = one.log_likelihood - other.log_likelihood;
    assert!(gap.abs() < 1e-6, "log-likelihoods differ by {gap}");
    let errors = [one, other].map(|report| report.standard_errors().unwrap());
    for (i, name) in one.parameter_names.iter().enumerate() {
        assert_close(name, one.estimates[i], other.estimates[i], 1e-6);
        assert_close(name, errors[0][i], errors[1][i], 1e-5);
    }
}

#[test]
fn what_a_covariate_is_measured_from_changes_nothing() {
    for kind in ModelKind::ALL {
        let (centred, of_centred) = fit(kind, &born(kind, 600, 1965.0), None);
        let (years, of_years) = fit(kind, &born(kind, 600, 0.0), None);
        assert!(of_years.convergence.is_converged(), "{of_years:?}");
        assert_same(&of_years, &of_centred);
        assert_close("mean", years.means()[0], 1965.0, 1e-12);
        // A customer born in 1990 is the same in both.
        let of_1990 = years.for_values(&[1990.0]).unwrap().parameters();
        let same = centred.for_values(&[25.0]).unwrap().parameters();
        for (one, other) in of_1990.into_iter().zip(same) {
            assert_close("for values", one, other, 1e-6);
        }
        let doubts = [(&years, &of_years, 1990.0), (&centred, &of_centred, 25.0)];
        let [one, other] = doubts.map(|(model, report, value)| {
            let full = report.log_covariance.as_ref().unwrap();
            model.log_covariance_for(&[value], full).unwrap().concat()
        });
        for (one, other) in one.into_iter().zip(other) {
            assert_close("covariance for values", one, other, 1e-4);
        }
    }
}

#[test]
fn effects_of_a_year_of_birth_are_recovered() {
    for kind in ModelKind::ALL {
        let (_, report) = fit(kind, &born(kind, 2_000, 0.0), None);
        assert!(report.convergence.is_converged(), "{report:?}");
        let standard_errors = report.standard_errors().unwrap();
        let truth = [&base(kind)[..], &EFFECTS].concat();
        for (i, truth) in truth.iter().enumerate() {
            let distance = (report.estimates[i] - truth).abs() / standard_errors[i];
            let name = &report.parameter_names[i];
            assert!(
                distance < 3.5,
                "{name}: {} for {truth}",
                report.estimates[i]
            );
            assert!(standard_errors[i] < 0.4 * truth.abs(), "{name}: {report:?}");
        }
    }
}

#[test]
fn a_prior_holds_the_parameters_at_the_means_and_leaves_effects_alone() {
    let kind = ModelKind::MbgNbd;
    let prior = LogNormalPrior::new([1.0, 10.0, 1.0, 2.0], [0.5; 4]).unwrap();
    let groups = born(kind, 600, 0.0);
    let (_, held) = fit(kind, &groups, Some(&prior));
    assert!(held.convergence.is_converged(), "{held:?}");
    assert_same(&held, &fit(kind, &born(kind, 600, 1965.0), Some(&prior)).1);
    let (_, free) = fit(kind, &groups, None);
    let errors = free.standard_errors().unwrap();
    for (i, error) in errors.iter().enumerate().skip(4) {
        let moved = (held.estimates[i] - free.estimates[i]).abs() / error;
        assert!(moved < 0.5, "{}: {moved}", free.parameter_names[i]);
    }
    // A sharp prior is where the parameters at the means are.
    let sharp = LogNormalPrior::new([2.0, 10.0, 1.0, 2.0], [0.001, 1.0, 1.0, 1.0]).unwrap();
    let (model, _) = fit(kind, &groups, Some(&sharp));
    assert_close(
        "r",
        model.for_values(model.means()).unwrap().parameters()[0],
        2.0,
        0.01,
    );
}

#[test]
fn more_covariates_never_fit_worse_and_the_same_twice_is_held_by_priors() {
    let kind = ModelKind::ParetoNbd;
    let once = born(kind, 300, 1975.0);
    let (_, of_once) = fit(kind, &once, None);
    let everyone: Vec<CollapsedRow> = once.iter().flat_map(|group| group.rows.clone()).collect();
    let plain = report_of(kind, &everyone);
    assert!(of_once.log_likelihood > plain.log_likelihood + 2.0);
    let twice: Vec<CovariateGroup> = once
        .into_iter()
        .map(|group| CovariateGroup {
            values: vec![group.values[0], group.values[0] + 1975.0],
            ..group
        })
        .collect();
    let names = ["birth_c".to_owned(), "birth_year".to_owned()];
    let (_, of_twice) = fit_with_covariates(kind, &names, &twice, None).unwrap();
    let gain = of_twice.log_likelihood - of_once.log_likelihood;
    assert!(gain.abs() < 0.1, "{gain}");
    let why = of_twice.held.unwrap();
    assert!(
        why.contains("the effect of one standard deviation"),
        "{why}"
    );
    // Which of the two it is nobody can tell: half each.
    for pair in [[4, 5], [6, 7]] {
        let [centred, year] = pair.map(|at| of_twice.estimates[at]);
        assert_close("effects", centred, year, 1e-3);
    }
}
