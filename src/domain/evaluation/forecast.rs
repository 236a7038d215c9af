//! What a model expected of each customer, beside what came and what forecasts without a model would have said.

use std::collections::HashMap;

use super::{
    baseline::Baseline,
    population::{Population, Subject},
};
use crate::domain::{
    customer::CustomerKind,
    value::{gamma_gamma::GammaGamma, model::OrderModel},
};

/// A model that knows nothing after the split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CandidateModel {
    /// Orders.
    pub orders: OrderModel,
    /// Spend per order; `None` where there is no such model, or one without a mean.
    pub spend: Option<GammaGamma>,
}

/// The models of persons and of companies, which may be one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CandidateModels {
    /// Of persons.
    pub person: CandidateModel,
    /// Of companies.
    pub company: CandidateModel,
}

impl CandidateModels {
    /// One model for all.
    #[must_use]
    pub const fn of_all(model: CandidateModel) -> Self {
        Self {
            person: model,
            company: model,
        }
    }

    /// That of a kind; employees have none of their own and are never asked for.
    #[must_use]
    pub const fn of(&self, kind: CustomerKind) -> &CandidateModel {
        match kind {
            CustomerKind::Company => &self.company,
            CustomerKind::Person | CustomerKind::Employee => &self.person,
        }
    }
}

/// One customer's quantity in the holdout: what came, and what each forecaster expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// What came.
    pub actual: f64,
    /// By the model.
    pub expected: f64,
    /// As in the year before the split.
    pub last_year: f64,
    /// At the pace of that year.
    pub pace: f64,
    /// As all on average.
    pub mean: f64,
}

/// What was expected of one customer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Orders in the holdout.
    pub orders: Compared,
    /// Spend in the holdout, major units; `None` where amounts cannot be converted or there is no spend model.
    pub spend: Option<Compared>,
    /// Probability of an order in the holdout, by the model.
    pub buys_again: f64,
}

/// Forecasts of all customers, in their order.
pub(super) fn forecasts(population: &Population, models: &CandidateModels) -> Vec<Forecast> {
    let subjects = population.subjects();
    let window = population.window();
    let weeks = window.holdout_weeks();
    let of_orders = Baseline::of_orders(population);
    let of_spend = Baseline::of_spend(population);
    // Once for each distinct history.
    let mut known: HashMap<(CustomerKind, u32, u32, u32), (f64, f64)> = HashMap::new();
    let forecast = |subject: &Subject| {
        let model = models.of(subject.kind);
        let row = subject.row();
        let key = (
            subject.kind,
            row.frequency(),
            row.recency_days(),
            row.age_days(),
        );
        let (expected, buys_again) = *known.entry(key).or_insert_with(|| {
            let outlook = model.orders.outlook(subject.history());
            let none = outlook.probability_of_orders(0, weeks);
            (outlook.expected_orders(weeks), (1.0 - none).clamp(0.0, 1.0))
        });
        let orders = of_orders.compared(
            subject,
            f64::from(subject.last_year_repeats),
            f64::from(subject.holdout_orders),
            expected,
        );
        let spend = spend_per_order(subject, model).and_then(|per_order| {
            let repeats = subject.known_spend?.last_year_repeats;
            let came = subject.holdout_spend?;
            Some(of_spend.compared(subject, repeats, came, expected * per_order))
        });
        Forecast {
            orders,
            spend,
            buys_again,
        }
    };
    subjects.iter().map(forecast).collect()
}

/// Expected spend per order: Fader and Hardie (2013), note 025, equation 5.
fn spend_per_order(subject: &Subject, model: &CandidateModel) -> Option<f64> {
    subject.known_spend?;
    let expected = model
        .spend?
        .expected_spend(subject.spend_history().as_ref());
    expected.ok()
}
