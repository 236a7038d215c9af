//! Contracts as an evaluation takes them: what was known of each at the split, and what came of its renewals until the end of the holdout.
//!
//! What became known after the split never reaches the first part: an end that was recorded later is one that the model has to predict.

use super::Window;
use crate::domain::{
    assess::valuation::OrderMargins,
    calendar::Day,
    customer::{
        contracts::terms_on,
        facts::{ContractFact, ContractTerms},
    },
};

/// A contract that ran at the split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContractAhead {
    /// Calendar months from one renewal to the next.
    pub period_months: u32,
    /// How often it was renewed until the split.
    pub renewals: u32,
    /// Renewals that fall due in the holdout; those on or after an end that was known at the split are none.
    pub due: u32,
    /// How many of them came, at most `due`.
    pub renewed: u32,
    /// What renewals bring; `None` where a price cannot be converted to the reporting currency.
    pub payments: Option<Payments>,
}

/// What the renewals of a contract bring, in major units of the reporting currency, undiscounted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Payments {
    /// Each of them, by the price of the split.
    pub each: f64,
    /// All that came, each by the price of its day.
    pub came: f64,
}

/// What counts to the value of a customer beside the orders themselves; nothing where only orders are evaluated.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ValueFacts {
    /// What of the orders until the split counted; `None` when an amount cannot be converted.
    pub known_margins: Option<OrderMargins>,
    /// The same of the orders of the holdout, major units.
    pub holdout_margin: Option<f64>,
    /// The contracts that ran at the split.
    pub contracts: Box<[ContractAhead]>,
}

/// How many contracts are no part of the renewals of an evaluation, by the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContractsLeftOut {
    /// Signed after the split, and so unknown then.
    pub signed_later: usize,
    /// Running at the split, with an end known by then that leaves no renewal to the holdout.
    pub ending: usize,
    /// Running at the split without a renewal due in the holdout.
    pub not_due: usize,
}

impl ContractsLeftOut {
    /// No contract.
    pub const NONE: Self = Self {
        signed_later: 0,
        ending: 0,
        not_due: 0,
    };
}

impl ContractAhead {
    /// One contract, from all its observations; `None` when it did not run at the split: it then counts in `left_out`, unless it was over.
    /// `amount` is what a renewal brings by these terms on a day, major units.
    pub fn of_facts(
        facts: &[ContractFact],
        window: Window,
        left_out: &mut ContractsLeftOut,
        amount: impl Fn(&ContractTerms, Day) -> Option<f64>,
    ) -> Option<Self> {
        let (split, until) = (window.split(), window.until());
        let at_end = terms_on(facts, until)?;
        let Some(known) = terms_on(facts, split) else {
            left_out.signed_later += usize::from(at_end.ever_runs());
            return None;
        };
        if !known.ever_runs() || !known.runs_on(split) {
            return None;
        }
        let due: Vec<(u32, Day)> = known.renewals_between(split, until).collect();
        if due.is_empty() {
            let endless = ContractTerms {
                ended_on: None,
                ..known.clone()
            };
            let is_ending = endless.renewals_between(split, until).next().is_some();
            left_out.ending += usize::from(is_ending);
            left_out.not_due += usize::from(!is_ending);
        }
        let runs = |day: Day| at_end.ever_runs() && at_end.runs_on(day);
        let renewed: Vec<Day> = due
            .iter()
            .map(|(_, day)| *day)
            .filter(|day| runs(*day))
            .collect();
        let paid = |day: &Day| amount(&terms_on(facts, *day)?, *day);
        let payments = || {
            Some(Payments {
                each: amount(&known, split)?,
                came: renewed.iter().map(paid).sum::<Option<f64>>()?,
            })
        };
        Some(Self {
            period_months: known.period_months,
            renewals: known.renewals_until(split),
            due: count(due.len()),
            renewed: count(renewed.len()),
            payments: payments(),
        })
    }

    /// Orders contracts by what they are, so that a list of them is the same however it was read.
    #[must_use]
    pub fn compare(&self, other: &Self) -> std::cmp::Ordering {
        self.sort_key().cmp(&other.sort_key())
    }

    fn sort_key(&self) -> ([u32; 4], Option<[u64; 2]>) {
        let Self {
            period_months,
            renewals,
            due,
            renewed,
            payments,
        } = *self;
        let payments = payments.map(|it| [it.each.to_bits(), it.came.to_bits()]);
        ([period_months, renewals, due, renewed], payments)
    }
}

/// Orders customers by their contracts, which are in an order of their own.
pub(super) fn compare_contracts(
    one: &[ContractAhead],
    other: &[ContractAhead],
) -> std::cmp::Ordering {
    let keys = |contracts: &[ContractAhead]| -> Vec<_> {
        contracts.iter().map(ContractAhead::sort_key).collect()
    };
    keys(one).cmp(&keys(other))
}

fn count(renewals: usize) -> u32 {
    u32::try_from(renewals).unwrap_or(u32::MAX)
}
