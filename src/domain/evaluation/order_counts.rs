//! How many customers ordered how often until the split, beside how many the model expects: does it fit what it was fitted to?
//!
//! Expected is the sum over customers of the probability of so many repeat orders in the time since their first one, which is all that is
//! given of them (Fader, Hardie and Lee 2005, figure 2).

use std::{collections::HashMap, sync::Arc};

use super::{bins::LAST_BIN, forecast::CandidateModel, population::Subject, strata::Stratum};
use crate::domain::{
    calendar::Day, clv::history::DAYS_PER_WEEK, fitted::parameters::Selection, stop,
};

/// Customers with the same number of repeat orders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderCount {
    /// Repeat orders until the split; in the last one, [`LAST_BIN`] or more.
    pub orders: u32,
    /// How many customers placed so many.
    pub customers: usize,
    /// How many the model expects.
    pub expected_customers: f64,
}

const COUNTS: usize = LAST_BIN as usize + 1;

/// Probabilities of each number of repeat orders by one model, reckoned once for each length of time.
pub(super) struct OrderCounts<'a> {
    model: &'a CandidateModel,
    split: Day,
    known: HashMap<(*const Stratum, u32), [f64; COUNTS]>,
}

impl<'a> OrderCounts<'a> {
    pub(super) fn new(model: &'a CandidateModel, split: Day) -> Self {
        Self {
            model,
            split,
            known: HashMap::new(),
        }
    }

    /// The counts of these customers.
    pub(super) fn count<'s>(
        &mut self,
        subjects: impl Iterator<Item = &'s Subject>,
    ) -> Vec<OrderCount> {
        let (mut actual, mut expected) = ([0; COUNTS], [0.0; COUNTS]);
        for subject in subjects {
            let frequency = subject.frequency().min(LAST_BIN);
            actual[frequency as usize] += 1;
            let probabilities = self.probabilities(subject);
            for (sum, probability) in expected.iter_mut().zip(probabilities) {
                *sum += probability;
            }
        }
        let counts = actual.into_iter().zip(expected);
        (0..)
            .zip(counts)
            .map(|(orders, (customers, expected_customers))| OrderCount {
                orders,
                customers,
                expected_customers,
            })
            .collect()
    }

    fn probabilities(&mut self, subject: &Subject) -> [f64; COUNTS] {
        let selected = self.model.select(subject.stratum());
        // Where all have the same parameters, it matters not who they are.
        let whose = match selected.selection {
            Selection::Pooled
            | Selection::PooledForKind(_)
            | Selection::PooledForUnknownCovariate => std::ptr::null(),
            Selection::OwnKind(_) | Selection::Covariates => Arc::as_ptr(subject.stratum()),
        };
        let days = subject.row().age_days();
        let (time, split) = (selected.time, self.split);
        *self.known.entry((whose, days)).or_insert_with(|| {
            stop::check();
            let newcomer = selected.orders.newcomer();
            let first_day = split.plus_days(-i32::try_from(days).unwrap_or(i32::MAX));
            let weeks = (time.reading(split) - time.reading(first_day)) / DAYS_PER_WEEK;
            let mut probabilities = [0.0; COUNTS];
            let mut rest = 1.0;
            for (orders, probability) in (0..LAST_BIN).zip(&mut probabilities) {
                *probability = newcomer.probability_of_orders(orders, weeks);
                rest -= *probability;
            }
            probabilities[COUNTS - 1] = rest.max(0.0);
            probabilities
        })
    }
}
