//! What is refused, what has no answer, and what must come out by hand.

use super::frozen_model;
use crate::domain::clv::gamma_gamma::{GammaGamma, NoMean, SpendHistory};
use crate::domain::clv::history::PurchaseHistory;
use crate::domain::clv::lifetime::{Horizon, discounted_value, newcomer_value};
use crate::domain::clv::model::{ModelFamily, ModelKind, OrderModel};
use crate::domain::clv::reference::relative_difference;
use crate::domain::clv::season::TimeAhead;

#[test]
fn impossible_parameters_and_spends_are_refused_by_name() {
    for kind in ModelKind::ALL {
        for (i, name) in kind.parameter_names().into_iter().enumerate() {
            for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-310] {
                let mut parameters = [1.0; 4];
                parameters[i] = bad;
                assert_eq!(OrderModel::new(kind, parameters).unwrap_err().name, name);
            }
        }
        assert_eq!(ModelFamily::from_name(kind.name()), Some(kind.family()));
        assert_eq!(kind.family().with_stages(kind.stages()), kind);
    }
    assert_eq!(GammaGamma::new(1.0, -1.0, 1.0).unwrap_err().name, "q");
    for bad in [0.0, -3.0, f64::NAN, f64::INFINITY] {
        assert!(SpendHistory::new(1, bad).is_err());
    }
    assert!(SpendHistory::new(0, 5.0).is_err());
}

#[test]
fn a_spend_model_without_a_mean_says_so_instead_of_a_negative_number() {
    let history = SpendHistory::new(3, 20.0).unwrap();
    for q in [0.4, 1.0] {
        let model = GammaGamma::new(6.0, q, 15.0).unwrap();
        assert_eq!(model.expected_spend(Some(&history)), Err(NoMean { q }));
        assert_eq!(model.expected_spend(None), Err(NoMean { q }));
    }
}

#[test]
fn impossible_horizons_are_refused() {
    assert!(Horizon::new(0, 0.01, 4.3).is_err());
    assert!(Horizon::new(1_201, 0.01, 4.3).is_err());
    assert!(Horizon::new(12, -0.01, 4.3).is_err());
    assert!(Horizon::new(12, f64::NAN, 4.3).is_err());
    assert!(Horizon::new(12, 0.01, 0.0).is_err());
}

#[test]
fn without_discount_the_value_is_margin_times_orders() {
    let model = frozen_model("mbgnbd");
    let history = PurchaseHistory::from_days(2, 213, 272).unwrap();
    let horizon = Horizon::new(24, 0.0, 4.345).unwrap();
    let orders = model.outlook(&history).expected_orders(horizon.weeks());
    let value = discounted_value(&model, &history, -7.5, &horizon);
    assert!(relative_difference(value, -7.5 * orders) < 1e-13);
}

#[test]
fn a_newcomer_is_worth_the_first_order_and_the_orders_to_come() {
    let model = frozen_model("bgnbd");
    let year = Horizon::new(12, 0.0, 52.0 / 12.0).unwrap();
    // 1.444 repeat orders in the first year (BTYD walkthrough, page 22).
    let value = newcomer_value(&model, 30.0, 10.0, &year, &TimeAhead::CALENDAR);
    assert!((value - (30.0 + 14.44)).abs() < 0.005, "{value}");
}
