//! Everything an assessment needs that is not the customer, as one immutable value with one id.
//!
//! A basis is built completely, then swapped in whole, and every answer names it: the same profile, day and basis give the same
//! answer for ever.

use std::{fmt, sync::Arc};

use crate::domain::{
    assess::tiers::{TierList, Unrated},
    calendar::Day,
    clv::lifetime::{Horizon, HorizonError, WEEKS_PER_MONTH},
    customer::profile::{ConvertedPurchases, ProfileAt, PurchaseDay},
    definitions::{Definitions, ValueSettings},
    explain::fixed_reasons::FixedReasons,
    fitted::{
        contact_model::ContactModel,
        contract_models::ContractModels,
        facts_end::FactsEnd,
        parameters::{Parameters, Selected},
        uncertainty::Uncertainty,
    },
    money::Currency,
    rates::RateTable,
    text::Label,
};

/// Everything an assessment needs that is not the customer.
#[derive(Debug, Clone)]
pub struct Basis {
    id: BasisId,
    /// The definitions in force.
    pub revision: Revision,
    /// The active model version.
    pub model: Option<ActiveModel>,
    /// The currency of values; `None` while nothing was bought, or while amounts are in several currencies and no definitions say
    /// which of them to report in.
    pub reporting_currency: Option<Currency>,
    /// How amounts are converted to it.
    pub rates: Arc<RateTable>,
}

/// Names a basis: `r0-m3-EUR-x7` is revision 0, model version 3, values in EUR, rates up to the seventh recorded. A part that is absent
/// is `m0` or `none`; while no rate is recorded the last part is left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BasisId(Label);

/// An amount cannot be converted to the reporting currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRate;

impl From<NoRate> for Unrated {
    fn from(_: NoRate) -> Self {
        Self::NoRate
    }
}

/// The definitions in force.
#[derive(Debug, Clone)]
pub struct Revision {
    /// Number of the revision; 0 is built in.
    pub number: i64,
    /// How far to look ahead and how to discount.
    pub horizon: Horizon,
    /// The tiers.
    pub tiers: TierList,
    /// What was published; `None` for revision 0.
    pub definitions: Option<Arc<Definitions>>,
    /// The reasons of these definitions whose words are always the same.
    pub reasons: Option<Arc<FixedReasons>>,
}

/// A fitted model version, as far as assessments need it.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveModel {
    /// Number of the version.
    pub version: i64,
    /// Its parameters of orders and spend, and which of them speak for whom; `None` where nobody had bought when it was fitted.
    pub parameters: Option<Parameters>,
    /// Its models of the renewal of contracts.
    pub contracts: ContractModels,
    /// What is usual of contacts.
    pub contacts: Arc<ContactModel>,
    /// How uncertain the parameters are.
    pub uncertainty: Arc<Uncertainty>,
    /// Where the facts end that it was fitted to; `None` in versions of earlier programs.
    pub facts_end: Option<FactsEnd>,
}

impl ActiveModel {
    /// The parameters that speak for a customer on the day of the view; `None` without a model of orders.
    #[must_use]
    pub fn for_customer(&self, view: ProfileAt<'_>) -> Option<Selected<'_>> {
        let parameters = self.parameters.as_ref();
        parameters.map(|parameters| parameters.for_customer(view))
    }

    /// Whether it can say what an order is worth.
    #[must_use]
    pub fn has_spend(&self) -> bool {
        let spend = self
            .parameters
            .as_ref()
            .and_then(|it| it.pooled.spend.as_ref());
        spend.is_some_and(|spend| spend.model.population_mean().is_ok())
    }
}

impl Basis {
    /// The basis of these parts.
    #[must_use]
    pub fn new(
        revision: Revision,
        model: Option<ActiveModel>,
        reporting_currency: Option<Currency>,
        rates: Arc<RateTable>,
    ) -> Self {
        let mut basis = Self {
            id: BasisId("".into()),
            revision,
            model,
            reporting_currency,
            rates,
        };
        basis.rates = Arc::new(basis.rates.with_max_age(basis.revision.max_rate_age_days()));
        basis.id = BasisId::from_basis(&basis);
        basis
    }

    /// This basis with another model and nothing else changed: what a challenger answers on.
    #[must_use]
    pub fn with_model(&self, model: ActiveModel) -> Self {
        let mut other = self.clone();
        other.model = Some(model);
        other.id = BasisId::from_basis(&other);
        other
    }

    /// How the definitions have customers valued; `None` before there are any.
    #[must_use]
    pub fn value_settings(&self) -> Option<&ValueSettings> {
        let definitions = self.revision.definitions.as_ref();
        definitions.map(|definitions| definitions.value())
    }

