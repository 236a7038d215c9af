//! What must hold for every history and every parameter.

use proptest::prelude::{prop_assert, proptest};

use crate::domain::clv::discount::DiscountRate;
use crate::domain::clv::gamma_gamma::{GammaGamma, SpendHistory};
use crate::domain::clv::history::PurchaseHistory;
use crate::domain::clv::lifetime::continuously_discounted_orders;
use crate::domain::clv::model::{ModelKind, OrderModel};
use crate::domain::clv::random::Random;
use crate::domain::clv::rates::Dropout;
use crate::domain::clv::simulation::{DrawnCustomer, Ending};
use crate::domain::clv::stages::Stages;

proptest! {
    #[test]
    fn no_history_and_no_parameters_give_an_impossible_answer(
        kind in proptest::sample::select(&ModelKind::ALL[..]),
        logs in proptest::array::uniform4(-14.0..14.0_f64),
        frequency in 0..3_000_u32,
        recency_days in 1..20_000_u32,
        silent_days in 0..20_000_u32,
        weeks in 0.0..5_000.0_f64,
    ) {
        let model = OrderModel::new(kind, logs.map(f64::exp)).unwrap();
        let recency_days = if frequency == 0 { 0 } else { recency_days };
        let history = PurchaseHistory::from_days(frequency, recency_days, recency_days + silent_days).unwrap();
        let alive = model.probability_alive(&history);
        prop_assert!((0.0..=1.0).contains(&alive), "{alive}");
        prop_assert!(model.log_likelihood(&history).is_finite());
        let orders = model.outlook(&history).expected_orders(weeks);
        prop_assert!(orders.is_finite() && orders >= 0.0, "{model:?} {history:?}: {orders}");
    }

    #[test]
    fn no_parameters_give_an_impossible_probability_or_residual(
        kind in proptest::sample::select(&ModelKind::ALL[..]),
        logs in proptest::array::uniform4(-12.0..12.0_f64),
        frequency in 0..1_000_u32,
        silent_days in 0..5_000_u32,
        weeks in 0.0..3_000.0_f64,
        orders in 0..200_u32,
        ln_discount in -10.0..2.0_f64,
    ) {
        let model = OrderModel::new(kind, logs.map(f64::exp)).unwrap();
        let recency_days = frequency.min(1) * 2_000;
        let history = PurchaseHistory::from_days(frequency, recency_days, recency_days + silent_days).unwrap();
        let outlook = model.outlook(&history);
        let alive = outlook.probability_alive_after(weeks);
        prop_assert!((0.0..=1.0).contains(&alive), "{model:?} {history:?}: alive {alive}");
        let probability = outlook.probability_of_orders(orders, weeks);
        prop_assert!((0.0..=1.0 + 1e-9).contains(&probability), "{model:?} {history:?}: {probability}");
        let discount = DiscountRate::continuous_per_week(ln_discount.exp()).unwrap();
        let residual = outlook.discounted_residual_orders(discount);
        prop_assert!(residual.is_finite() && residual >= 0.0, "{model:?} {history:?}: residual {residual}");
        let rates = model.rates(&history);
        prop_assert!(rates.orders_per_week.is_finite() && rates.orders_per_week > 0.0, "{rates:?}");
    }

    #[test]
    fn silence_never_makes_a_customer_more_alive(
        kind in proptest::sample::select(&ModelKind::ALL[..]),
        logs in proptest::array::uniform4(-5.0..5.0_f64),
        frequency in 1..300_u32,
        silent_days in 0..3_000_u32,
    ) {
        let model = OrderModel::new(kind, logs.map(f64::exp)).unwrap();
        let alive_after = |days| model.probability_alive(&PurchaseHistory::from_days(frequency, 500, 500 + days).unwrap());
        prop_assert!(alive_after(silent_days + 1) <= alive_after(silent_days));
    }

    #[test]
    fn expected_spend_lies_between_the_customers_own_and_the_population_mean(
        p in 0.1..20.0_f64, q in 1.01..20.0_f64, v in 0.01..1e4_f64, x in 1..500_u32, mean in 0.01..1e5_f64,
    ) {
        let model = GammaGamma::new(p, q, v).unwrap();
        let population = model.expected_spend(None).unwrap();
        let spend = model.expected_spend(Some(&SpendHistory::new(x, mean).unwrap())).unwrap();
        let (low, high) = (population.min(mean), population.max(mean));
        prop_assert!(spend >= low * (1.0 - 1e-12) && spend <= high * (1.0 + 1e-12));
    }

    #[test]
    fn probabilities_of_orders_add_up_to_one_and_average_to_the_expectation(
        kind in proptest::sample::select(&ModelKind::ALL[..]),
        logs in proptest::array::uniform4(-1.0..2.0_f64),
        frequency in 0..20_u32,
        silent_days in 0..300_u32,
    ) {
        let model = OrderModel::new(kind, logs.map(f64::exp)).unwrap();
        let recency_days = 30 * frequency.min(1) * 5;
        let history = PurchaseHistory::from_days(frequency, recency_days, recency_days + silent_days).unwrap();
        let outlook = model.outlook(&history);
        let probabilities: Vec<f64> = (0..4_000).map(|n| outlook.probability_of_orders(n, 2.0)).collect();
        let total: f64 = probabilities.iter().sum();
        prop_assert!((total - 1.0).abs() < 1e-9, "{model:?} {history:?}: {total}");
        let mean: f64 = (0_u32..).zip(&probabilities).map(|(n, p)| f64::from(n) * p).sum();
        let expected = outlook.expected_orders(2.0);
        prop_assert!((mean / expected - 1.0).abs() < 1e-7, "{model:?} {history:?}: {mean} {expected}");
    }

    #[test]
    fn a_customer_only_ever_becomes_less_alive_and_orders_flow_from_being_alive(
        kind in proptest::sample::select(&ModelKind::ALL[..]),
        logs in proptest::array::uniform4(-3.0..4.0_f64),
        frequency in 0..50_u32,
        weeks in 0.0..500.0_f64,
    ) {
        let model = OrderModel::new(kind, logs.map(f64::exp)).unwrap();
        let recency_days = frequency.min(1) * 350;
        let history = PurchaseHistory::from_days(frequency, recency_days, recency_days + 20).unwrap();
        let outlook = model.outlook(&history);
        let (now, then, later) = (
            outlook.probability_alive(),
            outlook.probability_alive_after(weeks),
            outlook.probability_alive_after(weeks + 1.0),
        );
        prop_assert!((outlook.probability_alive_after(0.0) - now).abs() < 1e-14);
        prop_assert!(then <= now * (1.0 + 1e-12) && later <= then * (1.0 + 1e-12) && later >= 0.0);
        // The parts add up to the whole, and later weeks bring less.
        let (until_then, after_then, until_later) = (
            outlook.expected_orders(weeks),
            outlook.expected_orders_between(weeks, weeks + 1.0),
            outlook.expected_orders(weeks + 1.0),
        );
        prop_assert!((until_then + after_then - until_later).abs() <= 1e-9 * until_later, "{until_then} + {after_then}, not {until_later}");
        // A regular buyer who has just ordered is not due yet.
        let may_be_due_later = kind.stages() > Stages::ONE;
        prop_assert!(may_be_due_later || after_then <= outlook.expected_orders(1.0) * (1.0 + 1e-9));
        prop_assert!(outlook.expected_orders_between(weeks, weeks).abs() < f64::MIN_POSITIVE);
    }

    #[test]
    fn discounting_for_ever_is_the_limit_of_discounting_for_long(
        kind in proptest::sample::select(&ModelKind::ALL[..]),
        logs in proptest::array::uniform4(-1.0..2.5_f64),
        frequency in 0..20_u32,
        rate in 0.01..0.2_f64,
    ) {
        let model = OrderModel::new(kind, logs.map(f64::exp)).unwrap();
        let recency_days = frequency.min(1) * 350;
        let history = PurchaseHistory::from_days(frequency, recency_days, recency_days + 20).unwrap();
        let outlook = model.outlook(&history);
        let discount = DiscountRate::continuous_per_week(rate).unwrap();
        let for_ever = outlook.discounted_residual_orders(discount);
        let for_long = continuously_discounted_orders(&outlook, 30.0 / rate, discount);
        prop_assert!((for_long / for_ever - 1.0).abs() < 1e-8, "{model:?} {history:?}: {for_long} {for_ever}");
    }
}

