//! Which orders is spend best fitted to? What customers paid for an order of the holdout, beside what each choice expected.
//!
//! The part of orders does not depend on the choice, so it is not looked at: an error of the number of orders would drown that of their
//! amounts. It fits nothing.

use super::{
    accuracy::{Accuracy, Forecaster, accuracy},
    comparison::{CLEARLY, Contender, paired_gain},
    population::Population,
};
use crate::domain::clv::{gamma_gamma::GammaGamma, spend_orders::SpendOrders};

/// How well the spend of an order was predicted by a model fitted to some orders.
#[derive(Debug, Clone, PartialEq)]
pub struct SpendPerOrder {
    /// Of the customers who paid for an order in the holdout: their mean amount of a paid order, major units.
    pub per_order: Accuracy,
    /// Of all customers whose amounts are known, if the number of orders were known: the spend of the holdout, major units.
    pub given_orders: Accuracy,
    squared_errors: Vec<f64>,
}

/// The choice to use, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preferred {
    /// Its place among the choices.
    pub place: usize,
    /// Standard errors of the paired difference to the first choice; `None` for the first itself.
    pub standard_errors: Option<f64>,
}

/// Compares what a model fitted to `orders` expected of an order with what came; `None` when the model has no mean, or nobody paid.
#[must_use]
pub fn spend_per_order(
    population: &Population,
    model: &GammaGamma,
    orders: SpendOrders,
) -> Option<SpendPerOrder> {
    let (mut pairs, mut totals) = (vec![], vec![]);
    for subject in population.subjects() {
        let (Some(known), Some(spend)) = (subject.known_spend, subject.holdout_spend) else {
            continue;
        };
        let own = known.amounts.history(orders);
        let expected = model.expected_spend(own.as_ref()).ok()?;
        totals.push((expected * f64::from(subject.holdout_orders), spend));
        if subject.holdout_paid_orders > 0 {
            pairs.push((expected, spend / f64::from(subject.holdout_paid_orders)));
        }
    }
    let squares = pairs
        .iter()
        .map(|(expected, actual)| (expected - actual).powi(2));
    let squared_errors: Vec<f64> = squares.collect();
    let of = |pairs: Vec<(f64, f64)>| accuracy(Forecaster::Model, pairs.into_iter());
    (!pairs.is_empty()).then(|| SpendPerOrder {
        per_order: of(pairs),
        given_orders: of(totals),
        squared_errors,
    })
}

/// The first of the choices, which is the default, unless another one came closer beyond chance, customer by customer; of several such
/// the closest. `None` without any. A choice that could not be fitted is `None`.
#[must_use]
pub fn prefer(choices: &[Option<&SpendPerOrder>]) -> Option<Preferred> {
    let (first, default) = choices
        .iter()
        .enumerate()
        .find_map(|(place, choice)| Some((place, (*choice)?)))?;
    let contender = |choice: &SpendPerOrder| Contender {
        bic: None,
        squared_errors: choice.squared_errors.clone(),
    };
    let before = contender(default);
    let others = choices.iter().enumerate().filter_map(|(place, choice)| {
        let choice = (*choice)?;
        let gain = paired_gain(&before, &contender(choice))?;
        (gain > CLEARLY).then_some((place, gain, choice.per_order.root_mean_squared_error))
    });
    let best = others.min_by(|(_, _, one), (_, _, other)| one.total_cmp(other));
    Some(match best {
        Some((place, gain, _)) => Preferred {
            place,
            standard_errors: Some(gain),
        },
        None => Preferred {
            place: first,
            standard_errors: None,
        },
    })
}
