//! From a profile and its value to the slots of the conditions. Staleness, missing and wrongly typed values are decided here, once.

use crate::domain::{
    assess::{valuation::amounts, valued::Valued},
    calendar::Day,
    customer::{
        CustomerKind,
        facts::{AttributeFact, AttributeValue},
        profile::{ContactDay, ProfileAt, PurchaseDay},
    },
    definitions::{Definitions, contact_cost::cost_of_contacts},
    money::{Currency, major_to_money},
    rates::RateTable,
    rules::{
        condition::{Term, Window},
        program::{Absence, Program, Slot, Slots},
        vocabulary::{Attribute, ValueType},
    },
};

/// A slot to be: a value, or why there is none.
pub type Filling<'a> = Result<Slot<'a>, Absence>;

/// Fills all slots but those of `segment(...)`, which are filled as segments are decided. Amounts are converted by `rates`.
pub fn fill<'a>(
    definitions: &Definitions,
    rates: &RateTable,
    view: ProfileAt<'a>,
    valued: &Valued,
    slots: &mut Slots<'a>,
) {
    for (slot, term) in definitions.program().terms().iter().enumerate() {
        match value(definitions, rates, view, valued, term) {
            Ok(value) => slots.set(slot, value),
            Err(absence) => slots.set_missing(slot, absence),
        }
    }
}

fn value<'a>(
    definitions: &Definitions,
    rates: &RateTable,
    view: ProfileAt<'a>,
    valued: &Valued,
    term: &Term,
) -> Filling<'a> {
    let program = definitions.program();
    let currency = definitions.value().currency;
    let since = |day: fn(&crate::domain::customer::profile::PurchaseSummary<'_>) -> Day| {
        let summary = view.purchases().ok_or(Absence::Missing)?;
        Ok(Slot::Int((view.as_of() - day(&summary)).into()))
    };
    match term {
        Term::Attribute(id) => {
            let attribute = definitions.vocabulary().attribute(*id);
            let fact = observation(view, attribute);
            attribute_value(attribute, fact, view.as_of(), program, rates)
        }
        Term::Clv => match valued.valuation.lifetime_value {
            Ok(money) if money.currency == currency => Ok(Slot::Int(money.amount_minor)),
            Ok(_) => Err(Absence::NoRate),
            Err(_) => Err(Absence::Unrated),
        },
        Term::Tier => match valued.tier {
            // Conditions count tiers from the lowest, which is 0; ranks count from the best, which is 1.
            Ok(tier) => {
                let ordinal = definitions.tiers().len().saturating_sub(tier.rank());
                Ok(Slot::Int(i64::try_from(ordinal).unwrap_or(i64::MAX)))
            }
            Err(_) => Err(Absence::Unrated),
        },
        Term::ProbabilityAlive => match valued.valuation.orders {
            Some(orders) => Ok(Slot::Num(orders.probability_alive)),
            None => Err(Absence::Unrated),
        },
        Term::Orders(window) => {
            let days = purchases_in(view, *window)
                .chunk_by(|one, other| one.day == other.day)
                .count();
            Ok(Slot::Int(i64::try_from(days).unwrap_or(i64::MAX)))
        }
        Term::Spend(window) => spend(purchases_in(view, *window), currency, rates),
        Term::Contacts(window, channel) => {
            let count = contacts_in(view, *window)
                .iter()
                .filter(|entry| {
                    channel
                        .as_ref()
                        .is_none_or(|channel| **channel == *entry.channel)
                })
                .map(|entry| i64::from(entry.count))
                .sum();
            Ok(Slot::Int(count))
        }
        Term::CostToServe(window) => costs(contacts_in(view, *window), definitions, rates),
        Term::DaysSinceLastOrder => since(|summary| summary.last_day),
        Term::TenureDays => since(|summary| summary.first_day),
        Term::RunningContracts => Ok(Slot::Int(view.running_contracts().into())),
        Term::Kind => Ok(program.text(kind_text(view.profile().kind))),
        // Filled as segments are decided, and when a contact comes.
        Term::Segment(_) | Term::Contact(_) => Err(Absence::Missing),
    }
}

/// The kind as conditions name it.
#[must_use]
pub const fn kind_text(kind: CustomerKind) -> &'static str {
    match kind {
        CustomerKind::Person => "PERSON",
        CustomerKind::Company => "COMPANY",
        CustomerKind::Employee => "EMPLOYEE",
    }
}

