//! Sentences for people, in English and German. Numbers are exact; nothing is promised.

pub mod limits;
pub mod values;

use self::values::{int_text, name_text, number_text, unit, value_text};
use super::reasons::{About, Reason};
use crate::domain::{
    definitions::{Definitions, LocalizedText},
    rules::{
        condition::{Predicate, Term, Test, TextOp},
        program::{Absence, Slot},
        syntax::Op,
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
    pub fn of(self, words: &LocalizedText) -> Label {
        match (self, &words.de) {
            (Self::De, Some(de)) => de.clone(),
            (Self::De, None) | (Self::En, _) => words.en.clone(),
        }
    }
}

/// A reason as one sentence without a full stop: `orders in the last 90 days: 2, required: at least 3`.
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
            let asked = language.choose("required", "verlangt");
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
        Predicate::Text(op, part) => {
            let part = name_text(&test.term, part, language);
            text_wanted(*op, part, is_negated, language)
        }
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
            let names = list.iter();
            let names = names.map(|name| name_text(&test.term, name, language).to_owned());
            listed(&names.collect::<Vec<_>>(), is_negated, language)
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
