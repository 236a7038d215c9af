//! From stored profiles to the rows of a fit.

use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::Day,
        contract_models::ContractRows,
        money::{Currency, minor_to_major},
        profile::History,
        text::CustomerId,
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
    /// Distinct repeat spends, in major units of `currency`.
    pub(super) spend: Vec<SpendRow>,
    /// The currency of the spends.
    pub(super) currency: Option<Currency>,
    /// What became of contracts at their renewals.
    pub(super) contracts: ContractRows,
}

/// Rows in the making.
struct Rows {
    until: Day,
    currency: Option<Currency>,
    orders: Vec<CollapsedRow>,
    spend: Vec<SpendRow>,
}

/// Reads what persons and companies did until a day.
pub(super) async fn read(
    connection: &mut PgConnection,
    until: Day,
    currency: Option<Currency>,
) -> Result<Input, ServiceError> {
    let mut rows = Rows {
        until,
        currency,
        orders: vec![],
        spend: vec![],
    };
    for count in store::model_input::count_orders(connection, until).await? {
        rows.push_orders(count)?;
    }
    if let Some(currency) = currency {
        for count in store::model_input::count_spend(connection, until, currency).await? {
            rows.push_spend(count);
        }
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
        currency,
        contracts: store::contracts::count_outcomes(connection, until).await?,
    })
}

impl Rows {
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
        let in_currency = |currency| {
            history
                .purchases
                .iter()
                .all(|entry| entry.currency == currency)
        };
        if frequency > 0 && self.currency.is_some_and(in_currency) {
            self.push_spend(SpendCount {
                frequency,
                repeat_amount_minor: summary.repeat_amount_minor(),
                customers: 1,
            });
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

    /// A repeat spend that is not positive is left out: the model has no density for it.
    fn push_spend(&mut self, count: SpendCount) {
        let (Some(currency), Ok(frequency)) = (self.currency, u32::try_from(count.frequency))
        else {
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
