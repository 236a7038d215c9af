//! From stored profiles to the rows of a fit.

use sqlx::PgConnection;

use crate::{
    domain::{
        basis::Basis,
        calendar::Day,
        money::minor_to_major,
        profile::History,
        text::CustomerId,
        valuation::mean_repeat_amount,
        value::fit::rows::{CollapsedRow, SpendRow, collapse, collapse_spend},
    },
    service::{error::ServiceError, profiles::fold_all},
    store::{
        self,
        error::StoreError,
        model_input::{OrderCount, SpendCount},
    },
};

/// How many customers are folded from their facts in one statement.
const FOLD_BATCH: usize = 1_000;

/// The rows of a fit.
pub(super) struct Input {
    /// Distinct histories of orders.
    pub(super) orders: Vec<CollapsedRow>,
    /// Distinct repeat spends, in major units of the reporting currency; none without one.
    pub(super) spend: Vec<SpendRow>,
    /// Buyers who are not among the spends because an amount of theirs cannot be converted to the reporting currency.
    pub(super) unconvertible_customers: u64,
}

/// Rows in the making.
struct Rows<'a> {
    until: Day,
    /// By its rates spends are converted to its reporting currency.
    basis: &'a Basis,
    orders: Vec<CollapsedRow>,
    spend: Vec<SpendRow>,
    unconvertible_customers: u64,
}

/// Reads what persons and companies did until a day.
pub(super) async fn read(
    connection: &mut PgConnection,
    until: Day,
    basis: &Basis,
) -> Result<Input, ServiceError> {
    let mut rows = Rows {
        until,
        basis,
        orders: vec![],
        spend: vec![],
        unconvertible_customers: 0,
    };
    for count in store::model_input::count_orders(connection, until).await? {
        rows.push_orders(count)?;
    }
    if let Some(currency) = basis.reporting_currency {
        for count in store::model_input::count_spend(connection, until, currency).await? {
            rows.push_spend(count);
        }
        store::model_input::list_in_other_currencies(connection, until, currency, |history| {
            rows.push_converted_spend(history);
        })
        .await?;
    }
    let mut refunded: Vec<CustomerId> = vec![];
    let mut failed = None;
    store::model_input::list_later(connection, until, |id, mut history| {
        if history.has_refunds {
            refunded.push(id);
        } else {
            history.purchases.retain(|entry| entry.day <= until);
            failed = failed.take().or(rows.push(&history).err());
        }
    })
    .await?;
    if let Some(error) = failed {
        return Err(error);
    }
    for customers in refunded.chunks(FOLD_BATCH) {
        for facts in store::facts::list(connection, customers, Some(until))
            .await?
            .values()
        {
            rows.push(&fold_all(facts))?;
        }
    }
    Ok(Input {
        orders: collapse(rows.orders),
        spend: collapse_spend(rows.spend),
        unconvertible_customers: rows.unconvertible_customers,
    })
}

impl Rows<'_> {
    /// Adds one customer whose facts after the day are out.
    fn push(&mut self, history: &History) -> Result<(), ServiceError> {
        let Some(summary) = history.purchase_summary() else {
            return Ok(());
        };
        let frequency = i32::try_from(summary.frequency).unwrap_or(i32::MAX);
        self.push_orders(OrderCount {
            frequency,
            recency_days: summary.last_day - summary.first_day,
            age_days: self.until - summary.first_day,
            customers: 1,
        })?;
        let mut purchases = history.purchases.iter();
        match self.basis.reporting_currency {
            None => {}
            // Summed in minor units, as the database does it, so that who has facts after the day counts as who has none.
            Some(currency) if purchases.all(|entry| entry.currency == currency) => {
                self.push_spend(SpendCount {
                    frequency,
                    repeat_amount_minor: summary.repeat_amount_minor(),
                    customers: 1,
                });
            }
            Some(_) => self.push_converted_spend(history),
        }
        Ok(())
    }

    fn push_orders(&mut self, count: OrderCount) -> Result<(), ServiceError> {
        let number = |number: i32| u32::try_from(number).unwrap_or(u32::MAX);
        let row = CollapsedRow::new(
            number(count.frequency),
            number(count.recency_days),
            number(count.age_days),
            count.customers.unsigned_abs(),
        );
        let corrupt = |error| {
            ServiceError::from(StoreError::Corrupt(format!(
                "profile of a customer: {error}"
            )))
        };
        self.orders.push(row.map_err(corrupt)?);
        Ok(())
    }

    /// The spend of one customer, each day converted by its own rate.
    fn push_converted_spend(&mut self, history: &History) {
        let Some(summary) = history.purchase_summary() else {
            return;
        };
        match mean_repeat_amount(&summary, self.basis) {
            Ok(mean) => self.spend.extend(SpendRow::new(summary.frequency, mean, 1)),
            Err(_) => self.unconvertible_customers += 1,
        }
    }

    /// A repeat spend that is not positive is left out: the model has no density for it. So is one of nobody who came again.
    fn push_spend(&mut self, count: SpendCount) {
        let reporting = self.basis.reporting_currency;
        let (Some(currency), Ok(frequency)) = (reporting, u32::try_from(count.frequency)) else {
            return;
        };
        let mean = minor_to_major(count.repeat_amount_minor, currency) / f64::from(frequency);
        self.spend.extend(SpendRow::new(
            frequency,
            mean,
            count.customers.unsigned_abs(),
        ));
    }
}
