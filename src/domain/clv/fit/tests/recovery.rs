//! Known parameters come back from simulated customers.

use super::report_of;
use crate::domain::clv::fit::covariates::{CovariateGroup, fit_with_covariates};
use crate::domain::clv::fit::prior::LogNormalPrior;
use crate::domain::clv::fit::report::FitReport;
use crate::domain::clv::fit::rows::{CollapsedRow, SpendRow, collapse};
use crate::domain::clv::fit::stages::choose_stages;
use crate::domain::clv::fit::{fit_orders, fit_orders_with_prior, fit_spend};
use crate::domain::clv::history::LogGaps;
use crate::domain::clv::model::{ModelKind, OrderModel};
use crate::domain::clv::random::Random;
use crate::domain::clv::simulation::DrawnCustomer;
use crate::domain::clv::stages::Stages;

/// Customers who buy as the model says, observed for 40 to 80 weeks.
pub(super) fn simulated_orders(
    kind: ModelKind,
    parameters: [f64; 4],
    customers: u32,
    seed: u64,
) -> Vec<CollapsedRow> {
    let mut random = Random::new(seed);
    let model = OrderModel::new(kind, parameters).unwrap();
    let row = |_| {
        let age_days = 280 + u32::try_from(random.bits() % 281).unwrap();
        simulated_row(&model, age_days, &mut random)
    };
    collapse((0..customers).map(row).collect::<Vec<_>>())
}

pub(super) fn simulated_row(
    model: &OrderModel,
    age_days: u32,
    random: &mut Random,
) -> CollapsedRow {
    let customer = DrawnCustomer::draw(&model.newcomer(), random);
    let weeks = f64::from(age_days) / 7.0;
    let orders: Vec<f64> = customer.orders(weeks, usize::MAX, random).collect();
    let frequency = u32::try_from(orders.len()).unwrap();
    let days = orders.iter().map(|&weeks| whole_days(weeks));
    let recency_days = days.clone().next_back().unwrap_or(0);
    let log_gaps = LogGaps::from_days(std::iter::once(0).chain(days.map(u32::cast_signed)));
    let row = CollapsedRow::new(frequency, recency_days, age_days, 1).unwrap();
    row.with_log_gaps(log_gaps)
}

/// A time in weeks as the day in which it lies.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small whole days"
)]
pub(super) fn whole_days(weeks: f64) -> u32 {
    (weeks * 7.0).ceil() as u32
}

#[track_caller]
pub(super) fn check_recovery(report: &FitReport, truth: &[f64]) {
    assert!(report.convergence.is_converged(), "{report:?}");
    let standard_errors = report.standard_errors().unwrap();
    for (i, truth) in truth.iter().enumerate() {
        let distance = (report.estimates[i] - truth).abs() / standard_errors[i];
        let name = &report.parameter_names[i];
        assert!(
            distance < 3.5,
            "{name}: {} is {distance:.1} standard errors from {truth}",
            report.estimates[i]
        );
        // A recovery only counts if the data determine the parameter.
        assert!(
            standard_errors[i] < 0.4 * truth,
            "{name}: standard error {}",
            standard_errors[i]
        );
    }
}

#[test]
fn parameters_of_simulated_customers_are_recovered() {
    let beta_geometric = [0.8, 9.0, 0.9, 2.5];
    for kind in [ModelKind::BgNbd, ModelKind::MbgNbd] {
        let rows = simulated_orders(kind, beta_geometric, 20_000, 1);
        check_recovery(&report_of(kind, &rows), &beta_geometric);
    }
    let pareto = [0.8, 9.0, 0.9, 20.0];
    let rows = simulated_orders(ModelKind::ParetoNbd, pareto, 20_000, 1);
    check_recovery(&report_of(ModelKind::ParetoNbd, &rows), &pareto);
}

