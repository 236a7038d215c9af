//! What must hold for every history and every parameter.

use proptest::prelude::{prop_assert, proptest};

use crate::domain::value::gamma_gamma::{GammaGamma, SpendHistory};
use crate::domain::value::history::PurchaseHistory;
use crate::domain::value::model::{ModelKind, OrderModel};

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
}
