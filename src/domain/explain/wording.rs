//! Sentences for people, in English and German. Numbers are exact; nothing is promised.

pub mod limits;

use super::{
    Gap,
    reasons::{About, Reason},
};
use crate::domain::{
    calendar::Day,
    definitions::{Definitions, Words},
    money::{Currency, Money},
    rules::{
        condition::{Predicate, Term, Test, TextOp},
        program::{Absence, Slot},
        syntax::Op,
        vocabulary::ValueType,
    },
    text::Label,
};

/// The language of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    En,
    /// German.
    De,
}

impl Language {
    const fn choose(self, en: &'static str, de: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::De => de,
        }
    }

    /// The text in this language, else in English.
    #[must_use]
    pub fn of(self, words: &Words) -> Label {
        match (self, &words.de) {
            (Self::De, Some(de)) => de.clone(),
            (Self::De, None) | (Self::En, _) => words.en.clone(),
        }
    }
}

/// A reason as one sentence without a full stop: `orders in the last 90 days: 2, asked for: at least 3`.
#[must_use]
pub fn reason(reason: &Reason<'_>, definitions: &Definitions, language: Language) -> String {
    match reason.about {
        About::Everyone => language
            .choose("everybody is meant", "alle sind gemeint")
            .to_owned(),
        About::Segment(segment) => {
            let title = language.of(&definitions.segment(segment).title);
            let earlier = language.choose(
                "belongs to an earlier segment",
                "gehört zu einem früheren Segment",
            );
            format!("{earlier}: {title}")
        }
        About::Leaf { leaf, is_negated } => {
            let term = term(&leaf.test.term, definitions, language);
            let observed = match leaf.observed {
                Ok(value) => value_text(&leaf.test.term, value, definitions, language),
                Err(absence) => absence_text(absence, language).to_owned(),
            };
            let wanted = wanted(leaf.test, is_negated, definitions, language);
            let asked = language.choose("asked for", "verlangt");
            format!("{term}: {observed}, {asked}: {wanted}")
        }
    }
}

/// Why there is no value.
#[must_use]
pub const fn absence_text(absence: Absence, language: Language) -> &'static str {
    match absence {
        Absence::Missing => language.choose("unknown", "unbekannt"),
        Absence::Stale => language.choose("too old to count", "zu alt, um zu zählen"),
        Absence::Future => language.choose("observed only later", "erst später beobachtet"),
        Absence::WrongType => {
            language.choose("not of the type it has now", "nicht vom heutigen Typ")
        }
        Absence::Unrated => language.choose("not rated", "nicht bewertet"),
        Absence::NoRate => language.choose(
            "not convertible for lack of a rate",
            "mangels Kurs nicht umrechenbar",
        ),
    }
}

/// What a term is called.
#[must_use]
pub fn term(term: &Term, definitions: &Definitions, language: Language) -> String {
    let window = |days: u32, en: &str, de: &str| match (language, days) {
        (Language::En, 1) => format!("{en} on the day"),
        (Language::De, 1) => format!("{de} am Tag"),
        (Language::En, _) => format!("{en} in the last {days} days"),
        (Language::De, _) => format!("{de} in den letzten {days} Tagen"),
    };
    match term {
        Term::Attribute(id) => language
            .of(&definitions.attributes()[id.0 as usize].description)
            .to_string(),
        Term::Clv => language.choose("lifetime value", "Kundenwert").to_owned(),
        Term::Tier => language.choose("tier", "Stufe").to_owned(),
        Term::ProbabilityAlive => language
            .choose(
                "probability of still being a customer",
                "Wahrscheinlichkeit, noch Kunde zu sein",
            )
            .to_owned(),
        Term::Orders(days) => window(days.days(), "days with an order", "Tage mit Bestellung"),
        Term::Spend(days) => window(days.days(), "spend", "Umsatz"),
        Term::Contacts(days, None) => window(days.days(), "contacts", "Kontakte"),
        Term::Contacts(days, Some(channel)) => {
            let (en, de) = (
                format!("contacts by {channel}"),
                format!("Kontakte über {channel}"),
            );
            window(days.days(), &en, &de)
        }
        Term::CostToServe(days) => window(days.days(), "cost of contacts", "Kosten der Kontakte"),
        Term::DaysSinceLastOrder => language
            .choose(
                "time since the last order",
                "Zeit seit der letzten Bestellung",
            )
            .to_owned(),
        Term::TenureDays => language
            .choose(
                "time since the first order",
                "Zeit seit der ersten Bestellung",
            )
            .to_owned(),
        Term::RunningContracts => language
            .choose("running contracts", "laufende Verträge")
            .to_owned(),
        Term::Kind => language
            .choose("kind of customer", "Art des Kunden")
            .to_owned(),
        Term::Segment(id) => {
            let title = language.of(&definitions.segment(*id).title);
            format!("{}: {title}", language.choose("member of", "gehört zu"))
        }
    }
}

