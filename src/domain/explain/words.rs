//! Terms, values and limits as people read them.

use crate::domain::{
    calendar::Day,
    definitions::{Definitions, Words},
    money::{Currency, Money},
    rules::{
        condition::{Predicate, Term, Test, Window},
        program::Slot,
        vocabulary::ValueType,
    },
};

/// English and German.
pub(super) fn words(en: impl Into<String>, de: impl Into<String>) -> Words {
    Words {
        en: en.into().into(),
        de: Some(de.into().into()),
    }
}

/// What a term asks for.
pub(super) fn subject(term: &Term, definitions: &Definitions) -> Words {
    let in_days = |en: &str, de: &str, window: &Window| {
        let days = window.days();
        words(
            format!("{en} in the last {days} days"),
            format!("{de} in den letzten {days} Tagen"),
        )
    };
    match term {
        Term::Attribute(id) => definitions.attributes()[id.0 as usize].description.clone(),
        Term::Clv => {
            let months = definitions.value().horizon.months();
            words(
                format!("Lifetime value over {months} months"),
                format!("Kundenwert über {months} Monate"),
            )
        }
        Term::Tier => words("Tier", "Stufe"),
        Term::ProbabilityAlive => words(
            "Probability of still being a customer",
            "Wahrscheinlichkeit, noch Kunde zu sein",
        ),
        Term::Orders(window) => in_days("Orders", "Bestellungen", window),
        Term::Spend(window) => in_days("Spend", "Umsatz", window),
        Term::Contacts(window, None) => in_days("Contacts", "Kontakte", window),
        Term::Contacts(window, Some(channel)) => in_days(
            &format!("Contacts by {channel}"),
            &format!("Kontakte per {channel}"),
            window,
        ),
        Term::CostToServe(window) => in_days("Cost to serve", "Betreuungskosten", window),
        Term::DaysSinceLastOrder => words(
            "Days since the last order",
            "Tage seit der letzten Bestellung",
        ),
        Term::TenureDays => words(
            "Days since the first order",
            "Tage seit der ersten Bestellung",
        ),
        Term::Kind => words("Kind of customer", "Kundenart"),
        Term::Segment(id) => {
            let title = &definitions.segments()[id.0 as usize].title;
            let german = title.de.as_ref().unwrap_or(&title.en);
            words(
                format!("Segment “{}”", title.en),
                format!("Segment „{german}“"),
            )
        }
    }
}

/// A term as a condition writes it.
pub(super) fn name(term: &Term, definitions: &Definitions) -> String {
    let days = |window: &Window| format!("days({})", window.days());
    match term {
        Term::Attribute(id) => definitions.vocabulary().attribute(*id).name.to_string(),
        Term::Clv => "clv".to_owned(),
        Term::Tier => "tier".to_owned(),
        Term::ProbabilityAlive => "probability_alive".to_owned(),
        Term::Orders(window) => format!("orders({})", days(window)),
        Term::Spend(window) => format!("spend({})", days(window)),
        Term::Contacts(window, None) => format!("contacts({})", days(window)),
        Term::Contacts(window, Some(channel)) => format!("contacts({}, {channel:?})", days(window)),
        Term::CostToServe(window) => format!("cost_to_serve({})", days(window)),
        Term::DaysSinceLastOrder => "days_since_last_order".to_owned(),
        Term::TenureDays => "tenure_days".to_owned(),
        Term::Kind => "kind".to_owned(),
        Term::Segment(id) => format!(
            "segment({:?})",
            &*definitions.segments()[id.0 as usize].name
        ),
    }
}

/// How the values of a term are written.
enum Shape {
    Money(Currency),
    Tier,
    Share,
    Day,
    Plain,
}

fn shape(term: &Term, definitions: &Definitions) -> Shape {
    match term {
        Term::Clv | Term::Spend(_) | Term::CostToServe(_) => {
            Shape::Money(definitions.value().currency)
        }
        Term::Tier => Shape::Tier,
        Term::ProbabilityAlive => Shape::Share,
        Term::Attribute(id) => match &definitions.vocabulary().attribute(*id).value_type {
            ValueType::Money(currency) => Shape::Money(*currency),
            ValueType::Day => Shape::Day,
            ValueType::Tier => Shape::Tier,
            ValueType::Bool
            | ValueType::Whole
            | ValueType::Days
            | ValueType::Number
            | ValueType::Text
            | ValueType::OneOf(_)
            | ValueType::Tags => Shape::Plain,
        },
        Term::Orders(_)
        | Term::Contacts(..)
        | Term::DaysSinceLastOrder
        | Term::TenureDays
        | Term::Kind
        | Term::Segment(_) => Shape::Plain,
    }
}