#[test]
fn stages_and_parameters_of_regular_buyers_are_recovered() {
    for (stages, truth) in [
        (2, [0.8, 4.5, 0.9, 2.5]),
        (4, [1.5, 2.0, 0.6, 2.0]),
        (7, [2.0, 1.5, 0.8, 4.0]),
    ] {
        let stages = Stages::new(stages).unwrap();
        let kind = ModelKind::MbgCnbd(stages);
        let rows = simulated_orders(kind, truth, 10_000, 1);
        let choice = choose_stages(&rows, None).unwrap();
        println!("{stages:?}: {:?}", choice.log_likelihoods);
        assert_eq!(choice.stages, stages);
        assert!(choice.gain() > 100.0);
        let report = report_of(kind, &rows);
        check_recovery(&report, &truth);
        let mut tried = choice.log_likelihoods.iter();
        let (_, found) = tried.find(|(one, _)| *one == stages).unwrap();
        assert!((found - report.log_likelihood).abs() < 1e-3, "{found}");
        // What a fit of the model with one stage finds is what MBG/NBD finds.
        let one = report_of(ModelKind::MbgCnbd(Stages::ONE), &rows);
        let mbg = report_of(ModelKind::MbgNbd, &rows);
        assert!((one.log_likelihood - mbg.log_likelihood).abs() < 1e-6);
        assert!((choice.gain() - (report.log_likelihood - mbg.log_likelihood)).abs() < 1e-3);
    }
}

#[test]
fn random_buyers_have_one_stage() {
    let truth = [0.8, 9.0, 0.9, 2.5];
    for (customers, seed) in [(5_000, 1), (5_000, 2), (300, 3), (300, 4)] {
        let rows = simulated_orders(ModelKind::MbgNbd, truth, customers, seed);
        let choice = choose_stages(&rows, None).unwrap();
        println!("{:?}", choice.log_likelihoods);
        assert_eq!(choice.stages, Stages::ONE);
        assert!(choice.gain().abs() < f64::EPSILON);
        assert_eq!(choice.log_likelihoods.len(), 2, "two stages are tried");
    }
}

#[test]
fn a_prior_of_orders_is_the_same_for_any_number_of_stages() {
    let stages = Stages::new(3).unwrap();
    let rows = simulated_orders(ModelKind::MbgCnbd(stages), [0.8, 3.0, 0.9, 2.5], 2_000, 1);
    // So sharp that it alone decides: r, and weeks per order, not per stage.
    let prior = LogNormalPrior::new([0.8, 9.0, 0.9, 2.5], [1e-4; 4]).unwrap();
    for stages in [Stages::ONE, stages] {
        let kind = ModelKind::MbgCnbd(stages);
        let fit = fit_orders_with_prior(kind, &rows, &prior).unwrap();
        let [r, alpha, ..] = fit.model.parameters();
        assert!((r / 0.8 - 1.0).abs() < 1e-2, "{r}");
        assert!(
            (alpha * stages.as_f64() / 9.0 - 1.0).abs() < 1e-2,
            "{alpha}"
        );
    }
    let choice = choose_stages(&rows, Some(&prior)).unwrap();
    assert_eq!(choice.stages, stages);
    // The prior is no part of the likelihood.
    let free = fit_orders(ModelKind::MbgCnbd(stages), &rows).unwrap();
    let (_, held) = choice
        .log_likelihoods
        .iter()
        .find(|it| it.0 == stages)
        .unwrap();
    assert!((held - free.report.log_likelihood).abs() < 20.0, "{held}");
}

