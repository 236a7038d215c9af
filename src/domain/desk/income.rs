//! What a customer brought in some months, before the cost of contacts.
//!
//! Purchases count on their day, net of refunds. A contract counts its price of a month for the time that it ran in the month, so that a yearly
//! one stands next to the contacts of a quarter with a quarter of its price. On a margin basis both count their margin.

use std::collections::BTreeSet;

use super::window::{MonthWindow, Window};
use crate::domain::{
    assess::valuation::{OrderMargins, margin_of_period},
    basis::Basis,
    customer::{facts::ContractTerms, profile::ProfileAt},
    money::Currency,
};

/// What a customer brought in a month, in major units of the reporting currency.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MonthIncome {
    /// By purchases.
    pub purchases: f64,
    /// By contracts.
    pub contracts: f64,
}

/// What a customer brought in each month of a window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Income {
    /// By month, in their order.
    pub months: Vec<MonthIncome>,
    /// The currencies of amounts that are not in it, because they cannot be converted.
    pub missing: BTreeSet<Currency>,
}

impl MonthIncome {
    /// Both.
    #[must_use]
    pub fn total(self) -> f64 {
        self.purchases + self.contracts
    }
}

impl Income {
    /// Of all months.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.months.iter().map(|month| month.total()).sum()
    }
}

/// The income of a customer in a window that ends on the day of the view.
#[must_use]
pub fn income(view: ProfileAt<'_>, basis: &Basis, window: &MonthWindow) -> Income {
    let mut income = Income {
        months: vec![MonthIncome::default(); window.months().len()],
        missing: BTreeSet::new(),
    };
    let history = &view.profile().history;
    for entry in &history.purchases {
        let Some(at) = window.place(entry.day) else {
            continue;
        };
        if let Ok(margins) = OrderMargins::of([entry], basis) {
            income.months[at].purchases += margins.realised();
            continue;
        }
        let amounts = entry.currencies();
        let missing = amounts.filter(|&(from, day)| basis.reporting_major(0, from, day).is_err());
        income.missing.extend(missing.map(|(from, _)| from));
    }
    for terms in history.contracts.iter().map(|fact| &fact.terms) {
        if running_days(terms, window.whole()) == 0 {
            continue;
        }
        let Ok(period) = margin_of_period(terms, view.as_of(), basis) else {
            income.missing.insert(terms.price.currency);
            continue;
        };
        let monthly = period / f64::from(terms.period_months.max(1));
        for (month, sum) in window.months().iter().zip(&mut income.months) {
            let share = f64::from(running_days(terms, *month)) / f64::from(month.days().max(1));
            sum.contracts += monthly * share;
        }
    }
    income
}

/// On how many days of the window a contract ran.
fn running_days(terms: &ContractTerms, window: Window) -> i32 {
    let last = terms.ended_on.map_or(window.last, |end| end.plus_days(-1));
    let ran = Window {
        first: terms.started_on,
        last,
    };
    window.overlap(ran).days()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{calendar::Day, money::Money};

    fn terms(started_on: &str, ended_on: Option<&str>) -> ContractTerms {
        ContractTerms {
            started_on: day(started_on),
            period_months: 1,
            price: Money {
                amount_minor: 1_500,
                currency: "EUR".parse().unwrap(),
            },
            cost_minor: None,
            category: None,
            ended_on: ended_on.map(day),
        }
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_contract_runs_from_its_first_day_to_the_day_before_its_end() {
        let june = Window {
            first: day("2026-06-01"),
            last: day("2026-06-30"),
        };
        for (started, ended, days) in [
            ("2026-01-01", None, 30),
            ("2026-06-30", None, 1),
            ("2026-07-01", None, 0),
            ("2026-01-01", Some("2026-06-01"), 0),
            ("2026-01-01", Some("2026-06-02"), 1),
            ("2026-06-10", Some("2026-06-10"), 0),
            ("2026-06-10", Some("2026-06-20"), 10),
        ] {
            assert_eq!(
                running_days(&terms(started, ended), june),
                days,
                "{started}"
            );
        }
    }
}
