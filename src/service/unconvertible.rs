//! Which customers have no value for want of a rate: counted where somebody can do something about it.

use sqlx::PgConnection;

use crate::{
    domain::{basis::Basis, money::Currency, profile::History},
    service::error::ServiceError,
    store::{self, profiles::ConvertibleFrom},
};

/// Customers with a purchase that cannot be converted to the reporting currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unconvertible {
    /// How many persons and companies they are.
    pub customers: u64,
    /// The currencies of those purchases, by code.
    pub currencies: Vec<Currency>,
}

/// Counts them. Nothing is read where all purchases are in the reporting currency; whoever bought in one currency only is counted by
/// the database; the others are read one by one.
///
/// # Errors
/// When the database cannot be asked.
pub async fn count(
    connection: &mut PgConnection,
    basis: &Basis,
) -> Result<Unconvertible, ServiceError> {
    let mut found = Unconvertible::default();
    let booked = store::currencies::list(connection).await?;
    let Some(reporting) = basis.reporting_currency else {
        return Ok(found);
    };
    let since = |currency| ConvertibleFrom {
        currency,
        first_day: basis.rates.first_day(currency, reporting),
    };
    let others = booked.into_iter().filter(|&one| one != reporting);
    let others: Vec<ConvertibleFrom> = others.map(since).collect();
    if others.is_empty() {
        return Ok(found);
    }
    for (currency, customers) in store::profiles::count_before(connection, &others).await? {
        found.customers += customers;
        found.currencies.push(currency);
    }
    store::profiles::each_in_several_currencies(connection, |history| {
        let currencies = unconvertible(&history, basis);
        found.customers += u64::from(!currencies.is_empty());
        found.currencies.extend(currencies);
    })
    .await?;
    found.currencies.sort();
    found.currencies.dedup();
    Ok(found)
}

/// The currencies of purchases that cannot be converted.
fn unconvertible(history: &History, basis: &Basis) -> Vec<Currency> {
    let purchases = history.purchases.iter().filter(|entry| {
        let converted = basis.reporting_major(entry.amount_minor, entry.currency, entry.day);
        converted.is_err()
    });
    purchases.map(|entry| entry.currency).collect()
}
