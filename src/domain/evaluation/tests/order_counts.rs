//! Customers by number of orders, on two customers whose probabilities the model tells.

use super::super::evaluate;
use super::*;
use crate::domain::clv::model::ModelKind;

#[test]
fn expected_counts_are_sums_of_probabilities_over_the_time_since_the_first_order() {
    let model = OrderModel::new(ModelKind::MbgNbd, [0.8, 6.0, 0.8, 2.5]).unwrap();
    let window = Window::new(day("2025-06-30"), day("2025-09-30")).unwrap();
    let mut population = Population::new(window);
    let first = ["2025-01-01", "2025-05-05"].map(day);
    // Nine repeat orders count as seven or more.
    let often: Vec<PurchaseDay> = (0..10)
        .map(|at| purchase(first[0].plus_days(7 * at), 100))
        .collect();
    add(&mut population, CustomerKind::Person, &often);
    add(
        &mut population,
        CustomerKind::Company,
        &[purchase(first[1], 100)],
    );
    population.sort();
    let found = evaluate(&population, &models(model), 1);
    let counts = &found.groups[0].order_counts;
    let customers: Vec<usize> = counts.iter().map(|it| it.customers).collect();
    assert_eq!(customers, [1, 0, 0, 0, 0, 0, 0, 1]);
    let weeks = first.map(|first| f64::from(window.split() - first) / 7.0);
    let newcomer = model.newcomer();
    for count in &counts[..7] {
        let expected: f64 = weeks
            .map(|weeks| newcomer.probability_of_orders(count.orders, weeks))
            .iter()
            .sum();
        assert_near("expected", count.expected_customers, expected, 1e-12);
    }
    let all: f64 = counts.iter().map(|it| it.expected_customers).sum();
    assert_near("all", all, 2.0, 1e-9);
    // Of each kind its own.
    assert_eq!(found.groups[1].order_counts[7].customers, 1);
    assert_eq!(found.groups[2].order_counts[0].customers, 1);
}
