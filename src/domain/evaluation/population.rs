//! What customers did until the split and after it, as an evaluation takes it.
//!
//! It is made of folded histories, so that refunds are taken off already; what they were folded from it does not know.

mod subject;

use std::{collections::BTreeMap, sync::Arc};

pub use self::subject::{KnownSpend, Subject};

use super::{
    Window,
    contracts::{ContractAhead, ContractsLeftOut, ValueFacts, compare_contracts},
    strata::{Strata, Stratum},
};
use crate::domain::{
    calendar::Day,
    clv::{
        fit::{
            covariates::CovariateGroup,
            rows::{CollapsedRow, SpendRow, collapse, collapse_spend},
        },
        history::{HistoryError, LogGaps, PurchaseHistory},
        season::estimate::OrdersByDay,
        spend_orders::{AmountsPaid, SpendOrders},
    },
    customer::{CustomerKind, profile::PurchaseDay},
};

/// The year before the split, whose repeat orders the baselines carry on, in days.
pub const YEAR_DAYS: i32 = 365;

/// Customers who are no part of an evaluation, by the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Employees with a purchase until the split: they are nobody's business.
    pub employees: usize,
    /// Customers whose first purchase lies in the holdout: at the split nobody knew of them.
    pub newcomers: usize,
    /// Customers with an amount that cannot be converted to the reporting currency: out of what concerns spend, not of orders.
    pub unconvertible: usize,
}

/// The customers of an evaluation.
#[derive(Debug, Clone)]
pub struct Population {
    window: Window,
    subjects: Vec<Subject>,
    strata: Strata,
    repeat_days: BTreeMap<(u8, Day), u64>,
    left_out: LeftOut,
    /// Of each customer who had contracts but no order by the split.
    contracts_alone: Vec<Box<[ContractAhead]>>,
    contracts_left_out: ContractsLeftOut,
}

impl Population {
    /// Nobody yet.
    #[must_use]
    pub const fn new(window: Window) -> Self {
        Self {
            window,
            subjects: vec![],
            strata: Strata::new(),
            repeat_days: BTreeMap::new(),
            left_out: LeftOut {
                employees: 0,
                newcomers: 0,
                unconvertible: 0,
            },
            contracts_alone: vec![],
            contracts_left_out: ContractsLeftOut::NONE,
        }
    }

    /// Adds a customer. `known` is what the facts until the split say, `whole` what those until the end of the holdout say, which may
    /// say less of the days before the split: goods come back. Purchases of `whole` until the split and of either after the window are
    /// not looked at. `stratum` is what was known of them at the split. `major` converts an amount to major units of the reporting currency.
    ///
    /// # Errors
    /// Never for days in their order.
    pub fn add(
        &mut self,
        stratum: Stratum,
        known: &[PurchaseDay],
        whole: &[PurchaseDay],
        major: impl Fn(&PurchaseDay) -> Option<f64>,
    ) -> Result<(), HistoryError> {
        self.add_valued(stratum, known, whole, ValueFacts::default(), major)
    }

