//! The typed values of a leaf: how it compares, what it requires, what was observed, and the gap between the two.

use super::{Gap, Leaf};
use crate::domain::{
    assess::segments::slots::kind_text,
    calendar::Day,
    customer::CustomerKind,
    definitions::{Definitions, LocalizedText},
    money::{Currency, Money},
    rules::{
        condition::{Predicate, Term, Test, TextOp},
        program::{Absence, Slot},
        syntax::Op,
        vocabulary::ValueType,
    },
    text::Label,
};

/// A value of a term.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64, Unit<'a>),
    /// A finite number.
    Number(f64, Unit<'a>),
    /// A text.
    Text(&'a str),
    /// A kind of customer.
    Kind(CustomerKind),
    /// An amount.
    Money(Money),
    /// A calendar day.
    Day(Day),
    /// A tier, by its name.
    Tier(&'a str),
    /// Tags.
    Tags(&'a [Label]),
}

/// The unit of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit<'a> {
    /// None.
    Plain,
    /// A probability, 0 to 1; people read percent.
    Share,
    /// Days.
    Days,
    /// Steps between tiers; only a gap has them.
    Tiers,
    /// The unit that the definitions give an attribute.
    Named(&'a LocalizedText),
}

/// How a leaf compares the observed with the required values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `==`, `!=`, `<`, `<=`, `>`, `>=`
    Compare(Op),
    /// `x in [...]`
    In,
    /// `"x" in tags`
    HasTag,
    /// `.startsWith("...")`
    StartsWith,
    /// `.endsWith("...")`
    EndsWith,
    /// `.contains("...")`
    Contains,
    /// `has(x)`
    Known,
}

impl Operator {
    /// The operator of a predicate.
    #[must_use]
    pub const fn from_predicate(predicate: &Predicate) -> Self {
        match predicate {
            Predicate::Int(op, _) | Predicate::Number(op, _) => Self::Compare(*op),
            Predicate::Bool(_) | Predicate::Text(TextOp::Is, _) => Self::Compare(Op::Eq),
            Predicate::Text(TextOp::IsNot, _) => Self::Compare(Op::Ne),
            Predicate::Text(TextOp::StartsWith, _) => Self::StartsWith,
            Predicate::Text(TextOp::EndsWith, _) => Self::EndsWith,
            Predicate::Text(TextOp::Contains, _) => Self::Contains,
            Predicate::IntIn(_) | Predicate::NumberIn(_) | Predicate::TextIn(_) => Self::In,
            Predicate::HasTag(_) => Self::HasTag,
            Predicate::Known => Self::Known,
        }
    }
}

/// The comparison that holds exactly where `op` fails.
#[must_use]
pub const fn contrary(op: Op) -> Op {
    match op {
        Op::Eq => Op::Ne,
        Op::Ne => Op::Eq,
        Op::Lt => Op::Ge,
        Op::Le => Op::Gt,
        Op::Gt => Op::Le,
        Op::Ge => Op::Lt,
    }
}

/// The required values of a leaf: several for [`Operator::In`], none for [`Operator::Known`], one for all others.
#[must_use]
pub fn required<'a>(test: &'a Test, definitions: &'a Definitions) -> Vec<Value<'a>> {
    let term = &test.term;
    match &test.predicate {
        Predicate::Int(_, value) => vec![from_int(term, *value, definitions)],
        Predicate::Number(_, value) => vec![from_number(term, value.get(), definitions)],
        Predicate::Bool(value) => vec![Value::Bool(*value)],
        Predicate::Text(_, part) => vec![from_text(term, part)],
        Predicate::IntIn(list) => {
            let values = list.iter();
            values
                .map(|&value| from_int(term, value, definitions))
                .collect()
        }
        Predicate::NumberIn(list) => {
            let values = list.iter();
            values
                .map(|value| from_number(term, value.get(), definitions))
                .collect()
        }
        Predicate::TextIn(list) => list.iter().map(|name| from_text(term, name)).collect(),
        Predicate::HasTag(tag) => vec![Value::Text(tag)],
        Predicate::Known => Vec::new(),
    }
}

/// The observed value of a leaf.
///
/// # Errors
/// Why there is none.
pub fn observed<'a>(leaf: &Leaf<'a>, definitions: &'a Definitions) -> Result<Value<'a>, Absence> {
    let term = &leaf.test.term;
    Ok(match leaf.observed? {
        // Slots never return it as a value.
        Slot::Missing => return Err(Absence::Missing),
        Slot::Int(value) => from_int(term, value, definitions),
        Slot::Num(value) => from_number(term, value, definitions),
        Slot::Bool(value) => Value::Bool(value),
        Slot::Text(_, name) => from_text(term, name),
        Slot::List(tags) => Value::Tags(tags),
    })
}

/// Observed less required value, of a comparison of known numbers, amounts, days or tiers.
#[must_use]
pub fn gap<'a>(leaf: &Leaf<'a>, definitions: &'a Definitions) -> Option<Value<'a>> {
    let scale = scale(&leaf.test.term, definitions);
    Some(match (leaf.gap?, scale) {
        (Gap::Int(amount_minor), Scale::Money(currency)) => Value::Money(Money {
            amount_minor,
            currency,
        }),
        (Gap::Int(days), Scale::Calendar) => Value::Int(days, Unit::Days),
        (Gap::Int(steps), Scale::Tiers) => Value::Int(steps, Unit::Tiers),
        (Gap::Int(value), Scale::Number(unit)) => Value::Int(value, unit),
        (Gap::Number(value), scale) => Value::Number(value, scale.unit()),
    })
}

/// What the numbers of a term are.
#[derive(Clone, Copy)]
enum Scale<'a> {
    Number(Unit<'a>),
    Money(Currency),
    Calendar,
    Tiers,
}

impl<'a> Scale<'a> {
    const fn unit(self) -> Unit<'a> {
        match self {
            Self::Number(unit) => unit,
            Self::Money(_) | Self::Calendar | Self::Tiers => Unit::Plain,
        }
    }
}

fn scale<'a>(term: &Term, definitions: &'a Definitions) -> Scale<'a> {
    match term {
        Term::Clv | Term::Spend(_) | Term::CostToServe(_) => {
            Scale::Money(definitions.value().currency)
        }
        Term::Tier => Scale::Tiers,
        Term::ProbabilityAlive => Scale::Number(Unit::Share),
        Term::DaysSinceLastOrder | Term::TenureDays => Scale::Number(Unit::Days),
        Term::Orders(_)
        | Term::Contacts(..)
        | Term::RunningContracts
        | Term::Kind
        | Term::Segment(_)
        | Term::Contact(_) => Scale::Number(Unit::Plain),
        Term::Attribute(id) => {
            let definition = &definitions.attributes()[id.0 as usize];
            match (&definition.attribute.value_type, &definition.unit) {
                (ValueType::Money(currency), _) => Scale::Money(*currency),
                (ValueType::Day, _) => Scale::Calendar,
                (ValueType::Days, _) => Scale::Number(Unit::Days),
                (_, Some(unit)) if *unit.en == *"days" => Scale::Number(Unit::Days),
                (_, Some(unit)) => Scale::Number(Unit::Named(unit)),
                (_, None) => Scale::Number(Unit::Plain),
            }
        }
    }
}

