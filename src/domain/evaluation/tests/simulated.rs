//! A population whose model is known: what it promises comes true.

use super::*;
use crate::domain::clv::fit::{fit_orders, fit_spend};
use crate::domain::clv::model::ModelKind;
use crate::domain::clv::random::Random;
use crate::domain::clv::simulation::DrawnCustomer;

/// Gamma-Gamma, euros.
const SPEND: [f64; 3] = [4.0, 3.5, 20.0];

/// Customers who first bought within the half year from 2024-01-01 on, and what they did until 2025-12-31.
pub(super) fn purchases(model: &OrderModel, random: &mut Random) -> Vec<PurchaseDay> {
    purchases_until(day("2025-12-31"), model, random)
}

/// The same until another day.
pub(super) fn purchases_until(
    until: Day,
    model: &OrderModel,
    random: &mut Random,
) -> Vec<PurchaseDay> {
    #[expect(clippy::cast_possible_truncation, reason = "days and cents")]
    let whole = |number: f64| number.ceil() as i32;
    let first = day("2024-01-01").plus_days(whole(random.uniform() * 182.0));
    let weeks = f64::from(until - first) / 7.0;
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

/// A model fitted on what was known.
pub(super) fn fitted(kind: ModelKind, population: &Population) -> CandidateModel {
    let orders = fit_orders(kind, &population.order_rows(None)).unwrap();
    let spend = fit_spend(&population.spend_rows(None, SpendOrders::All)).unwrap();
    candidate(Parameters::pooled(ParameterSet {
        orders: orders.model,
        orders_log_covariance: orders.report.log_covariance,
        estimation: Estimation::MaximumLikelihood,
        spend: Some(SpendParameters {
            model: spend.model,
            orders: SpendOrders::All,
            currency: "EUR".parse().unwrap(),
            log_covariance: spend.report.log_covariance,
        }),
    }))
}

#[test]
fn a_right_model_keeps_what_it_promises_by_kind_too() {
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
    let model = fitted(ModelKind::MbgNbd, &population);
    let found = evaluate(&population, &model, 1);
    assert_eq!(
        found.interval_customers, 2_400,
        "no more than 2,000 of a kind"
    );
    assert_eq!(found.groups.len(), 3);
    let members = found.groups[1..].iter().map(|group| group.customers);
    assert_eq!(members.sum::<usize>(), found.groups[0].customers);
    for group in &found.groups {
        let spend = group.spend.as_ref().unwrap();
        for (name, quantity) in [("orders", &group.orders), ("spend", spend)] {
            println!("{:?} {name}: {:?}", group.group, quantity.coverage);
            assert_eq!(quantity.coverage.len(), 2);
            for one in &quantity.coverage {
                let n = number(one.customers);
                let error = (one.level * (1.0 - one.level) / n).sqrt();
                let off = (one.calibrated_share - one.level) / error;
                assert!(off.abs() < 3.0, "{name}: {off} standard errors");
                assert!(one.within_share > one.level - 3.0 * error);
            }
            let total = quantity.total.unwrap();
            println!("{total:?}");
            assert!((0.005..0.995).contains(&total.place), "{name}: {total:?}");
            assert_near(
                "actual",
                total.actual,
                quantity.accuracy[0].actual_total,
                1e-6,
            );
            let expected = total.expected / quantity.accuracy[0].expected_total;
            assert_near("averaged over the parameters", expected, 1.0, 0.01);
        }
        // The mean of a third of the customers is uncertain by a few percent.
        let model = group.orders.accuracy[0];
        assert!(
            (model.expected_total / model.actual_total - 1.0).abs() < 0.1,
            "{model:?}"
        );
        let buyers = &group.buyers;
        println!("{buyers:?}");
        assert_near("buyers", buyers.expected_share, buyers.actual_share, 0.04);
        assert!(buyers.brier_score < 0.9 * buyers.baseline_brier_score);
    }
    assert_eq!(evaluate(&population, &model, 1), found);
}