/// What is recorded of an attribute, fresh or not. Attributes of a profile are sorted by name.
#[must_use]
pub fn observation<'a>(view: ProfileAt<'a>, attribute: &Attribute) -> Option<&'a AttributeFact> {
    let attributes = &view.profile().history.attributes;
    let at = attributes
        .binary_search_by(|fact| (*fact.name).cmp(&*attribute.name))
        .ok()?;
    Some(&attributes[at])
}

/// What is known of an attribute on the day of the view: nothing that is stale or to come.
#[must_use]
pub fn fresh_value<'a>(view: ProfileAt<'a>, attribute: &Attribute) -> Option<&'a AttributeValue> {
    let fact = observation(view, attribute)?;
    let age_days = i64::from(view.as_of() - fact.observed_on);
    let is_stale = |most: u32| age_days > i64::from(most);
    let is_fresh = age_days >= 0 && !attribute.max_age_days.is_some_and(is_stale);
    fact.value.as_ref().filter(|_| is_fresh)
}

/// The value of an attribute on `as_of`, or why there is none.
fn attribute_value<'a>(
    attribute: &Attribute,
    fact: Option<&'a AttributeFact>,
    as_of: Day,
    program: &Program,
    rates: &RateTable,
) -> Filling<'a> {
    let fact = fact.ok_or(Absence::Missing)?;
    let value = fact.value.as_ref().ok_or(Absence::Missing)?;
    let age_days = as_of - fact.observed_on;
    if age_days < 0 {
        return Err(Absence::Future);
    }
    if attribute
        .max_age_days
        .is_some_and(|most| i64::from(age_days) > i64::from(most))
    {
        return Err(Absence::Stale);
    }
    let slot = |value| typed(value, &attribute.value_type, program).ok_or(Absence::WrongType);
    match (&attribute.value_type, value) {
        (ValueType::Money(wanted), AttributeValue::Money(money)) => {
            let converted = rates.convert(*money, *wanted, fact.observed_on);
            let money = converted.ok_or(Absence::NoRate)?;
            Ok(Slot::Int(money.amount_minor))
        }
        _ => slot(value),
    }
}

/// The value as a slot, whatever its age; `None` when it is not of the type that the attribute has now. Money of another currency than
/// the attribute's is none here: it has to be converted first.
#[must_use]
pub fn typed<'a>(
    value: &'a AttributeValue,
    value_type: &ValueType,
    program: &Program,
) -> Option<Slot<'a>> {
    match (value_type, value) {
        (ValueType::Bool, AttributeValue::Bool(value)) => Some(Slot::Bool(*value)),
        (ValueType::Whole | ValueType::Days, AttributeValue::Int(value)) => Some(Slot::Int(*value)),
        (ValueType::Whole | ValueType::Days, AttributeValue::Number(value)) => {
            whole(*value).map(Slot::Int)
        }
        (ValueType::Number, AttributeValue::Number(value)) => Some(Slot::Num(*value)),
        #[expect(clippy::cast_precision_loss, reason = "bounded by 2^53")]
        (ValueType::Number, AttributeValue::Int(value)) if value.unsigned_abs() <= 1 << 53 => {
            Some(Slot::Num(*value as f64))
        }
        (ValueType::Text, AttributeValue::Text(text)) => Some(program.text(text)),
        (ValueType::OneOf(values), AttributeValue::Text(text)) if values.contains(text) => {
            Some(program.text(text))
        }
        (ValueType::Money(currency), AttributeValue::Money(money))
            if money.currency == *currency =>
        {
            Some(Slot::Int(money.amount_minor))
        }
        (ValueType::Day, AttributeValue::Day(day)) => Some(Slot::Int(day.number().into())),
        (ValueType::Tags, AttributeValue::Tags(tags)) => Some(Slot::List(tags)),
        _ => None,
    }
}

/// `3.0` is the whole number 3: JSON does not tell them apart.
#[expect(clippy::cast_possible_truncation, reason = "whole and bounded by 2^53")]
fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
}

/// The entries of the window: half-open, `as_of` included.
fn purchases_in(view: ProfileAt<'_>, window: Window) -> &[PurchaseDay] {
    let entries = &view.profile().history.purchases;
    let from = entries.partition_point(|entry| !is_in(entry.day, view.as_of(), window));
    &entries[from..]
}