/// What numbers of a term are.
enum Unit {
    Plain,
    Named(Label),
    Days,
    Money(Currency),
    Day,
    Tier,
    Percent,
}

fn unit(term: &Term, definitions: &Definitions, language: Language) -> Unit {
    match term {
        Term::Clv | Term::Spend(_) | Term::CostToServe(_) => {
            Unit::Money(definitions.value().currency)
        }
        Term::Tier => Unit::Tier,
        Term::ProbabilityAlive => Unit::Percent,
        Term::DaysSinceLastOrder | Term::TenureDays => Unit::Days,
        Term::Orders(_)
        | Term::Contacts(..)
        | Term::RunningContracts
        | Term::Kind
        | Term::Segment(_) => Unit::Plain,
        Term::Attribute(id) => {
            let definition = &definitions.attributes()[id.0 as usize];
            match (&definition.attribute.value_type, &definition.unit) {
                (ValueType::Money(currency), _) => Unit::Money(*currency),
                (ValueType::Day, _) => Unit::Day,
                (_, Some(unit)) if *unit.en == *"days" => Unit::Days,
                (_, Some(unit)) => Unit::Named(language.of(unit)),
                (_, None) => Unit::Plain,
            }
        }
    }
}

fn int_text(value: i64, unit: &Unit, definitions: &Definitions, language: Language) -> String {
    match unit {
        Unit::Plain | Unit::Percent => value.to_string(),
        Unit::Named(unit) => format!("{value} {unit}"),
        Unit::Days if value == 1 => language.choose("1 day", "1 Tag").to_owned(),
        Unit::Days => format!("{value} {}", language.choose("days", "Tage")),
        Unit::Money(currency) => {
            let money = Money {
                amount_minor: value,
                currency: *currency,
            };
            decimal(&money.to_string(), language)
        }
        Unit::Day => match i32::try_from(value)
            .ok()
            .and_then(|n| Day::from_number(n).ok())
        {
            Some(day) => day.to_string(),
            None => value.to_string(),
        },
        Unit::Tier => usize::try_from(value)
            .ok()
            .and_then(|ordinal| definitions.vocabulary().tiers().get(ordinal))
            .map_or_else(|| value.to_string(), ToString::to_string),
    }
}

fn number_text(value: f64, unit: &Unit, language: Language) -> String {
    match unit {
        // One decimal of a percent is what a probability is worth.
        Unit::Percent => decimal(&format!("{:.1} %", value * 100.0), language),
        Unit::Named(unit) => decimal(&format!("{value} {unit}"), language),
        Unit::Plain | Unit::Days | Unit::Money(_) | Unit::Day | Unit::Tier => {
            decimal(&value.to_string(), language)
        }
    }
}

/// The decimal sign of the language.
fn decimal(text: &str, language: Language) -> String {
    match language {
        Language::En => text.to_owned(),
        Language::De => text.replacen('.', ",", 1),
    }
}

/// A value of a term.
#[must_use]
pub fn value_text(
    term: &Term,
    value: Slot<'_>,
    definitions: &Definitions,
    language: Language,
) -> String {
    let unit = unit(term, definitions, language);
    match value {
        Slot::Missing => language.choose("unknown", "unbekannt").to_owned(),
        Slot::Int(value) => int_text(value, &unit, definitions, language),
        Slot::Num(value) => number_text(value, &unit, language),
        Slot::Bool(true) => language.choose("yes", "ja").to_owned(),
        Slot::Bool(false) => language.choose("no", "nein").to_owned(),
        Slot::Text(_, text) => text.to_owned(),
        Slot::List([]) => language.choose("none", "keine").to_owned(),
        Slot::List(tags) => tags.join(", "),
    }
}

