//! Forecasts that need no model: what anybody would write into a spreadsheet.
//!
//! Only repeat orders count: the first order of a customer comes once. Beyond that no rule is right everywhere, so there are three. The
//! year before the split as it was says too little of customers who came during it, and too much of those who leave; on a young
//! population the two happen to cancel for some lengths of holdout. The pace puts the first right and so shows the second: Wuebben and
//! von Wangenheim (2008), "Instant Customer Base Analysis", Journal of Marketing 72(3), call it the heuristic of managers. The mean
//! shows what telling customers apart gains.

use super::{
    forecast::Compared,
    number,
    population::{Population, Subject, YEAR_DAYS},
};

/// What the baselines of one quantity know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Baseline {
    /// The holdout as a part of a year.
    part_of_year: f64,
    /// Of all customers together, for each day after the first purchase.
    per_day: f64,
    /// Of a customer on average in the year before the split.
    mean: f64,
}

impl Baseline {
    /// Those of orders.
    pub(super) fn of_orders(population: &Population) -> Self {
        Self::new(population, |one| Some(f64::from(one.last_year_repeats)))
    }

    /// Those of spend, of the customers whose amounts are known.
    pub(super) fn of_spend(population: &Population) -> Self {
        Self::new(population, |one| Some(one.known_spend?.last_year_repeats))
    }

    fn new(population: &Population, last_year: impl Fn(&Subject) -> Option<f64>) -> Self {
        let (mut customers, mut days, mut sum) = (0, 0.0, 0.0);
        for subject in population.subjects() {
            if let Some(repeats) = last_year(subject) {
                customers += 1;
                days += f64::from(subject.observed_days());
                sum += repeats;
            }
        }
        Self {
            part_of_year: f64::from(population.window().holdout_days()) / f64::from(YEAR_DAYS),
            per_day: if days > 0.0 { sum / days } else { 0.0 },
            mean: sum / number(customers).max(1.0),
        }
    }

    /// What came of a customer and what the model expected, beside what the baselines make of the repeats of the year.
    pub(super) fn compared(
        &self,
        subject: &Subject,
        last_year_repeats: f64,
        actual: f64,
        expected: f64,
    ) -> Compared {
        // A customer of three days who came back once would else be taken to come every third day.
        let unseen_days = f64::from(YEAR_DAYS) - f64::from(subject.observed_days());
        Compared {
            actual,
            expected,
            pooled: None,
            last_year: last_year_repeats * self.part_of_year,
            pace: (last_year_repeats + self.per_day * unseen_days) * self.part_of_year,
            mean: self.mean * self.part_of_year,
        }
    }
}
