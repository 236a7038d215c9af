//! Attribute values: within the packed part of a profile, and one by one in the table of attribute facts.

use prost::Message;

use crate::{
    domain::{customer::facts::AttributeValue, money::Money, text::Label},
    store::{codes, error::StoreError},
};

#[derive(Clone, PartialEq, Message)]
pub(super) struct PackedValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5, 6, 7")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Value {
    #[prost(bool, tag = "1")]
    Bool(bool),
    #[prost(sint64, tag = "2")]
    Int(i64),
    #[prost(double, tag = "3")]
    Number(f64),
    #[prost(string, tag = "4")]
    Text(String),
    #[prost(message, tag = "5")]
    Money(PackedMoney),
    #[prost(sint32, tag = "6")]
    Day(i32),
    #[prost(message, tag = "7")]
    Tags(PackedTags),
}

#[derive(Clone, PartialEq, Message)]
struct PackedMoney {
    #[prost(sint64, tag = "1")]
    amount_minor: i64,
    #[prost(string, tag = "2")]
    currency: String,
}

#[derive(Clone, PartialEq, Message)]
struct PackedTags {
    #[prost(string, repeated, tag = "1")]
    tags: Vec<String>,
}

/// Packs one attribute value, as it stands in the table of attribute facts.
pub(in crate::store) fn pack_value(value: &AttributeValue) -> Vec<u8> {
    packed_value(value).encode_to_vec()
}

/// Unpacks one attribute value.
pub(in crate::store) fn unpack_value(bytes: &[u8]) -> Result<AttributeValue, StoreError> {
    let packed = PackedValue::decode(bytes)
        .map_err(|error| StoreError::corrupt("packed attribute value", error))?;
    attribute_value(packed)
}

pub(super) fn packed_value(value: &AttributeValue) -> PackedValue {
    let value = match value {
        AttributeValue::Bool(value) => Value::Bool(*value),
        AttributeValue::Int(value) => Value::Int(*value),
        AttributeValue::Number(value) => Value::Number(*value),
        AttributeValue::Text(value) => Value::Text(value.to_string()),
        AttributeValue::Money(money) => Value::Money(PackedMoney {
            amount_minor: money.amount_minor,
            currency: money.currency.to_string(),
        }),
        AttributeValue::Day(day) => Value::Day(day.number()),
        AttributeValue::Tags(tags) => Value::Tags(PackedTags {
            tags: tags.iter().map(ToString::to_string).collect(),
        }),
    };
    PackedValue { value: Some(value) }
}

pub(super) fn attribute_value(packed: PackedValue) -> Result<AttributeValue, StoreError> {
    let value = packed
        .value
        .ok_or_else(|| StoreError::corrupt("attribute value", "of an unknown type"))?;
    Ok(match value {
        Value::Bool(value) => AttributeValue::Bool(value),
        Value::Int(value) => AttributeValue::Int(value),
        Value::Number(value) => AttributeValue::Number(value),
        Value::Text(value) => AttributeValue::Text(value.into()),
        Value::Money(money) => AttributeValue::Money(Money {
            amount_minor: money.amount_minor,
            currency: codes::currency(&money.currency)?,
        }),
        Value::Day(number) => AttributeValue::Day(codes::day(number)?),
        Value::Tags(tags) => AttributeValue::Tags(tags.tags.into_iter().map(Label::from).collect()),
    })
}
