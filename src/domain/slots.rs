//! From a customer to the slots that a program of conditions reads: what each term is for this customer on this day, or why it is not
//! known.

use crate::domain::{
    calendar::Day,
    customer::CustomerKind,
    definitions::Definitions,
    facts::{AttributeFact, AttributeValue},
    money::Currency,
    profile::{History, ProfileAt, PurchaseDay},
    rules::{
        condition::{Term, Window},
        program::{Absence, Program, Slot, Slots},
        vocabulary::{Attribute, ValueType},
    },
    text::Label,
    tiers::{TierIndex, Unrated},
    valuation::Valuation,
};

/// Everything that terms can ask for.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The customer on the day.
    pub view: ProfileAt<'a>,
    /// What they are worth.
    pub valuation: &'a Valuation,
    /// The tier they hold.
    pub tier: Result<TierIndex, Unrated>,
}

/// Fills the slots of all terms but segments, which are filled one after another as they are decided.
#[must_use]
pub fn fill<'a>(definitions: &'a Definitions, subject: Subject<'a>) -> Slots<'a> {
    let program = definitions.program();
    let mut slots = program.slots();
    for (at, term) in program.terms().iter().enumerate() {
        match value(term, definitions, program, subject) {
            Ok(value) => slots.set(at, value),
            Err(absence) => slots.set_missing(at, absence),
        }
    }
    slots
}

fn value<'a>(
    term: &Term,
    definitions: &'a Definitions,
    program: &Program,
    subject: Subject<'a>,
) -> Result<Slot<'a>, Absence> {
    let (view, history) = (subject.view, &subject.view.profile().history);
    let currency = definitions.value().currency;
    match term {
        Term::Attribute(id) => attribute(definitions.vocabulary().attribute(*id), program, view),
        Term::Clv => match subject.valuation.lifetime_value {
            Ok(money) => Ok(Slot::Int(money.amount_minor)),
            Err(reason) => Err(absence(reason)),
        },
        Term::Tier => {
            // Ordinals count from the last tier, so that a better tier is greater.
            let last = definitions.tiers().len();
            let index = subject.tier.map_err(absence)?;
            Ok(int(last.saturating_sub(index.rank())))
        }
        Term::ProbabilityAlive => {
            let orders = subject.valuation.orders.as_ref();
            orders
                .map(|orders| Slot::Num(orders.probability_alive))
                .ok_or(Absence::Unrated)
        }
        Term::Orders(window) => Ok(int(distinct_days(purchases_in(
            history,
            *window,
            view.as_of(),
        )))),
        Term::Spend(window) => spend(history, *window, view.as_of(), currency),
        Term::Contacts(window, channel) => {
            Ok(contacts(history, *window, view.as_of(), channel.as_ref()))
        }
        Term::CostToServe(window) => {
            cost_to_serve(history, (*window, view.as_of()), currency, definitions).map(Slot::Int)
        }
        Term::DaysSinceLastOrder => days_since(view, |summary| summary.last_day),
        Term::TenureDays => days_since(view, |summary| summary.first_day),
        Term::Kind => Ok(program.text(kind_name(view.profile().kind))),
        Term::Segment(_) => Err(Absence::Missing),
    }
}

/// The name of a kind in conditions.
#[must_use]
pub fn kind_name(kind: CustomerKind) -> &'static str {
    match kind {
        CustomerKind::Person => "PERSON",
        CustomerKind::Company => "COMPANY",
        CustomerKind::Employee => "EMPLOYEE",
    }
}

fn absence(reason: Unrated) -> Absence {
    match reason {
        Unrated::NoRate => Absence::NoRate,
        Unrated::NotApplicable | Unrated::NoPurchase | Unrated::NoModel | Unrated::NoMean => {
            Absence::Unrated
        }
    }
}

fn int<'a>(count: usize) -> Slot<'a> {
    Slot::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn attribute<'a>(
    attribute: &Attribute,
    program: &Program,
    view: ProfileAt<'a>,
) -> Result<Slot<'a>, Absence> {
    let fact = find(&view.profile().history, &attribute.name).ok_or(Absence::Missing)?;
    let value = fact.value.as_ref().ok_or(Absence::Missing)?;
    let age_days = view.as_of() - fact.observed_on;
    if age_days < 0 {
        return Err(Absence::Future);
    }
    if attribute
        .max_age_days
        .is_some_and(|most| age_days.unsigned_abs() > most)
    {
        return Err(Absence::Stale);
    }
    typed(&attribute.value_type, value, program).ok_or(Absence::WrongType)
}

