//! A population whose model is known: what it promises comes true.

use super::*;
use crate::domain::value::fit::{fit_orders, fit_spend};
use crate::domain::value::model::ModelKind;
use crate::domain::value::random::Random;
use crate::domain::value::simulation::DrawnCustomer;

/// Gamma-Gamma, euros.
const SPEND: [f64; 3] = [4.0, 3.5, 20.0];

/// Customers who first bought within the half year from 2024-01-01 on, and what they did until 2025-12-31.
pub(super) fn purchases(model: &OrderModel, random: &mut Random) -> Vec<PurchaseDay> {
    #[expect(clippy::cast_possible_truncation, reason = "days and cents")]
    let whole = |number: f64| number.ceil() as i32;
    let first = day("2024-01-01").plus_days(whole(random.uniform() * 182.0));
    let weeks = f64::from(day("2025-12-31") - first) / 7.0;
    let customer = DrawnCustomer::draw(&model.newcomer(), random);
    let times: Vec<f64> = customer.orders(weeks, usize::MAX, random).collect();
    let [p, q, v] = SPEND;
    let rate = random.gamma(q) / v;
    let days = std::iter::once(0).chain(times.into_iter().map(|weeks| whole(weeks * 7.0)));
    let mut days: Vec<PurchaseDay> = days
        .map(|days| {
            let cents = whole(100.0 * random.gamma(p) / rate);
            purchase(first.plus_days(days), i64::from(cents))
        })
        .collect();
    days.dedup_by_key(|entry| entry.day);
    days
}

#[test]
fn intervals_of_a_right_model_cover_what_they_promise_by_kind_too() {
    let truth = OrderModel::new(ModelKind::MbgNbd, [0.8, 6.0, 0.8, 2.5]).unwrap();
    let mut random = Random::new(41);
    let window = Window::new(day("2024-12-31"), day("2025-12-31")).unwrap();
    let mut population = Population::new(window);
    for at in 0..2_400 {
        let kind = if at % 3 == 0 {
            CustomerKind::Company
        } else {
            CustomerKind::Person
        };
        add(&mut population, kind, &purchases(&truth, &mut random));
    }
    population.sort();
    let orders = fit_orders(ModelKind::MbgNbd, &population.order_rows(None)).unwrap();
    let spend = fit_spend(&population.spend_rows(None)).unwrap();
    let model = candidate(Parameters::pooled(ParameterSet {
        orders: orders.model,
        orders_log_covariance: orders.report.log_covariance,
        spend: Some(SpendParameters {
            model: spend.model,
            currency: "EUR".parse().unwrap(),
            log_covariance: spend.report.log_covariance,
        }),
    }));
    let found = evaluate(&population, &model, 1);
    assert_eq!(found.interval_customers, 2_000, "a sample of them");
    assert_eq!(found.groups.len(), 3);
    let members = found.groups[1..].iter().map(|group| group.customers);
    assert_eq!(members.sum::<usize>(), found.groups[0].customers);
    for group in &found.groups {
        let spend = group.spend.as_ref().unwrap();
        for (name, quantity) in [("orders", &group.orders), ("spend", spend)] {
            let [eighty, ninety] = &quantity.coverage[..] else {
                panic!("{quantity:?}");
            };
            println!("{:?} {name}: {eighty:?} {ninety:?}", group.group);
            assert!((0.86..=0.94).contains(&ninety.calibrated_share));
            assert!((0.75..=0.85).contains(&eighty.calibrated_share));
            assert!(ninety.within_share >= 0.86);
        }
        // The mean of a third of the customers is uncertain by a few percent.
        let model = group.orders.accuracy[0];
        assert!(
            (model.expected_total / model.actual_total - 1.0).abs() < 0.1,
            "{model:?}"
        );
    }
    assert_eq!(evaluate(&population, &model, 1), found);
}