#[test]
fn posterior_means_are_those_of_simulated_customers_with_the_same_history() {
    for kind in ModelKind::ALL {
        // Orders as often by all: of more stages, if they take more.
        let per_stage = 5.0 / kind.stages().as_f64();
        let model = OrderModel::new(kind, [1.5, per_stage, 1.5, 4.0]).unwrap();
        let mut random = Random::new(5);
        let (mut orders, mut dropout, mut count) = (0.0, 0.0, 0.0);
        // Everybody with three orders in 10 weeks, the last in the sixth week: near enough the same recency.
        for _ in 0..400_000 {
            let customer = DrawnCustomer::draw(&model.newcomer(), &mut random);
            let times: Vec<f64> = customer.orders(10.0, 4, &mut random).collect();
            if times.len() == 3 && (5.0..6.0).contains(&times[2]) {
                orders += customer.orders_per_week;
                dropout += match customer.ending {
                    Ending::Gone | Ending::AtTime { .. } => 0.0,
                    Ending::AfterOrders { probability } => probability,
                };
                count += 1.0;
            }
        }
        assert!(count > 2_000.0, "{count}");
        let history = PurchaseHistory::from_weeks(3, 5.5, 10.0).unwrap();
        let rates = model.rates(&history);
        assert!(
            (orders / count / rates.orders_per_week - 1.0).abs() < 0.03,
            "{kind:?}"
        );
        match rates.dropout {
            Dropout::PerOrder(mean) => assert!(
                (dropout / count / mean - 1.0).abs() < 0.03,
                "{kind:?} {} {mean}",
                dropout / count
            ),
            // A lifetime does not tell the rate that it was drawn from; `outlooks.rs` has true values.
            Dropout::PerWeek(mean) => assert!(mean > 0.0 && kind == ModelKind::ParetoNbd),
        }
    }
}