    /// The same with what counts to the value of the customer. One who had not ordered by the split is there with contracts alone.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn add_valued(
        &mut self,
        stratum: Stratum,
        known: &[PurchaseDay],
        whole: &[PurchaseDay],
        value: ValueFacts,
        major: impl Fn(&PurchaseDay) -> Option<f64>,
    ) -> Result<(), HistoryError> {
        let kind = stratum.kind;
        let (split, until) = (self.window.split, self.window.until);
        let known = &known[..known.partition_point(|entry| entry.day <= split)];
        let from = whole.partition_point(|entry| entry.day <= split);
        let later = &whole[from..whole.partition_point(|entry| entry.day <= until).max(from)];
        let (Some(first), Some(last)) = (known.first(), known.last()) else {
            let new = !later.is_empty() && kind != CustomerKind::Employee;
            self.left_out.newcomers += usize::from(new);
            self.add_contracts_alone(value.contracts);
            return Ok(());
        };
        if kind == CustomerKind::Employee {
            self.left_out.employees += 1;
            return Ok(());
        }
        let repeats = &known[known.partition_point(|entry| entry.day == first.day)..];
        let frequency = count_days(repeats);
        let days = |days: i32| u32::try_from(days).unwrap_or(0);
        let (recency_days, age_days) = (days(last.day - first.day), days(split - first.day));
        let last_year = &repeats[repeats.partition_point(|entry| split - entry.day >= YEAR_DAYS)..];
        let total = |entries: &[PurchaseDay]| entries.iter().map(&major).sum::<Option<f64>>();
        let amounts = || {
            let mut paid = AmountsPaid::first(total(&known[..known.len() - repeats.len()])?);
            for entries in repeats.chunk_by(same_day) {
                paid.push(total(entries)?);
            }
            Some(paid)
        };
        let known_spend = amounts().and_then(|amounts| {
            Some(KnownSpend {
                amounts,
                last_year_repeats: total(last_year)?,
            })
        });
        let subject = Subject {
            stratum: self.strata.intern(stratum),
            first_day: first.day,
            row: CollapsedRow::new(frequency, recency_days, age_days, 1)?.with_log_gaps(
                LogGaps::from_days(known.iter().map(|entry| entry.day.number())),
            ),
            history: PurchaseHistory::from_days(frequency, recency_days, age_days)?,
            known_spend,
            last_year_repeats: count_days(last_year),
            holdout_orders: count_days(later),
            holdout_paid_orders: count_paid(later, &major),
            holdout_spend: total(later),
            value,
        };
        let unconvertible = subject.known_spend.is_none() || subject.holdout_spend.is_none();
        self.left_out.unconvertible += usize::from(unconvertible);
        for day in repeats.chunk_by(same_day).chain(later.chunk_by(same_day)) {
            *self
                .repeat_days
                .entry((kind as u8, day[0].day))
                .or_default() += 1;
        }
        self.subjects.push(subject);
        Ok(())
    }

    /// Adds the contracts of a customer who had not ordered by the split; nobody without any.
    pub fn add_contracts_alone(&mut self, contracts: Box<[ContractAhead]>) {
        if !contracts.is_empty() {
            self.contracts_alone.push(contracts);
        }
    }

    /// Notes how many contracts are no part of it.
    pub const fn leave_out_contracts(&mut self, left_out: ContractsLeftOut) {
        self.contracts_left_out = left_out;
    }

    /// Puts the customers into an order of their own, so that sums and samples are the same however they were read. To be called when
    /// all are there.
    pub fn sort(&mut self) {
        self.subjects.sort_unstable_by(Subject::compare);
        self.contracts_alone
            .sort_unstable_by(|one, other| compare_contracts(one, other));
    }

    /// The contracts that ran at the split, of all customers.
    pub fn contracts(&self) -> impl Iterator<Item = &ContractAhead> {
        let subjects = self.subjects.iter();
        let of_subjects = subjects.flat_map(|subject| &subject.value.contracts);
        of_subjects.chain(self.contracts_alone.iter().flatten())
    }

    /// Those of each customer who had not ordered by then.
    pub(super) fn contracts_alone(&self) -> impl Iterator<Item = &[ContractAhead]> {
        self.contracts_alone.iter().map(|contracts| &**contracts)
    }

    /// The contracts that are no part of it.
    #[must_use]
    pub const fn contracts_left_out(&self) -> ContractsLeftOut {
        self.contracts_left_out
    }

    /// The days.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }

    /// The customers.
    #[must_use]
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// What tells customers apart, each once, in an order of its own.
    pub(super) fn strata(&self) -> impl Iterator<Item = &Arc<Stratum>> {
        self.strata.iter()
    }

    /// Who is not among them.
    #[must_use]
    pub const fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// Repeat orders by day, of a kind or of all.
    pub(super) fn repeat_days(
        &self,
        kind: Option<CustomerKind>,
    ) -> impl Iterator<Item = (Day, u64)> {
        let days = self.repeat_days.iter();
        days.filter(move |((of, _), _)| kind.is_none_or(|kind| kind as u8 == *of))
            .map(|((_, day), orders)| (*day, *orders))
    }

    /// Repeat orders until the split by day, of a kind or of all.
    #[must_use]
    pub fn orders_by_day(&self, kind: Option<CustomerKind>) -> OrdersByDay {
        let split = self.window.split;
        let known = self.repeat_days(kind).filter(|(day, _)| *day <= split);
        known.fold(OrdersByDay::new(), |mut days, (day, orders)| {
            *days.entry(day).or_default() += orders;
            days
        })
    }

    /// What a fit of the order model on what was known at the split takes, of a kind or of all.
    #[must_use]
    pub fn order_rows(&self, kind: Option<CustomerKind>) -> Vec<CollapsedRow> {
        collapse(self.of_kind(kind).map(|subject| subject.row))
    }

    /// What a fit with covariates takes: customers by their values, as far as all of these are known; and how many others there are.
    #[must_use]
    pub fn covariate_groups(&self) -> (Vec<CovariateGroup>, u64) {
        let mut groups: BTreeMap<&Stratum, Vec<CollapsedRow>> = BTreeMap::new();
        for subject in &self.subjects {
            groups
                .entry(&subject.stratum)
                .or_default()
                .push(subject.row);
        }
        let mut unknown = 0;
        let known = groups.into_iter().filter_map(|(stratum, rows)| {
            let Some(values) = stratum.values.clone() else {
                unknown += rows.iter().map(CollapsedRow::count).sum::<u64>();
                return None;
            };
            let rows = collapse(rows);
            Some(CovariateGroup { values, rows })
        });
        (known.collect(), unknown)
    }

    /// What a fit of the spend model to these orders takes: amounts that are not positive are left out, as the model has no density for
    /// them.
    #[must_use]
    pub fn spend_rows(&self, kind: Option<CustomerKind>, orders: SpendOrders) -> Vec<SpendRow> {
        let subjects = self.of_kind(kind);
        collapse_spend(subjects.filter_map(|subject| subject.known_spend?.amounts.row(orders)))
    }

    fn of_kind(&self, kind: Option<CustomerKind>) -> impl Iterator<Item = &Subject> {
        let subjects = self.subjects.iter();
        subjects.filter(move |subject| kind.is_none_or(|kind| subject.kind() == kind))
    }
}

fn count_paid(entries: &[PurchaseDay], major: impl Fn(&PurchaseDay) -> Option<f64>) -> u32 {
    let amounts = entries.chunk_by(same_day).filter(|entries| {
        let amount = entries.iter().map(&major).sum::<Option<f64>>();
        amount.is_some_and(|amount| amount > 0.0)
    });
    u32::try_from(amounts.count()).unwrap_or(u32::MAX)
}

fn same_day(one: &PurchaseDay, other: &PurchaseDay) -> bool {
    one.day == other.day
}

fn count_days(entries: &[PurchaseDay]) -> u32 {
    u32::try_from(entries.chunk_by(same_day).count()).unwrap_or(u32::MAX)
}
