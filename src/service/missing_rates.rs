//! Which customers have no value for want of a rate: counted where somebody can do something about it.

use std::sync::Arc;

use sqlx::PgConnection;

use crate::service::current_basis::valued_currencies;
use crate::{
    domain::{
        assess::valuation::missing_rates,
        basis::Basis,
        calendar::Day,
        customer::profile::{DatedProfile, Profile},
        definitions::ValueBasis,
        money::Currency,
    },
    service::error::ServiceError,
    store::{
        self,
        profiles::{ConvertibleFrom, Unconverted},
    },
};

/// Customers with an amount that their value is based on and that cannot be converted to the reporting currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unconvertible {
    /// How many persons and companies they are.
    pub customers: u64,
    /// The currencies of those amounts, by code.
    pub currencies: Vec<Currency>,
}

/// Counts them, as of `today`. Nothing is read where all amounts are in the reporting currency; else the database chooses who may be
/// affected, and of each of them is asked what an answer would be asked.
///
/// # Errors
/// When the database cannot be asked.
pub async fn count(
    connection: &mut PgConnection,
    basis: &Basis,
    today: Day,
) -> Result<Unconvertible, ServiceError> {
    let mut found = Unconvertible::default();
    let booked = store::currencies::list(connection).await?;
    let of_contacts = store::currencies::list_of_contacts(connection).await?;
    let Some(reporting) = basis.reporting_currency else {
        return Ok(found);
    };
    let since = |currency| ConvertibleFrom {
        currency,
        // A fact may lie a day or two ahead.
        first_day: basis
            .rates
            .convertible_since(currency, reporting, today.plus_days(2)),
    };
    let valued = valued_currencies(basis, booked, of_contacts).into_iter();
    let others = valued.filter(|&one| one != reporting);
    let others: Vec<ConvertibleFrom> = others.map(since).collect();
    if others.is_empty() {
        return Ok(found);
    }
    let settings = basis.value_settings();
    let affected = Unconverted {
        currencies: &others,
        contacts_count: settings.is_some_and(|it| it.basis == ValueBasis::Contribution),
        today,
    };
    store::profiles::each_unconverted(connection, affected, |profile| {
        let currencies = currencies_without_rate(profile, basis, today);
        found.customers += u64::from(!currencies.is_empty());
        found.currencies.extend(currencies);
        found.currencies.sort();
        found.currencies.dedup();
    })
    .await?;
    Ok(found)
}

/// The currencies of amounts of a customer that cannot be converted.
fn currencies_without_rate(profile: Profile, basis: &Basis, today: Day) -> Vec<Currency> {
    // A fact may lie a day or two ahead.
    let last = profile.history.last_event_day;
    let as_of = last.map_or(today, |last| last.max(today));
    let Some(dated) = DatedProfile::new(Arc::new(profile), as_of) else {
        return vec![];
    };
    let months = basis.revision.horizon.months();
    let missing = missing_rates(dated.view(), basis, months);
    missing.into_iter().map(|missing| missing.from).collect()
}
