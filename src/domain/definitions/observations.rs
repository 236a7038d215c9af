//! Whether what a source sends fits the definitions: the type of an attribute, and the names that they list.
//!
//! An attribute of another type would be stored, count as UNKNOWN and hide the value before it. Attributes that the definitions do not have are
//! nobody's mistake: they may come before the definitions do.

use super::Definitions;
use crate::domain::{
    customer::facts::AttributeValue,
    rules::vocabulary::{Attribute, ValueType},
    text::Label,
};

/// Why an observation does not fit the definitions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// The value has another type.
    #[error("is {found}; the definitions say {name} is {expected}")]
    OtherType {
        /// The attribute.
        name: Label,
        /// What the value is.
        found: &'static str,
        /// What it must be.
        expected: String,
    },
    /// A text that is none of the listed ones.
    #[error("{value:?} is not a value of {name}{}: {expected}", similar.as_ref().map(|it| format!(", did you mean {it:?}")).unwrap_or_default())]
    OtherValue {
        /// The attribute.
        name: Label,
        /// The text.
        value: Label,
        /// The listed text that differs in case only.
        similar: Option<Label>,
        /// What it must be.
        expected: String,
    },
}

/// Largest number of which every smaller whole one is exact.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

impl Definitions {
    /// The type of an attribute; `None` for one that the definitions do not have.
    #[must_use]
    pub fn value_type(&self, name: &str) -> Option<&ValueType> {
        Some(&self.find(name)?.value_type)
    }

    /// Why a value of an attribute does not fit; `None` where it does, and for an attribute that the definitions do not have.
    #[must_use]
    pub fn contradiction(&self, name: &str, value: &AttributeValue) -> Option<Contradiction> {
        let attribute = self.find(name)?;
        if let (ValueType::OneOf(values), AttributeValue::Text(text)) =
            (&attribute.value_type, value)
        {
            return (!values.contains(text)).then(|| Contradiction::OtherValue {
                name: attribute.name.clone(),
                value: text.clone(),
                similar: similar(text, values.iter()),
                expected: attribute.value_type.describe(),
            });
        }
        (!fits(value, &attribute.value_type)).then(|| Contradiction::OtherType {
            name: attribute.name.clone(),
            found: kind(value),
            expected: attribute.value_type.describe(),
        })
    }

    fn find(&self, name: &str) -> Option<&Attribute> {
        let mut attributes = self.attributes().iter().map(|it| &it.attribute);
        attributes.find(|it| *it.name == *name)
    }

    /// Whether the definitions list channels and this one is not among them; then with the listed one that differs in case only, if any.
    #[must_use]
    pub fn unknown_channel(&self, name: &str) -> Option<Option<Label>> {
        let names = || self.channels().iter().map(|channel| &channel.name);
        let is_unknown = !self.channels().is_empty() && !names().any(|known| **known == *name);
        is_unknown.then(|| similar(name, names()))
    }
}

/// The name that differs in case only.
fn similar<'a>(text: &str, mut names: impl Iterator<Item = &'a Label>) -> Option<Label> {
    let folded = text.trim().to_lowercase();
    names.find(|name| name.to_lowercase() == folded).cloned()
}

/// Whether a condition could read the value. Money of any currency fits: it is converted.
fn fits(value: &AttributeValue, value_type: &ValueType) -> bool {
    match (value_type, value) {
        (ValueType::Bool, AttributeValue::Bool(_))
        | (ValueType::Whole | ValueType::Days | ValueType::Number, AttributeValue::Int(_))
        | (ValueType::Number, AttributeValue::Number(_))
        | (ValueType::Text | ValueType::OneOf(_), AttributeValue::Text(_))
        | (ValueType::Money(_), AttributeValue::Money(_))
        | (ValueType::Day, AttributeValue::Day(_))
        | (ValueType::Tags, AttributeValue::Tags(_)) => true,
        // JSON does not tell 3.0 from 3.
        (ValueType::Whole | ValueType::Days, AttributeValue::Number(number)) => {
            number.fract() == 0.0 && number.abs() <= LARGEST_WHOLE
        }
        _ => false,
    }
}

fn kind(value: &AttributeValue) -> &'static str {
    match value {
        AttributeValue::Bool(_) => "true or false",
        AttributeValue::Int(_) => "a whole number",
        AttributeValue::Number(_) => "a number",
        AttributeValue::Text(_) => "a text",
        AttributeValue::Money(_) => "money",
        AttributeValue::Day(_) => "a day",
        AttributeValue::Tags(_) => "a set of tags",
    }
}
