//! From stored profiles to the rows of a fit.

mod covariates;
mod days;
mod rows;

use sqlx::PgConnection;

use self::covariates::CovariateInput;
pub(in crate::service) use self::{
    covariates::CovariateRows,
    days::DaysByKind,
    rows::{FitRows, Rows},
};
use super::samples::GapCount;
use crate::{
    domain::{
        assess::valuation::amounts_paid,
        basis::Basis,
        calendar::Day,
        clv::{
            checks::silence::Silence,
            fit::rows::{CollapsedRow, SpendRow},
            spend_orders::{SpendOrders, log_nano},
        },
        customer::{
            CustomerKind,
            profile::{History, PurchaseSummary, log_nano_of_minor},
        },
        fitted::{contract_models::ContractRows, facts_end::FactsEnd, parameters::Covariate},
        money::minor_to_major,
        text::CustomerId,
    },
    service::{answer::profiles::fold_all, error::ServiceError},
    store::{
        self,
        error::StoreError,
        model_input::{OneCustomer, OrderCount, SpendCount},
    },
};

/// How many customers are folded from their facts in one statement.
const FOLD_BATCH: usize = 1_000;

/// The kinds of customers that are fitted.
pub(in crate::service) const KINDS: [CustomerKind; 2] =
    [CustomerKind::Person, CustomerKind::Company];

/// What is read for a fit.
pub(super) struct Input {
    /// What parameters are fitted to.
    pub(super) rows: FitRows,
    /// Who has times between orders.
    pub(super) gaps: GapCount,
    /// What became of contracts at their renewals.
    pub(super) contracts: ContractRows,
}

impl Input {
    /// Where the facts end that were read until a day; `None` without customers.
    pub(super) fn facts_end(&self, until: Day) -> Option<FactsEnd> {
        let rows = self.rows.kinds.iter().flat_map(|rows| &rows.orders);
        let oldest = rows.clone().map(CollapsedRow::age_days).max()?;
        let silence = Silence::measure(&rows.copied().collect::<Vec<_>>())?;
        Some(FactsEnd::new(until, silence).observed_for(oldest))
    }

    /// Persons and companies with a purchase.
    pub(super) fn customers(&self) -> u64 {
        let orders = self.rows.kinds.iter().flat_map(|rows| &rows.orders);
        orders.map(CollapsedRow::count).sum()
    }
}

/// Rows in the making.
struct Reading<'a> {
    until: Day,
    /// By its rates spends are converted to its reporting currency.
    basis: &'a Basis,
    /// The orders that spend is fitted to.
    spend_orders: SpendOrders,
    kinds: [Rows; 2],
    covariates: Option<CovariateInput>,
    names: &'a [Covariate],
    /// `None` unless they are asked for.
    days: Option<DaysByKind>,
    gaps: GapCount,
}

/// What is read of customers beside their histories.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The orders that spend is fitted to.
    pub(super) spend_orders: SpendOrders,
    /// The covariates of the last day.
    pub(super) covariates: &'a [Covariate],
    /// Whether repeat orders are counted by day.
    pub(super) by_day: bool,
}

/// Reads what persons and companies did until a day.
pub(super) async fn read(
    connection: &mut PgConnection,
    until: Day,
    basis: &Basis,
    wanted: Wanted<'_>,
) -> Result<Input, ServiceError> {
    let Wanted {
        spend_orders,
        covariates,
        by_day,
    } = wanted;
    let mut reading = Reading {
        until,
        basis,
        spend_orders,
        kinds: Default::default(),
        covariates: (!covariates.is_empty()).then(CovariateInput::default),
        names: covariates,
        days: by_day.then(DaysByKind::default),
        gaps: GapCount::default(),
    };
    reading.count(connection).await?;
    reading.add_from_profiles(connection).await?;
    let to_fold = reading.add_later(connection).await?;
    for customers in to_fold.chunks(FOLD_BATCH) {
        let ids: Vec<CustomerId> = customers.iter().map(|one| one.id.clone()).collect();
        let groups = store::profiles::list_groups(connection, &ids).await?;
        let facts = store::facts::list_joined(connection, &ids, Some(until), &groups).await?;
        for one in customers {
            if let Some(facts) = facts.get(&one.id) {
                reading.push(one.kind, one.bucket, &fold_all(facts))?;
            }
        }
    }
    let contracts = store::contracts::count_outcomes(connection, until).await?;
    Ok(reading.close(contracts))
}

