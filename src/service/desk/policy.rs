//! What to do about a channel of a customer, known or hypothetical.

use std::sync::Arc;

use super::{CustomerDesk, cost::CostAnswer};
use crate::{
    domain::{
        assess::assess,
        basis::Basis,
        calendar::Day,
        customer::profile::DatedProfile,
        definitions::{Channel, Definitions, contact_cost::stated_cost},
        desk::{
            channel_policy::{ChannelDecision, ChannelMonth, OtherChannel, decide_channel},
            cost::CostSum,
            window::Window,
        },
        money::{Currency, Money},
        text::Label,
    },
    service::{answer::subjects::Subject, error::ServiceError},
};

/// Whose channel.
#[derive(Debug, Clone, PartialEq)]
pub enum ChannelCustomer {
    /// That of a known customer.
    Known(Subject),
    /// That of a customer given by numbers.
    Hypothetical(Hypothetical),
}

/// A customer given by the numbers of a month.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothetical {
    /// Income before the cost of contacts.
    pub income: Money,
    /// Contacts on the channel.
    pub contacts: f64,
    /// Cost of one of them; as the definitions state when it is `None`.
    pub cost_per_contact: Option<Money>,
    /// Cost of contacts on other channels.
    pub other_cost: Option<Money>,
}

/// What to decide.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyRequest {
    /// Whose channel.
    pub customer: ChannelCustomer,
    /// Which; the most costly when it is `None`.
    pub channel: Option<Label>,
    /// Of how many calendar months.
    pub months: u32,
    /// The last day; today when it is `None`.
    pub as_of: Option<Day>,
}

/// The decision and its numbers.
#[derive(Debug, Clone)]
pub struct PolicyAnswer {
    /// The decision.
    pub decision: ChannelDecision,
    /// The month that it is made on.
    pub month: ChannelMonth,
    /// The days of the contacts; `None` for a hypothetical customer.
    pub window: Option<Window>,
    /// The contacts of the window.
    pub contacts: CostSum,
    /// Currencies of income that cannot be converted.
    pub missing_income: Vec<Currency>,
    /// The customer.
    pub customer: Option<DatedProfile>,
    /// The currency of the amounts.
    pub currency: Currency,
    /// The day of the answer.
    pub as_of: Day,
    /// The basis of the answer.
    pub basis: Arc<Basis>,
}

impl CustomerDesk {
    /// Decides.
    ///
    /// # Errors
    /// No such customer; no reporting currency; an amount that cannot be converted; or the database cannot be asked.
    pub async fn channel_policy(
        &self,
        request: PolicyRequest,
    ) -> Result<PolicyAnswer, ServiceError> {
        match request.customer {
            ChannelCustomer::Known(subject) => {
                let cost = self.cost_to_serve(&subject, request.months, request.as_of);
                known(cost.await?, request.channel)
            }
            ChannelCustomer::Hypothetical(numbers) => {
                let (basis, as_of) = self.context(None)?;
                hypothetical(&numbers, request.channel.unwrap_or_default(), basis, as_of)
            }
        }
    }
}

fn too_large() -> ServiceError {
    ServiceError::Internal("an amount of a channel policy is too large".into())
}

/// Of a customer whose contacts were counted.
fn known(answer: CostAnswer, channel: Option<Label>) -> Result<PolicyAnswer, ServiceError> {
    let CostAnswer {
        cost,
        customer,
        as_of,
        basis,
    } = answer;
    let currency = basis.reporting_currency;
    let currency = currency.ok_or(ServiceError::NoReportingCurrency)?;
    let channel = channel.or_else(|| cost.channels.first().map(|(channel, _)| channel.clone()));
    let channel = channel.unwrap_or_default();
    let own = cost.channels.iter().find(|(name, _)| *name == channel);
    let own = own.map_or_else(CostSum::default, |(_, sum)| sum.clone());
    let definitions = basis.revision.definitions.as_deref();
    let months = f64::from(cost.window.count());
    let month = ChannelMonth {
        income: cost.income().total() / months,
        contacts: count(own.contacts) / months,
        cost_per_contact: own
            .mean_major(currency)
            .or_else(|| stated_cost(&channel, definitions).map(Money::major)),
        channel_cost: own.major(currency) / months,
        other_cost: (cost.total.major(currency) - own.major(currency)) / months,
        lacks_costs: !cost.total.is_complete(),
        lacks_income: !cost.missing_income.is_empty(),
        channel,
    };
    let offered = customer.as_ref().and_then(|profile| {
        let treatment = assess(profile.view(), &basis).treatment?;
        treatment.treatment.channels
    });
    let others = others(&basis, |channel| {
        offered
            .as_ref()
            .is_none_or(|offered| offered.is_empty() || offered.contains(&channel.name))
    });
    Ok(PolicyAnswer {
        decision: decide_channel(&month, &others, currency).ok_or_else(too_large)?,
        month,
        window: Some(cost.window.whole()),
        contacts: cost.total,
        missing_income: cost.missing_income.into_keys().collect(),
        customer,
        currency,
        as_of,
        basis,
    })
}

/// Of a customer given by numbers.
fn hypothetical(
    numbers: &Hypothetical,
    channel: Label,
    basis: Arc<Basis>,
    as_of: Day,
) -> Result<PolicyAnswer, ServiceError> {
    let currency = basis.reporting_currency;
    let currency = currency.ok_or(ServiceError::NoReportingCurrency)?;
    let major = |field, money: Money| {
        let major = basis.reporting_major(money.amount_minor, money.currency, as_of);
        major.map_err(|_| ServiceError::NotConvertible {
            field,
            from: money.currency,
            to: currency,
        })
    };
    let cost_per_contact = if let Some(cost) = numbers.cost_per_contact {
        Some(major("hypothetical.cost_per_contact", cost)?)
    } else {
        let definitions = basis.revision.definitions.as_deref();
        stated_cost(&channel, definitions).map(Money::major)
    };
    let other_cost = match numbers.other_cost {
        Some(cost) => major("hypothetical.other_cost_per_month", cost)?,
        None => 0.0,
    };
    let month = ChannelMonth {
        income: major("hypothetical.income_per_month", numbers.income)?,
        contacts: numbers.contacts,
        cost_per_contact,
        channel_cost: cost_per_contact.unwrap_or_default() * numbers.contacts,
        other_cost,
        lacks_costs: cost_per_contact.is_none() && numbers.contacts > 0.0,
        lacks_income: false,
        channel,
    };
    let decision = decide_channel(&month, &others(&basis, |_| true), currency);
    Ok(PolicyAnswer {
        decision: decision.ok_or_else(too_large)?,
        month,
        window: None,
        contacts: CostSum::default(),
        missing_income: vec![],
        customer: None,
        currency,
        as_of,
        basis,
    })
}

/// The channels of the definitions.
fn others(basis: &Basis, is_offered: impl Fn(&Channel) -> bool) -> Vec<OtherChannel> {
    let definitions = basis.revision.definitions.as_deref();
    let channels = definitions.map_or(&[][..], Definitions::channels).iter();
    let other = |channel: &Channel| OtherChannel {
        channel: channel.name.clone(),
        cost_per_contact: channel.cost.map(Money::major),
        is_offered: is_offered(channel),
    };
    channels.map(other).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a count of contacts")]
fn count(contacts: u64) -> f64 {
    contacts as f64
}