#[test]
fn effects_of_covariates_are_recovered() {
    let names = ["member".to_owned(), "distance".to_owned()];
    let (order_effects, dropout_effects) = ([0.7, -0.02], [-0.5, 0.03]);
    for kind in ModelKind::ALL {
        let (base, index, sign) = match kind {
            ModelKind::BgNbd | ModelKind::MbgNbd => ([0.9, 8.0, 0.9, 2.5], 2, 1.0),
            ModelKind::MbgCnbd(_) => ([0.9, 4.0, 0.9, 2.5], 2, 1.0),
            ModelKind::ParetoNbd => ([0.9, 8.0, 0.9, 20.0], 3, -1.0),
        };
        let mut random = Random::new(11);
        let groups: Vec<CovariateGroup> = [0.0, 1.0]
            .into_iter()
            .flat_map(|member| [0.0, 10.0, 25.0].map(|distance| [member, distance]))
            .map(|values| {
                let effect = |effects: [f64; 2]| effects[0] * values[0] + effects[1] * values[1];
                let mut parameters = base;
                parameters[1] *= (-effect(order_effects)).exp();
                parameters[index] *= (sign * effect(dropout_effects)).exp();
                let model = OrderModel::new(kind, parameters).unwrap();
                let row = |_| simulated_row(&model, 420, &mut random);
                CovariateGroup {
                    values: values.to_vec(),
                    rows: (0..4_000).map(row).collect(),
                }
            })
            .collect();
        let (model, report) = fit_with_covariates(kind, &names, &groups, None).unwrap();
        assert_eq!(model.ranges().len(), names.len());
        for (at, range) in model.ranges().iter().enumerate() {
            let values = || groups.iter().map(|group| group.values[at]);
            assert!(values().all(|value| (range[0]..=range[1]).contains(&value)));
            assert!(
                range
                    .iter()
                    .all(|end| values().any(|value| value.total_cmp(end).is_eq()))
            );
        }
        assert!(report.convergence.is_converged(), "{report:?}");
        let standard_errors = report.standard_errors().unwrap();
        // Parameters are those at the means of the covariates.
        let effect = |effects: [f64; 2]| super::super::matrix::dot(&effects, model.means());
        let mut at_means = base;
        at_means[1] *= (-effect(order_effects)).exp();
        at_means[index] *= (sign * effect(dropout_effects)).exp();
        let truth = [&at_means[..], &order_effects, &dropout_effects].concat();
        for (i, truth) in truth.iter().enumerate() {
            let distance = (report.estimates[i] - truth).abs() / standard_errors[i];
            assert!(
                distance < 3.5,
                "{}: {} for {truth}",
                report.parameter_names[i],
                report.estimates[i]
            );
        }
        for (at, effect) in [(4, order_effects[0]), (6, dropout_effects[0])] {
            assert!(
                standard_errors[at] < 0.4 * effect.abs(),
                "{}: standard error {} of {effect}",
                report.parameter_names[at],
                standard_errors[at]
            );
        }
        // The plain model is nested in this one.
        let everyone: Vec<_> = groups.iter().flat_map(|group| group.rows.clone()).collect();
        let plain = report_of(kind, &everyone);
        assert!(report.log_likelihood > plain.log_likelihood + 20.0);
        let mean = model.for_values(model.means()).unwrap();
        assert_eq!(mean.parameters()[..], report.estimates[..4]);
    }
}

#[test]
fn a_prior_makes_hopeless_data_answerable_and_fades_with_more_data() {
    let truth = [0.8, 9.0, 0.9, 2.5];
    let prior = LogNormalPrior::new([1.0, 10.0, 1.0, 2.0], [1.0; 4]).unwrap();
    let few = [
        CollapsedRow::new(1, 7, 70, 3).unwrap(),
        CollapsedRow::new(0, 0, 70, 9).unwrap(),
        CollapsedRow::new(4, 50, 70, 1).unwrap(),
        CollapsedRow::new(2, 20, 70, 1).unwrap(),
    ];
    assert!(report_of(ModelKind::MbgNbd, &few).held.is_some());
    let fit = fit_orders_with_prior(ModelKind::MbgNbd, &few, &prior).unwrap();
    assert!(fit.report.convergence.is_converged(), "{:?}", fit.report);
    let rows = simulated_orders(ModelKind::MbgNbd, truth, 20_000, 1);
    let with = fit_orders_with_prior(ModelKind::MbgNbd, &rows, &prior)
        .unwrap()
        .report;
    let without = report_of(ModelKind::MbgNbd, &rows);
    let standard_errors = without.standard_errors().unwrap();
    for (i, error) in standard_errors.iter().enumerate() {
        assert!((with.estimates[i] - without.estimates[i]).abs() < 0.5 * error);
    }
    assert!(with.log_likelihood <= without.log_likelihood);
    assert!(LogNormalPrior::new([1.0, -1.0, 1.0, 1.0], [1.0; 4]).is_err());
}

#[test]
fn spend_parameters_of_simulated_customers_are_recovered() {
    let [p, q, v] = [4.0, 3.5, 20.0];
    let mut random = Random::new(2);
    let spend: Vec<SpendRow> = (0..5_000_u32)
        .map(|i| {
            let x = 1 + i % 6;
            let rate = random.gamma(q) / v;
            let total: f64 = (0..x).map(|_| random.gamma(p) / rate).sum();
            SpendRow::new(x, total / f64::from(x), 1).unwrap()
        })
        .collect();
    check_recovery(&fit_spend(&spend).unwrap().report, &[p, q, v]);
}