/// A customer whose history of the day only the facts tell.
struct ToFold {
    id: CustomerId,
    kind: CustomerKind,
    bucket: i32,
}

impl Reading<'_> {
    /// Those without facts after the day, counted by the database.
    async fn count(&mut self, connection: &mut PgConnection) -> Result<(), ServiceError> {
        for count in store::model_input::count_orders(connection, self.until).await? {
            self.push_orders(count)?;
        }
        if let Some(currency) = self.basis.reporting_currency {
            let until = self.until;
            let counts = match self.spend_orders {
                SpendOrders::RepeatMeans => {
                    store::model_input::count_repeat_spend(connection, until, currency).await?
                }
                orders @ (SpendOrders::All | SpendOrders::Repeat) => {
                    let has_first = orders == SpendOrders::All;
                    store::model_input::count_paid_orders(connection, until, currency, has_first)
                        .await?
                }
            };
            for count in counts {
                self.push_spend(count);
            }
            store::model_input::list_uncounted(connection, until, currency, |kind, history| {
                self.push_own_spend(kind, history);
            })
            .await?;
        }
        Ok(())
    }

    /// Their covariates and the days of their orders, one by one: only the packed part of a profile has them.
    async fn add_from_profiles(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<(), ServiceError> {
        let (until, names) = (self.until, self.names);
        let (groups, days) = (&mut self.covariates, &mut self.days);
        if groups.is_none() && days.is_none() {
            return Ok(());
        }
        let mut failed = None;
        store::model_input::list_settled(connection, until, |one| {
            if let Some(days) = days {
                days.push(one.kind, &one.history);
            }
            if let Some(groups) = groups {
                let added = groups.push(names, until, &one.history);
                failed = failed.take().or(added.err());
            }
        })
        .await?;
        failed.map_or(Ok(()), Err)
    }

    /// Those with facts after the day, one by one; returns those that must be folded from their facts: after refunds, and for
    /// covariates, of which a profile only has the latest observation.
    async fn add_later(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<Vec<ToFold>, ServiceError> {
        let mut to_fold = vec![];
        let mut failed = None;
        let until = self.until;
        store::model_input::list_later(connection, until, |one| {
            let OneCustomer {
                id,
                kind,
                bucket,
                mut history,
            } = one;
            if history.has_refunds || self.covariates.is_some() {
                to_fold.push(ToFold { id, kind, bucket });
            } else {
                history.purchases.retain(|entry| entry.day <= until);
                failed = failed.take().or(self.push(kind, bucket, &history).err());
            }
        })
        .await?;
        failed.map_or(Ok(to_fold), Err)
    }

    /// Adds one customer whose facts after the day are out.
    fn push(
        &mut self,
        kind: CustomerKind,
        bucket: i32,
        history: &History,
    ) -> Result<(), ServiceError> {
        let Some(summary) = history.purchase_summary() else {
            return Ok(());
        };
        let frequency = i32::try_from(summary.frequency).unwrap_or(i32::MAX);
        let recency_days = summary.last_day - summary.first_day;
        let age_days = self.until - summary.first_day;
        if let Some(groups) = &mut self.covariates {
            groups.push(self.names, self.until, history)?;
        }
        if let Some(days) = &mut self.days {
            days.push(kind, history);
        }
        self.gaps.push(bucket, history);
        self.push_orders(OrderCount {
            kind,
            frequency,
            recency_days,
            age_days,
            customers: 1,
            log_gaps: history.log_gaps(),
        })?;
        self.push_own_spend(kind, history);
        Ok(())
    }

    fn rows(&mut self, kind: CustomerKind) -> Option<&mut Rows> {
        let at = KINDS.iter().position(|&one| one == kind)?;
        Some(&mut self.kinds[at])
    }

    fn push_orders(&mut self, count: OrderCount) -> Result<(), ServiceError> {
        let row = row(
            count.frequency,
            count.recency_days,
            count.age_days,
            count.customers,
        )?
        .with_log_gaps(count.log_gaps);
        if let Some(rows) = self.rows(count.kind) {
            rows.orders.push(row);
        }
        self.gaps.count(&row);
        Ok(())
    }

    /// The spend of one customer.
    fn push_own_spend(&mut self, kind: CustomerKind, history: &History) {
        let (Some(currency), Some(summary)) =
            (self.basis.reporting_currency, history.purchase_summary())
        else {
            return;
        };
        let mut purchases = history.purchases.iter();
        if purchases.all(|entry| entry.currency == currency && entry.foreign_refunds.is_none()) {
            // Summed in minor units, as the database does it, so that who has facts after the day counts as who has none.
            self.push_spend(counted(kind, &summary, self.spend_orders));
            return;
        }
        // Each day converted by its own rate. Who cannot be converted is left out, and counted where all are who have no value for it.
        let amounts = amounts_paid(&summary, self.basis).ok();
        let row = amounts.and_then(|amounts| amounts.row(self.spend_orders));
        if let Some(rows) = self.rows(kind) {
            rows.spend.extend(row);
        }
    }

    /// Amounts that are not positive are left out: the model has no density for them. So are customers without an order.
    fn push_spend(&mut self, count: SpendCount) {
        let reporting = self.basis.reporting_currency;
        let (Some(currency), Ok(orders)) = (reporting, u32::try_from(count.orders)) else {
            return;
        };
        let total = minor_to_major(count.amount_minor, currency);
        let customers = count.customers.unsigned_abs();
        let row = match count.log_sum_nano {
            Some(log_sum_nano) => {
                let amounts = i64::from(count.orders).saturating_mul(count.customers);
                let to_minor = amounts.saturating_mul(log_nano(currency.minor_per_major()));
                SpendRow::of_orders(orders, total, log_sum_nano - to_minor, customers)
            }
            None => SpendRow::new(orders, total / f64::from(orders), customers),
        };
        if let Some(rows) = self.rows(count.kind) {
            rows.spend.extend(row);
        }
    }

    fn close(self, contracts: ContractRows) -> Input {
        Input {
            rows: FitRows {
                kinds: self.kinds,
                covariates: self.covariates.map(CovariateInput::close),
                days: self.days.unwrap_or_default(),
            },
            gaps: self.gaps,
            contracts,
        }
    }
}

/// The orders of one customer in one currency, as the database counts them.
fn counted(kind: CustomerKind, summary: &PurchaseSummary<'_>, orders: SpendOrders) -> SpendCount {
    let paid = summary.paid_days();
    let (count, amount_minor, log_sum_nano) = match orders {
        SpendOrders::All => (paid.count, paid.amount_minor, Some(paid.log_sum_nano)),
        SpendOrders::Repeat => {
            let first = summary.first_amount_minor();
            (
                paid.count - u32::from(first > 0),
                summary.repeat_amount_minor(),
                Some(paid.log_sum_nano - log_nano_of_minor(first)),
            )
        }
        SpendOrders::RepeatMeans => (summary.frequency, summary.repeat_amount_minor(), None),
    };
    SpendCount {
        kind,
        orders: i32::try_from(count).unwrap_or(i32::MAX),
        amount_minor,
        log_sum_nano,
        customers: 1,
    }
}

/// A row of a history as it is stored.
fn row(
    frequency: i32,
    recency_days: i32,
    age_days: i32,
    customers: i64,
) -> Result<CollapsedRow, ServiceError> {
    let number = |number: i32| u32::try_from(number).unwrap_or(u32::MAX);
    let row = CollapsedRow::new(
        number(frequency),
        number(recency_days),
        number(age_days),
        customers.unsigned_abs(),
    );
    row.map_err(|error| StoreError::Corrupt(format!("profile of a customer: {error}")).into())
}