fn from_int<'a>(term: &Term, value: i64, definitions: &'a Definitions) -> Value<'a> {
    let plain = Value::Int(value, Unit::Plain);
    match scale(term, definitions) {
        Scale::Number(unit) => Value::Int(value, unit),
        Scale::Money(currency) => Value::Money(Money {
            amount_minor: value,
            currency,
        }),
        Scale::Calendar => {
            let day = i32::try_from(value).ok();
            let day = day.and_then(|number| Day::from_number(number).ok());
            day.map_or(plain, Value::Day)
        }
        Scale::Tiers => {
            let ordinal = usize::try_from(value).ok();
            let tiers = definitions.vocabulary().tiers();
            let tier = ordinal.and_then(|ordinal| tiers.get(ordinal));
            tier.map_or(plain, |name| Value::Tier(name))
        }
    }
}

fn from_number<'a>(term: &Term, value: f64, definitions: &'a Definitions) -> Value<'a> {
    Value::Number(value, scale(term, definitions).unit())
}

/// A text; the kinds of customers are no texts of their own.
fn from_text<'a>(term: &Term, text: &'a str) -> Value<'a> {
    let kinds = CustomerKind::ALL.into_iter();
    let kind = kinds
        .filter(|_| *term == Term::Kind)
        .find(|&kind| kind_text(kind) == text);
    kind.map_or(Value::Text(text), Value::Kind)
}
