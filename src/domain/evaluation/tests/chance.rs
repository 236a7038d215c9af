//! What is said of chances, on examples small enough to reckon by hand: intervals of customers, samples of them, who buys again.

use super::super::{
    buyers::buyers,
    coverage::{Within, coverage, within},
    sample::choose,
};
use super::*;
use crate::domain::clv::interval::Distribution;

#[test]
fn an_outcome_is_spread_over_the_probability_that_it_had() {
    // Ten futures: 0 with 70 %, 1 with 20 %, 5 with 10 %.
    let futures = Distribution::of_outcomes(vec![0.0, 0.0, 5.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    // The central 80 % are from 10 to 90 % of the order; 0 has 0 to 70 % of it, 1 has 70 to 90 %, 5 has 90 to 100 %.
    let [(inside, calibrated), _]: Within = within(&futures, 0.0);
    assert!(inside);
    assert_near("0", calibrated, 0.6 / 0.7, 1e-12);
    assert_near("1", within(&futures, 1.0)[0].1, 1.0, 1e-12);
    assert_near("5", within(&futures, 5.0)[0].1, 0.0, 1e-9);
    assert!(!within(&futures, 5.0)[0].0 && within(&futures, 5.0)[1].0);
    // In no future: between two, beyond all, below all.
    assert_eq!(within(&futures, 0.5)[0], (true, 1.0));
    assert_eq!(within(&futures, 7.0)[1], (false, 0.0));
    assert_eq!(within(&futures, -1.0)[1], (false, 0.0));
    // Over outcomes as frequent as the futures, the level comes out exactly.
    let outcomes: Vec<Within> = [0.0; 7]
        .into_iter()
        .chain([1.0, 1.0, 5.0])
        .map(|outcome| within(&futures, outcome))
        .collect();
    let outcomes: Vec<(f64, Within)> = outcomes.into_iter().map(|one| (1.0, one)).collect();
    let [eighty, ninety] = coverage(&outcomes).try_into().unwrap();
    assert_near("80 %", eighty.calibrated_share, 0.8, 1e-9);
    assert_near("90 %", ninety.calibrated_share, 0.9, 1e-9);
    assert_near("plainly", eighty.within_share, 0.9, 1e-12);
    assert_eq!((ninety.customers, ninety.level), (10, 0.9));
    assert!(coverage(&[]).is_empty());
}

#[test]
fn a_rare_kind_is_sampled_as_well_and_counts_no_more_than_it_is() {
    let window = Window::new(day("2025-06-30"), day("2025-07-07")).unwrap();
    let mut population = Population::new(window);
    for at in 0..1_000 {
        // Two percent are companies.
        let kind = if at % 50 == 0 {
            CustomerKind::Company
        } else {
            CustomerKind::Person
        };
        let first = day("2025-01-01").plus_days(at % 90);
        add(&mut population, kind, &[purchase(first, 100)]);
    }
    population.sort();
    let chosen = choose(&population, 50);
    let of_kind = |kind| {
        let of_kind = |subject: usize| population.subjects()[subject].kind() == kind;
        let weights = chosen.iter().filter(|one| of_kind(one.subject));
        weights.map(|one| one.weight).collect::<Vec<_>>()
    };
    // All 20 companies, each for itself; 50 of 980 persons, each for 19.6 of them.
    assert_eq!(of_kind(CustomerKind::Company), [1.0; 20]);
    assert_eq!(of_kind(CustomerKind::Person), [19.6; 50]);
    assert_eq!(choose(&population, 50), chosen, "and always the same");
    // If every company lies within and no person does, that is 2 % of all customers.
    let outcome = |weight: f64| {
        let inside = f64::from(u8::from(weight < 2.0));
        (weight, [(weight < 2.0, inside); 2])
    };
    let outcomes: Vec<(f64, Within)> = chosen.iter().map(|one| outcome(one.weight)).collect();
    for found in coverage(&outcomes) {
        assert_eq!(found.customers, 70);
        assert_near("within", found.within_share, 0.02, 1e-12);
        assert_near("calibrated", found.calibrated_share, 0.02, 1e-12);
    }
}

#[test]
fn who_buys_again_is_predicted_with_a_squared_error() {
    // Two of four bought. (0.1^2 + 0.4^2 + 0.6^2 + 0.1^2) / 4 = 0.54 / 4; half for everybody would be 0.25 off each.
    let found = buyers(&[(0.9, 1.0), (0.6, 1.0), (0.6, 0.0), (0.1, 0.0)]);
    assert_near("bought", found.actual_share, 0.5, 1e-15);
    assert_near("predicted", found.expected_share, 0.55, 1e-15);
    assert_near("Brier", found.brier_score, 0.135, 1e-15);
    assert_near("uninformed", found.baseline_brier_score, 0.25, 1e-15);
    let first = found.deciles[0];
    assert_near("the best", first.expected_mean, 0.9, 1e-15);
    assert_near("did", first.actual_mean, 1.0, 1e-15);
    let nobody = buyers(&[]);
    assert_eq!((nobody.brier_score, nobody.deciles.len()), (0.0, 0));
}

#[test]
fn the_probability_to_buy_again_is_that_of_the_model() {
    let population = super::by_hand::population();
    let model = OrderModel::new(
        crate::domain::clv::model::ModelKind::MbgNbd,
        [0.5, 6.0, 0.9, 1.6],
    )
    .unwrap();
    let found = evaluate(&population, &models(model), 1);
    let weeks = population.window().holdout_weeks();
    let none = population.subjects().iter().map(|subject| {
        let outlook = model.outlook(subject.history());
        outlook.probability_of_orders(0, weeks)
    });
    let none: f64 = none.sum();
    let all = &found.groups[0];
    // Of three customers, Ada came back.
    assert_near("share", all.buyers.actual_share, 1.0 / 3.0, 1e-15);
    let expected = 1.0 - none / 3.0;
    assert_near("expected", all.buyers.expected_share, expected, 1e-12);
    assert_eq!(all.orders.total, None, "nobody knows how uncertain it is");
}

#[test]
fn a_total_that_may_be_anything_has_no_interval() {
    let population = super::by_hand::population();
    let model = |r: f64| {
        OrderModel::new(
            crate::domain::clv::model::ModelKind::MbgNbd,
            [r, 6.0, 0.9, 1.6],
        )
        .unwrap()
    };
    // Standard error of ln r: half a unit, and 500, of which some draws are beyond all numbers.
    for (error, is_known) in [(0.5, true), (500.0, false)] {
        let covariance: Vec<Vec<f64>> = (0..4)
            .map(|i| {
                let variance = if i == 0 { error * error } else { 1e-6 };
                (0..4)
                    .map(|j| if i == j { variance } else { 0.0 })
                    .collect()
            })
            .collect();
        let parameters = ParameterSet {
            orders_log_covariance: Some(covariance),
            estimation: Estimation::MaximumLikelihood,
            ..set(model(0.5), None)
        };
        let model = candidate(Parameters::pooled(parameters));
        let found = evaluate(&population, &model, 1);
        let total = found.groups[0].orders.total;
        assert_eq!(total.is_some(), is_known, "{total:?}");
        assert_eq!(found.interval_customers, 3);
    }
}
