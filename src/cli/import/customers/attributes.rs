//! Attributes of customers: where they stand in a row, and what their cells say.

use super::CustomersArgs;
use crate::cli::error::CliError;
use crate::cli::import::amount::{currency_in, parse_amount};
use crate::cli::import::args::Formats;
use crate::cli::import::columns::Header;
use crate::cli::import::currency::RowCurrency;
use crate::cli::import::number::Number;
use crate::cli::import::pick::Pair;
use crate::cli::import::row::{Row, free_text, short_text};
use crate::cli::text::money_text;
use crate::domain::calendar::Day;
use crate::domain::customer::facts::AttributeValue;
use crate::domain::definitions::Definitions;
use crate::domain::money::Money;
use crate::domain::rules::vocabulary::ValueType;
use crate::domain::text::Label;
use crate::pb;
use crate::pb::attribute_value::Value;

/// Type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AttributeType {
    Bool,
    Int,
    Number,
    Text,
    Day,
    Money,
    Tags,
}

impl AttributeType {
    /// The type in which a cell of such an attribute is read.
    fn of(value_type: &ValueType) -> Self {
        match value_type {
            ValueType::Bool => Self::Bool,
            ValueType::Whole | ValueType::Days => Self::Int,
            ValueType::Number => Self::Number,
            ValueType::Money(_) => Self::Money,
            ValueType::Day => Self::Day,
            ValueType::Tags => Self::Tags,
            ValueType::Text | ValueType::OneOf(_) | ValueType::Tier | ValueType::Time => Self::Text,
        }
    }

    fn named(name: &str) -> Option<Self> {
        match name {
            "bool" => Some(Self::Bool),
            "int" => Some(Self::Int),
            "number" => Some(Self::Number),
            "text" => Some(Self::Text),
            "day" => Some(Self::Day),
            "money" => Some(Self::Money),
            "tags" => Some(Self::Tags),
            _ => None,
        }
    }
}

/// Where an attribute stands in a row.
#[derive(Debug)]
struct AttributeColumn {
    name: String,
    column: usize,
    /// What the option states or the definitions have; `None` is a text.
    kind: Option<AttributeType>,
}

/// The columns of attributes.
#[derive(Debug)]
pub(super) struct AttributeColumns {
    columns: Vec<AttributeColumn>,
    currency: RowCurrency,
    source: String,
    /// Those in force, if they are known.
    definitions: Option<Box<Definitions>>,
}

impl AttributeColumns {
    /// Finds the columns.
    ///
    /// # Errors
    ///
    /// Wrong usage: a column that is not there, an attribute without a proper name or type.
    pub(super) fn new(args: &CustomersArgs, header: &Header) -> Result<Self, CliError> {
        let columns = args.attribute.iter();
        let columns: Result<Vec<_>, _> =
            columns.map(|pair| attribute_column(pair, header)).collect();
        Ok(Self {
            columns: columns?,
            currency: RowCurrency::new(
                args.currency.as_deref(),
                args.currency_column.as_deref(),
                header,
            )?,
            source: args.file.source.clone(),
            definitions: None,
        })
    }

    /// Cells whose type no option states have the type of these definitions from now on. A value that contradicts them is a wrong cell, as the server
    /// would refuse it.
    pub(super) fn hold_against(&mut self, definitions: Box<Definitions>) {
        for AttributeColumn { name, kind, .. } in &mut self.columns {
            *kind = kind.or_else(|| definitions.value_type(name).map(AttributeType::of));
        }
        self.definitions = Some(definitions);
    }

    /// The attributes of a row. What is wrong with a cell costs the cell.
    pub(super) fn read(
        &self,
        row: &mut Row<'_>,
        formats: &Formats,
        observed_on: &str,
    ) -> Vec<pb::AttributeValue> {
        let mut values = Vec::new();
        for attribute in &self.columns {
            let kind = attribute.kind.unwrap_or(AttributeType::Text);
            let currency = if kind == AttributeType::Money {
                self.currency.optional(row)
            } else {
                None
            };
            let value = row.parse_cell(attribute.column, |text| {
                let value = if kind == AttributeType::Money {
                    money(text, currency, formats)
                } else {
                    value(text, kind, formats)
                }?;
                self.fits(&attribute.name, &value)?;
                Ok(value)
            });
            if let Some(value) = value {
                values.push(pb::AttributeValue {
                    name: attribute.name.clone(),
                    value: Some(value),
                    observed_on: observed_on.to_owned(),
                    source: self.source.clone(),
                });
            }
        }
        values
    }

