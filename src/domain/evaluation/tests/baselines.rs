//! Forecasts that need no model, and errors of all, on examples small enough to reckon by hand.

use super::super::{
    accuracy::{Forecaster, accuracies},
    forecast::{Compared, forecasts},
    ranking::{perfect_gini, rankings},
};
use super::by_hand::population;
use super::*;
use crate::domain::clv::gamma_gamma::GammaGamma;

pub(super) fn compared(actual: f64, expected: f64) -> Compared {
    Compared {
        actual,
        expected,
        pooled: None,
        last_year: 2.0,
        pace: 3.0,
        mean: 1.0,
    }
}

#[test]
fn errors_of_the_model_and_of_the_baselines() {
    let customers = [compared(3.0, 2.0), compared(0.0, 0.5), compared(1.0, 1.0)];
    let [model, last_year, pace, mean] = accuracies(&customers.iter()).try_into().unwrap();
    assert_eq!(model.forecaster, Forecaster::Model);
    assert_eq!(model.customers, 3);
    assert_near("actual", model.actual_total, 4.0, 1e-15);
    assert_near("expected", model.expected_total, 3.5, 1e-15);
    assert_near("MAE", model.mean_absolute_error, 0.5, 1e-15);
    assert_near(
        "RMSE",
        model.root_mean_squared_error,
        (1.25_f64 / 3.0).sqrt(),
        1e-15,
    );
    assert_near("bias", model.bias, -0.5 / 3.0, 1e-15);
    assert_eq!(last_year.forecaster, Forecaster::LastYear);
    assert_near(
        "last year's MAE",
        last_year.mean_absolute_error,
        4.0 / 3.0,
        1e-15,
    );
    assert_eq!(pace.forecaster, Forecaster::Pace);
    assert_near("the pace's bias", pace.bias, 5.0 / 3.0, 1e-15);
    assert_eq!(mean.forecaster, Forecaster::Mean);
    assert_near("the mean's bias", mean.bias, -1.0 / 3.0, 1e-15);
    assert_near(
        "the mean's RMSE",
        mean.root_mean_squared_error,
        (5.0_f64 / 3.0).sqrt(),
        1e-15,
    );
}

#[test]
fn the_baselines_carry_repeat_orders_on_and_nobodys_first_one() {
    let population = population();
    let model = OrderModel::new(
        crate::domain::clv::model::ModelKind::MbgNbd,
        [0.5, 6.0, 0.9, 1.6],
    );
    let spend = GammaGamma::new(6.0, 4.0, 15.0).unwrap();
    let model = candidate(Parameters::pooled(set(model.unwrap(), Some(spend))));
    let found = forecasts(&population, &model);
    // A fifth of a year lies ahead. Repeat orders of the year behind: 2 by Ada, 1 by the returner, whose other order is a first one, and
    // none by the company, which came on the last day. They had 365, 180 and 0 days to place one: 3 orders in 545 days is their pace,
    // and fills the 185 days before the returner's first order and all 365 of the company.
    let per_day = 3.0 / 545.0;
    let expected = [
        (2.0 / 5.0, 2.0 / 5.0, 2.0),
        (1.0 / 5.0, (1.0 + 185.0 * per_day) / 5.0, 0.0),
        (0.0, 365.0 * per_day / 5.0, 0.0),
    ];
    for (forecast, (last_year, pace, actual)) in found.iter().zip(expected) {
        assert_near("last year", forecast.orders.last_year, last_year, 1e-12);
        assert_near("pace", forecast.orders.pace, pace, 1e-12);
        assert_near("mean", forecast.orders.mean, 1.0 / 5.0, 1e-12);
        assert_near("actual", forecast.orders.actual, actual, 1e-12);
    }
    // Euros of the same days: 70 by Ada, 1 by the returner.
    let per_day = 71.0 / 545.0;
    let expected = [
        (70.0 / 5.0, 70.0 / 5.0),
        (1.0 / 5.0, (1.0 + 185.0 * per_day) / 5.0),
        (0.0, 365.0 * per_day / 5.0),
    ];
    for (forecast, (last_year, pace)) in found.iter().zip(expected) {
        let spend = forecast.spend.unwrap();
        assert_near("last year's spend", spend.last_year, last_year, 1e-12);
        assert_near("spend at the pace", spend.pace, pace, 1e-12);
        assert_near("mean spend", spend.mean, 71.0 / 3.0 / 5.0, 1e-12);
    }
}

#[test]
fn without_a_day_to_repeat_in_the_baselines_say_nothing_comes() {
    let window = Window::new(day("2025-06-30"), day("2025-09-11")).unwrap();
    let mut population = Population::new(window);
    let first = [purchase(day("2025-06-30"), 500)];
    add(&mut population, CustomerKind::Person, &first);
    let model = OrderModel::new(
        crate::domain::clv::model::ModelKind::MbgNbd,
        [0.5, 6.0, 0.9, 1.6],
    );
    let found = forecasts(&population, &models(model.unwrap()))[0].orders;
    assert_eq!((found.last_year, found.pace, found.mean), (0.0, 0.0, 0.0));
    assert!(found.expected > 0.0);
}

#[test]
fn ranks_come_to_one_number_each() {
    let customers = [
        compared(4.0, 0.9),
        compared(0.0, 0.5),
        compared(1.0, 0.5),
        compared(0.0, 0.1),
    ];
    let found = rankings(&customers.iter());
    // The model's curve goes through 4/5 at a quarter, 5/5 at three quarters (the two equals share 1) and 1: its area is
    // 1/4 * 0.4 + 1/2 * 0.9 + 1/4 * 1 = 0.8. The best goes through 4/5 and 5/5 at a half: 1/4 * 0.4 + 1/4 * 0.9 + 1/2 = 0.825.
    assert_near("Gini", found[0].gini.unwrap(), 0.6, 1e-12);
    let best = perfect_gini(customers.iter());
    assert_near("the best", best.unwrap(), 0.65, 1e-12);
    // Ranks 4, 2.5, 2.5, 1 and 4, 1.5, 3, 1.5, less 2.5 each: products 2.25 + 0 + 0 + 1.5, squares 4.5 each.
    let correlation = found[0].rank_correlation.unwrap();
    assert_near("Spearman", correlation, 3.75 / 4.5, 1e-12);
    // The mean tells nobody apart.
    assert_eq!(found[3].forecaster, Forecaster::Mean);
    assert_near("at random", found[3].gini.unwrap(), 0.0, 1e-12);
    assert_eq!(found[3].rank_correlation, None);
    let nothing = rankings(&[compared(0.0, 1.0)].iter())[0];
    assert_eq!((nothing.gini, nothing.rank_correlation), (None, None));
}