/// The observation that holds for an attribute.
#[must_use]
pub fn find<'a>(history: &'a History, name: &Label) -> Option<&'a AttributeFact> {
    let at = history
        .attributes
        .binary_search_by(|fact| fact.name.cmp(name))
        .ok()?;
    history.attributes.get(at)
}

/// The value, if it is of the type that the catalogue gives the attribute.
fn typed<'a>(
    value_type: &ValueType,
    value: &'a AttributeValue,
    program: &Program,
) -> Option<Slot<'a>> {
    match (value_type, value) {
        (ValueType::Bool, AttributeValue::Bool(value)) => Some(Slot::Bool(*value)),
        (ValueType::Whole | ValueType::Days, AttributeValue::Int(value)) => Some(Slot::Int(*value)),
        (ValueType::Number, AttributeValue::Number(value)) => Some(Slot::Num(*value)),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a whole number given for a number: as near as f64 comes"
        )]
        (ValueType::Number, AttributeValue::Int(value)) => Some(Slot::Num(*value as f64)),
        (ValueType::Text, AttributeValue::Text(text)) => Some(program.text(text)),
        (ValueType::OneOf(values), AttributeValue::Text(text)) => {
            values.contains(text).then(|| program.text(text))
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

/// Entries of the days in `(as_of - window, as_of]`.
fn purchases_in(history: &History, window: Window, as_of: Day) -> &[PurchaseDay] {
    let first = history
        .purchases
        .partition_point(|entry| as_of - entry.day >= days(window));
    &history.purchases[first..]
}

fn distinct_days(entries: &[PurchaseDay]) -> usize {
    entries.chunk_by(|one, other| one.day == other.day).count()
}

fn days(window: Window) -> i32 {
    i32::try_from(window.days()).unwrap_or(i32::MAX)
}

fn spend<'a>(
    history: &History,
    window: Window,
    as_of: Day,
    currency: Currency,
) -> Result<Slot<'a>, Absence> {
    let mut total: i64 = 0;
    for entry in purchases_in(history, window, as_of) {
        if entry.currency != currency {
            return Err(Absence::NoRate);
        }
        total = total.saturating_add(entry.amount_minor);
    }
    Ok(Slot::Int(total))
}

fn contacts<'a>(
    history: &History,
    window: Window,
    as_of: Day,
    channel: Option<&Label>,
) -> Slot<'a> {
    let inside = history
        .contacts
        .iter()
        .filter(|entry| as_of - entry.day < days(window));
    let of_channel = inside.filter(|entry| channel.is_none_or(|channel| entry.channel == *channel));
    Slot::Int(of_channel.map(|entry| i64::from(entry.count)).sum())
}

/// Cost of the contacts in the window, in minor units: what the facts say, else what the channel costs by the definitions.
fn cost_to_serve(
    history: &History,
    (window, as_of): (Window, Day),
    currency: Currency,
    definitions: &Definitions,
) -> Result<i64, Absence> {
    let mut total: i64 = 0;
    for entry in history
        .contacts
        .iter()
        .filter(|entry| as_of - entry.day < days(window))
    {
        let cost_minor = match entry.currency {
            Some(of) if of == currency => entry.cost_minor,
            Some(_) => return Err(Absence::NoRate),
            None => {
                let channel = definitions
                    .channels()
                    .iter()
                    .find(|channel| channel.name == entry.channel);
                let cost = channel
                    .and_then(|channel| channel.cost)
                    .ok_or(Absence::Missing)?;
                cost.amount_minor.saturating_mul(entry.count.into())
            }
        };
        total = total.saturating_add(cost_minor);
    }
    Ok(total)
}

fn days_since<'a>(
    view: ProfileAt<'a>,
    day: impl Fn(&crate::domain::profile::PurchaseSummary<'a>) -> Day,
) -> Result<Slot<'a>, Absence> {
    let summary = view.purchases().ok_or(Absence::Missing)?;
    Ok(Slot::Int((view.as_of() - day(&summary)).into()))
}