/// The currency of a term's amounts, which the program keeps in minor units.
pub(super) fn currency(term: &Term, definitions: &Definitions) -> Option<Currency> {
    match shape(term, definitions) {
        Shape::Money(currency) => Some(currency),
        Shape::Tier | Shape::Share | Shape::Day | Shape::Plain => None,
    }
}

/// The unit of a term's numbers; empty for a plain number.
pub(super) fn unit(term: &Term, definitions: &Definitions) -> String {
    match term {
        Term::Clv | Term::Spend(_) | Term::CostToServe(_) => {
            definitions.value().currency.to_string()
        }
        Term::Attribute(id) => {
            let attribute = definitions.vocabulary().attribute(*id);
            let currency = currency(term, definitions).map(|currency| currency.to_string());
            let unit = attribute.unit.as_ref().map(ToString::to_string);
            let days = (attribute.value_type == ValueType::Days).then(|| "days".to_owned());
            currency.or(unit).or(days).unwrap_or_default()
        }
        Term::Orders(_) => "orders".to_owned(),
        Term::Contacts(..) => "contacts".to_owned(),
        Term::DaysSinceLastOrder | Term::TenureDays => "days".to_owned(),
        Term::Tier => "tiers".to_owned(),
        Term::ProbabilityAlive | Term::Kind | Term::Segment(_) => String::new(),
    }
}

/// A value; `None` when there is none.
pub(super) fn observed(term: &Term, value: Slot<'_>, definitions: &Definitions) -> Option<String> {
    match value {
        Slot::Missing => None,
        Slot::Int(number) => Some(int(number, term, definitions)),
        Slot::Num(number) => Some(num(number, term, definitions)),
        Slot::Bool(value) => Some(if value { "yes" } else { "no" }.to_owned()),
        Slot::Text(_, text) => Some(text.to_owned()),
        Slot::List(tags) => Some(tags.join(", ")),
    }
}

fn int(number: i64, term: &Term, definitions: &Definitions) -> String {
    match shape(term, definitions) {
        Shape::Money(currency) => Money {
            amount_minor: number,
            currency,
        }
        .to_string(),
        Shape::Day => i32::try_from(number)
            .ok()
            .and_then(|number| Day::from_number(number).ok())
            .map_or_else(|| number.to_string(), |day| day.to_string()),
        Shape::Tier => {
            // Ordinals count from the last tier.
            let from_last = usize::try_from(number).unwrap_or(usize::MAX);
            let tiers = definitions.tiers();
            let at = tiers.len().checked_sub(from_last.saturating_add(1));
            at.map_or_else(|| number.to_string(), |at| tiers[at].name.to_string())
        }
        Shape::Share | Shape::Plain => number.to_string(),
    }
}

fn num(number: f64, term: &Term, definitions: &Definitions) -> String {
    match shape(term, definitions) {
        Shape::Share => format!("{:.1} %", number * 100.0),
        Shape::Money(_) | Shape::Tier | Shape::Day | Shape::Plain => format!("{number}"),
    }
}

/// What a test compares with; `None` where there is nothing to compare.
pub(super) fn limit(test: &Test, definitions: &Definitions) -> Option<String> {
    let term = &test.term;
    match &test.predicate {
        Predicate::Int(_, value) => Some(int(*value, term, definitions)),
        Predicate::Number(_, value) => Some(num(value.get(), term, definitions)),
        Predicate::Bool(value) => Some(if *value { "yes" } else { "no" }.to_owned()),
        Predicate::Text(_, constant) | Predicate::HasTag(constant) => Some(constant.to_string()),
        Predicate::IntIn(list) => Some(
            list.iter()
                .map(|value| int(*value, term, definitions))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        Predicate::NumberIn(list) => Some(
            list.iter()
                .map(|value| num(value.get(), term, definitions))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        Predicate::TextIn(list) => Some(list.join(", ")),
        Predicate::Known => None,
    }
}