    /// An amount booked on a day, in major units of the reporting currency, by the rate that holds on that day. With
    /// [`Self::reporting_purchases`] the only way from booked amounts to values. An amount in the reporting currency needs no rate.
    ///
    /// # Errors
    /// When there is no reporting currency, or no rate that leads to it on or before that day.
    pub fn reporting_major(
        &self,
        amount_minor: i64,
        currency: Currency,
        day: Day,
    ) -> Result<f64, NoRate> {
        let reporting = self.reporting_currency.ok_or(NoRate)?;
        let converted = self
            .rates
            .convert_major(amount_minor, currency, reporting, day);
        converted.ok_or(NoRate)
    }

    /// What purchases came to in major units of the reporting currency, less refunds in other currencies.
    ///
    /// # Errors
    /// As [`Self::reporting_major`].
    pub fn reporting_purchases(&self, entry: &PurchaseDay) -> Result<f64, NoRate> {
        let reporting = self.reporting_currency.ok_or(NoRate)?;
        entry.converted_amount(&self.rates, reporting).ok_or(NoRate)
    }

    /// The same with the known costs.
    ///
    /// # Errors
    /// As [`Self::reporting_major`].
    pub fn reporting_costed(&self, entry: &PurchaseDay) -> Result<ConvertedPurchases, NoRate> {
        let reporting = self.reporting_currency.ok_or(NoRate)?;
        entry.converted(&self.rates, reporting).ok_or(NoRate)
    }

    /// Names this basis.
    #[must_use]
    pub fn id(&self) -> &BasisId {
        &self.id
    }
}

impl BasisId {
    /// Of the parts of a basis; its id is not looked at.
    fn from_basis(basis: &Basis) -> Self {
        let mut id = format!(
            "r{}-m{}-{}",
            basis.revision.number,
            basis.model.as_ref().map_or(0, |model| model.version),
            basis.reporting_currency.map_or("none", Currency::code)
        );
        if basis.rates.generation() > 0 {
            id = format!("{id}-x{}", basis.rates.generation());
        }
        Self(id.into())
    }
}

impl Revision {
    /// Revision 0, in force until definitions are published: twelve months ahead, discounted by 1 % a month at month ends, and a list
    /// of tiers by absolute value.
    ///
    /// # Errors
    /// Never: the constants lie within the bounds of a horizon, as a test shows.
    pub fn built_in() -> Result<Self, HorizonError> {
        Ok(Self {
            number: 0,
            horizon: Horizon::new(12, 0.01, WEEKS_PER_MONTH)?,
            tiers: TierList::built_in(),
            definitions: None,
            reasons: None,
        })
    }
}

impl Revision {
    /// Largest age of an exchange rate on the day of the amount that it converts, in days.
    fn max_rate_age_days(&self) -> u32 {
        let definitions = self.definitions.as_ref();
        definitions.map_or(ValueSettings::DEFAULT_MAX_RATE_AGE_DAYS, |it| {
            it.value().max_rate_age_days
        })
    }

    /// A published revision.
    #[must_use]
    pub fn published(number: i64, definitions: Arc<Definitions>) -> Self {
        Self {
            number,
            horizon: definitions.value().horizon,
            tiers: TierList::published(definitions.tiers()),
            reasons: Some(Arc::new(FixedReasons::new(Arc::clone(&definitions)))),
            definitions: Some(definitions),
        }
    }
}

impl fmt::Display for BasisId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::model::{ModelKind, OrderModel};
    use crate::domain::fitted::parameters::{Estimation, ParameterSet};

    #[test]
    fn a_basis_is_named_by_its_parts() {
        let revision = Revision::built_in().unwrap();
        assert_eq!(
            Basis::new(revision.clone(), None, None, Arc::default())
                .id()
                .to_string(),
            "r0-m0-none"
        );
        let model = ActiveModel {
            version: 3,
            parameters: Some(Parameters::pooled(ParameterSet {
                orders: OrderModel::new(ModelKind::BgNbd, [0.2, 4.4, 0.8, 2.4]).unwrap(),
                orders_log_covariance: None,
                estimation: Estimation::MaximumLikelihood,
                spend: None,
            })),
            contracts: ContractModels::default(),
            contacts: Arc::default(),
            uncertainty: Arc::default(),
            facts_end: None,
        };
        let euro = Some("EUR".parse().unwrap());
        let basis =
            |rates| Basis::new(revision.clone(), Some(model.clone()), euro, Arc::new(rates));
        let none = RateTable::default();
        assert_eq!(basis(none.clone()).id().to_string(), "r0-m3-EUR");
        assert_eq!(basis(none.with(7, [])).id().to_string(), "r0-m3-EUR-x7");
    }
}
