//! The value of an attribute in a test.

use crate::domain::{
    customer::facts::AttributeValue,
    definitions::{fields, yaml::Node},
    rules::{
        amount,
        diagnostic::{Code, Diagnostics},
        vocabulary::{Attribute, ValueType},
    },
};

/// A value as the attribute has it.
pub(super) fn value_of(
    node: &Node,
    attribute: &Attribute,
    problems: &mut Diagnostics,
) -> Option<AttributeValue> {
    if let ValueType::Tags = attribute.value_type {
        let what = format!("`{}`", attribute.name);
        let mut tags = fields::unique(node, node.span, &what, problems, fields::text)?;
        tags.sort();
        return Some(AttributeValue::Tags(tags.into()));
    }
    let written = fields::scalar(node, problems)?;
    let value = match &attribute.value_type {
        ValueType::Bool => written.parse().ok().map(AttributeValue::Bool),
        ValueType::Whole | ValueType::Days => written.parse().ok().map(AttributeValue::Int),
        ValueType::Number => {
            let number = written
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite());
            number.map(AttributeValue::Number)
        }
        ValueType::Text => fields::text(node, problems).map(AttributeValue::Text),
        ValueType::OneOf(values) => {
            let listed = values.iter().find(|value| ***value == *written);
            listed.cloned().map(AttributeValue::Text)
        }
        ValueType::Money(currency) => {
            let money = amount::parse(written).ok();
            let money = money.filter(|money| money.currency == *currency);
            money.map(AttributeValue::Money)
        }
        ValueType::Day => written.parse().ok().map(AttributeValue::Day),
        // No attribute is of these, and tags are read above.
        ValueType::Tags | ValueType::Tier | ValueType::Time => None,
    };
    if value.is_none() {
        let message = format!(
            "{written:?} is no value of `{}`, which is {}",
            attribute.name,
            attribute.value_type.describe()
        );
        problems.add(node.span, Code::BadValue, message);
    }
    value
}