fn contacts_in(view: ProfileAt<'_>, window: Window) -> &[ContactDay] {
    let entries = &view.profile().history.contacts;
    let from = entries.partition_point(|entry| !is_in(entry.day, view.as_of(), window));
    &entries[from..]
}

/// Whether a day on or before `as_of` lies in the window.
fn is_in(day: Day, as_of: Day, window: Window) -> bool {
    i64::from(as_of - day) < i64::from(window.days())
}

/// A total in the currency of the definitions: exact but for what had to be converted, which is rounded once, half away from zero.
struct Total<'a> {
    currency: Currency,
    rates: &'a RateTable,
    exact_minor: i64,
    converted_major: f64,
}

impl<'a> Total<'a> {
    fn new(currency: Currency, rates: &'a RateTable) -> Self {
        Self {
            currency,
            rates,
            exact_minor: 0,
            converted_major: 0.0,
        }
    }

    fn add(&mut self, amount_minor: i64, booked: Currency, day: Day) -> Result<(), Absence> {
        if booked == self.currency {
            self.exact_minor = self.exact_minor.saturating_add(amount_minor);
        } else {
            let converted = self
                .rates
                .convert_major(amount_minor, booked, self.currency, day);
            self.converted_major += converted.ok_or(Absence::NoRate)?;
        }
        Ok(())
    }

    fn slot<'s>(self) -> Filling<'s> {
        let converted = major_to_money(self.converted_major, self.currency);
        let converted = converted.ok_or(Absence::NoRate)?.amount_minor;
        Ok(Slot::Int(self.exact_minor.saturating_add(converted)))
    }
}

/// What purchases came to.
fn spend<'a>(entries: &[PurchaseDay], currency: Currency, rates: &RateTable) -> Filling<'a> {
    let mut total = Total::new(currency, rates);
    for entry in entries {
        if entry.foreign_refunds.is_some() {
            let left = entry.converted_amount(rates, currency);
            total.converted_major += left.ok_or(Absence::NoRate)?;
        } else {
            total.add(entry.amount_minor, entry.currency, entry.day)?;
        }
    }
    total.slot()
}

/// What contacts cost.
fn costs<'a>(entries: &[ContactDay], definitions: &Definitions, rates: &RateTable) -> Filling<'a> {
    let mut total = Total::new(definitions.value().currency, rates);
    for entry in entries {
        let cost = cost_of_contacts(entry, Some(definitions)).ok_or(Absence::Missing)?;
        total.add(cost.amount_minor, cost.currency, entry.day)?;
    }
    total.slot()
}

/// The amounts that a term adds up, each a currency with the day by whose rate it is converted, and the currency that they are converted to.
#[must_use]
pub fn amounts_of(
    definitions: &Definitions,
    view: ProfileAt<'_>,
    term: &Term,
) -> (Vec<(Currency, Day)>, Currency) {
    let mut wanted = definitions.value().currency;
    let amounts = match term {
        Term::Spend(window) => {
            let entries = purchases_in(view, *window).iter();
            entries.flat_map(PurchaseDay::currencies).collect()
        }
        Term::CostToServe(window) => {
            let entries = contacts_in(view, *window).iter();
            entries
                .filter_map(|entry| Some((entry.currency?, entry.day)))
                .collect()
        }
        Term::Clv => {
            let settings = definitions.value();
            amounts(view, Some(settings), settings.horizon.months()).collect()
        }
        Term::Attribute(id) => {
            let attribute = definitions.vocabulary().attribute(*id);
            let fact = observation(view, attribute);
            let value = fact.and_then(|fact| Some((fact.value.as_ref()?, fact.observed_on)));
            match (&attribute.value_type, value) {
                (ValueType::Money(declared), Some((AttributeValue::Money(money), day))) => {
                    wanted = *declared;
                    vec![(money.currency, day)]
                }
                _ => vec![],
            }
        }
        Term::Tier
        | Term::ProbabilityAlive
        | Term::Orders(_)
        | Term::Contacts(..)
        | Term::DaysSinceLastOrder
        | Term::TenureDays
        | Term::RunningContracts
        | Term::Kind
        | Term::Segment(_)
        | Term::Contact(_) => vec![],
    };
    (amounts, wanted)
}
