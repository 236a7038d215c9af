//! Everything that a model says of a customer's future, at ordinary and at extreme inputs, against 34-digit arithmetic.

use serde::Deserialize;

use super::{Worst, kind_of};
use crate::domain::clv::discount::DiscountRate;
use crate::domain::clv::history::PurchaseHistory;
use crate::domain::clv::lifetime::continuously_discounted_orders;
use crate::domain::clv::model::{ModelKind, OrderModel};
use crate::domain::clv::rates::Dropout;
use crate::domain::clv::reference::rows;

#[derive(Deserialize)]
struct Truth {
    model: String,
    tag: String,
    p1: f64,
    p2: f64,
    p3: f64,
    p4: f64,
    x: u32,
    t_x: f64,
    #[serde(rename = "T")]
    age: f64,
    quantity: String,
    /// Weeks, or of a discounted quantity the continuous rate per week.
    from: Option<f64>,
    /// Weeks.
    to: Option<f64>,
    n: Option<u32>,
    // Some true values are below the range of f64 and parse as zero.
    value: f64,
}

/// The quantity of a row and the error that its documentation allows.
fn quantity(row: &Truth, kind: ModelKind) -> (&'static str, f64, f64) {
    let model = OrderModel::new(kind, [row.p1, row.p2, row.p3, row.p4]).unwrap();
    let history = PurchaseHistory::from_weeks(row.x, row.t_x, row.age).unwrap();
    let outlook = if row.age == 0.0 && kind != ModelKind::ParetoNbd {
        // The day of the first order.
        model.newcomer()
    } else {
        model.outlook(&history)
    };
    let (from, to) = (row.from.unwrap_or(0.0), row.to.unwrap_or(0.0));
    let rate = || DiscountRate::continuous_per_week(from).unwrap();
    match row.quantity.as_str() {
        "alive" => ("alive", 1e-12, outlook.probability_alive()),
        "orders_per_week" => (
            "orders per week",
            1e-11,
            model.rates(&history).orders_per_week,
        ),
        "dropout" => match model.rates(&history).dropout {
            Dropout::PerOrder(mean) => ("drop-out per order", 1e-11, mean),
            Dropout::PerWeek(mean) => ("drop-out per week", 1e-11, mean),
        },
        "alive_after" => ("alive after", 1e-10, outlook.probability_alive_after(to)),
        "orders_between" => (
            "orders between",
            1e-10,
            outlook.expected_orders_between(from, to),
        ),
        "mass" => {
            let probability = outlook.probability_of_orders(row.n.unwrap(), to);
            ("probability of orders", 1e-9, probability)
        }
        "discounted" => (
            "discounted for ever",
            1e-8,
            outlook.discounted_residual_orders(rate()),
        ),
        "discounted_until" => (
            "discounted until",
            1e-9,
            continuously_discounted_orders(&outlook, to, rate()),
        ),
        other => panic!("unknown quantity {other}"),
    }
}

#[test]
fn what_lies_ahead_of_a_customer_is_exact_also_where_it_is_hard() {
    let mut worst = Worst::new("outlook");
    let table = include_str!("../../../../tests/reference/outlook.csv");
    for row in rows::<Truth>(table) {
        let kind = kind_of(&row.model).unwrap();
        let (name, tolerance, found) = quantity(&row, kind);
        let at = format!(
            "{} {} x={} {:?} {:?} {:?}",
            row.model, row.tag, row.x, row.from, row.to, row.n
        );
        worst.see(name, tolerance, &at, found, row.value);
    }
    worst.finish();
}