/// The distance of a value from its limit, with its sign: `+3`, `-120.00 EUR`.
#[must_use]
pub fn gap_text(term: &Term, gap: Gap, definitions: &Definitions, language: Language) -> String {
    let unit = unit(term, definitions, language);
    let (text, is_positive) = match gap {
        // Between tiers and between days lie steps and days, not a tier or a date.
        Gap::Int(value) => match unit {
            Unit::Tier => (
                int_text(value, &Unit::Plain, definitions, language),
                value > 0,
            ),
            Unit::Day => (
                int_text(value, &Unit::Days, definitions, language),
                value > 0,
            ),
            Unit::Plain | Unit::Named(_) | Unit::Days | Unit::Money(_) | Unit::Percent => {
                (int_text(value, &unit, definitions, language), value > 0)
            }
        },
        Gap::Number(value) => (number_text(value, &unit, language), value > 0.0),
    };
    if is_positive {
        format!("+{text}")
    } else {
        text
    }
}

/// What the leaf asks for; with `is_negated` its contrary.
#[must_use]
pub fn wanted(
    test: &Test,
    is_negated: bool,
    definitions: &Definitions,
    language: Language,
) -> String {
    let unit = unit(&test.term, definitions, language);
    match &test.predicate {
        Predicate::Int(op, limit) => {
            let limit = int_text(*limit, &unit, definitions, language);
            compared(*op, is_negated, &limit, language)
        }
        Predicate::Number(op, limit) => {
            let limit = number_text(limit.get(), &unit, language);
            compared(*op, is_negated, &limit, language)
        }
        Predicate::Bool(wanted) => value_text(
            &test.term,
            Slot::Bool(*wanted != is_negated),
            definitions,
            language,
        ),
        Predicate::Text(op, part) => text_wanted(*op, part, is_negated, language),
        Predicate::IntIn(list) => {
            let list: Vec<String> = list
                .iter()
                .map(|&value| int_text(value, &unit, definitions, language))
                .collect();
            listed(&list, is_negated, language)
        }
        Predicate::NumberIn(list) => {
            let list: Vec<String> = list
                .iter()
                .map(|value| number_text(value.get(), &unit, language))
                .collect();
            listed(&list, is_negated, language)
        }
        Predicate::TextIn(list) => {
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            listed(&list, is_negated, language)
        }
        Predicate::HasTag(tag) if is_negated => {
            format!("{} {tag}", language.choose("without", "ohne"))
        }
        Predicate::HasTag(tag) => format!("{} {tag}", language.choose("with", "mit")),
        Predicate::Known if is_negated => language.choose("unknown", "unbekannt").to_owned(),
        Predicate::Known => language.choose("known", "bekannt").to_owned(),
    }
}

fn compared(op: Op, is_negated: bool, limit: &str, language: Language) -> String {
    let op = match (op, is_negated) {
        (op, false) => op,
        (Op::Eq, true) => Op::Ne,
        (Op::Ne, true) => Op::Eq,
        (Op::Lt, true) => Op::Ge,
        (Op::Le, true) => Op::Gt,
        (Op::Gt, true) => Op::Le,
        (Op::Ge, true) => Op::Lt,
    };
    let word = match op {
        Op::Eq => language.choose("exactly", "genau"),
        Op::Ne => language.choose("not", "nicht"),
        Op::Lt => language.choose("less than", "weniger als"),
        Op::Le => language.choose("at most", "höchstens"),
        Op::Gt => language.choose("more than", "mehr als"),
        Op::Ge => language.choose("at least", "mindestens"),
    };
    format!("{word} {limit}")
}

fn text_wanted(op: TextOp, text: &str, is_negated: bool, language: Language) -> String {
    let word = match (op, is_negated) {
        (TextOp::Is, false) | (TextOp::IsNot, true) => return text.to_owned(),
        (TextOp::Is, true) | (TextOp::IsNot, false) => language.choose("not", "nicht"),
        (TextOp::StartsWith, false) => language.choose("beginning with", "mit dem Anfang"),
        (TextOp::StartsWith, true) => language.choose("not beginning with", "nicht mit dem Anfang"),
        (TextOp::EndsWith, false) => language.choose("ending with", "mit dem Ende"),
        (TextOp::EndsWith, true) => language.choose("not ending with", "nicht mit dem Ende"),
        (TextOp::Contains, false) => language.choose("containing", "mit dem Bestandteil"),
        (TextOp::Contains, true) => language.choose("not containing", "ohne den Bestandteil"),
    };
    format!("{word} {text}")
}

fn listed(list: &[String], is_negated: bool, language: Language) -> String {
    let word = if is_negated {
        language.choose("none of", "keines von")
    } else {
        language.choose("one of", "eines von")
    };
    format!("{word} {}", list.join(", "))
}