    fn fits(&self, name: &str, value: &Value) -> Result<(), String> {
        let definitions = self.definitions.as_deref();
        let contradiction = definitions
            .zip(observed(value))
            .and_then(|(definitions, value)| definitions.contradiction(name, &value));
        contradiction.map_or(Ok(()), |contradiction| Err(contradiction.to_string()))
    }
}

/// What definitions judge of a value: its type, and its text. `None` for one that the server finds wrong whatever the definitions are.
fn observed(value: &Value) -> Option<AttributeValue> {
    Some(match value {
        Value::BoolValue(value) => AttributeValue::Bool(*value),
        Value::IntValue(value) => AttributeValue::Int(*value),
        Value::DoubleValue(value) => AttributeValue::Number(*value),
        Value::TextValue(text) => AttributeValue::Text(Label::from(text.trim())),
        Value::DayValue(day) => AttributeValue::Day(day.parse::<Day>().ok()?),
        Value::MoneyValue(money) => AttributeValue::Money(Money {
            amount_minor: money.amount_minor,
            currency: money.currency.parse().ok()?,
        }),
        Value::TagsValue(tags) => {
            AttributeValue::Tags(tags.tags.iter().map(|tag| Label::from(&**tag)).collect())
        }
    })
}

/// "12.50 EUR", or "12.50" in the currency of the row.
fn money(text: &str, of_row: Option<String>, formats: &Formats) -> Result<Value, String> {
    // A cell that names its currency needs none of the row, and may have another one.
    let Some(currency) = currency_in(text).ok().or(of_row) else {
        return Err("the currency is empty".to_owned());
    };
    Ok(Value::MoneyValue(pb::Money {
        amount_minor: parse_amount(text, &currency, formats.numbers)?.signed(),
        currency,
    }))
}

fn value(text: &str, kind: AttributeType, formats: &Formats) -> Result<Value, String> {
    match kind {
        AttributeType::Bool => parse_bool(text).map(Value::BoolValue),
        AttributeType::Int => Number::parse(text, formats.numbers)
            .ok()
            .and_then(Number::to_whole)
            .map(Value::IntValue)
            .ok_or_else(|| format!("{text:?} is not a whole number")),
        AttributeType::Number => {
            let number = Number::parse(text, formats.numbers)?.to_f64();
            Ok(Value::DoubleValue(number))
        }
        AttributeType::Day => {
            let day = formats.dates.day(text)?;
            Ok(Value::DayValue(day.to_string()))
        }
        AttributeType::Tags => parse_tags(text),
        AttributeType::Text | AttributeType::Money => free_text(text, 1_024).map(Value::TextValue),
    }
}

/// A value as a person reads it.
pub(super) fn value_text(value: &Value) -> String {
    match value {
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        Value::DoubleValue(value) => value.to_string(),
        Value::TextValue(value) | Value::DayValue(value) => value.clone(),
        Value::MoneyValue(money) => money_text(money),
        Value::TagsValue(tags) => tags.tags.join("|"),
    }
}

/// `NAME=COLUMN[:TYPE]`. A column whose own name ends in a colon and a type is found by its whole name.
fn attribute_column(pair: &Pair, header: &Header) -> Result<AttributeColumn, CliError> {
    let Pair { left: name, right } = pair;
    let mut letters = name.bytes();
    let proper = name.len() <= 64
        && letters
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !proper {
        return Err(CliError::usage(format!(
            "--attribute {name}: a name has a lower-case letter, then lower-case letters, digits and _"
        )));
    }
    let (column, kind) = match right.rsplit_once(':') {
        _ if header.names().iter().any(|column| column == right) => (right.as_str(), None),
        Some((column, kind)) => (column, Some(kind)),
        None => (right.as_str(), None),
    };
    let named = |kind| {
        AttributeType::named(kind).ok_or_else(|| {
            CliError::usage(format!(
                "--attribute {name}: {kind:?} is not a type: use bool, int, number, text, day, money or tags"
            ))
        })
    };
    Ok(AttributeColumn {
        name: name.clone(),
        column: header.find("--attribute", column)?,
        kind: kind.map(named).transpose()?,
    })
}

fn parse_bool(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" => Ok(true),
        "false" | "no" | "n" | "0" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

fn parse_tags(text: &str) -> Result<Value, String> {
    let mut tags = Vec::new();
    for tag in text.split([';', '|']) {
        tags.extend(short_text(tag, 64)?.map(str::to_owned));
    }
    if tags.len() > 64 {
        return Err("has more than 64 labels".to_owned());
    }
    Ok(Value::TagsValue(pb::TagSet { tags }))
}
