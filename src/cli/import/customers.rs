//! Rows of customers.

mod identifiers;

use std::borrow::Cow;

use clap::Args;

use self::identifiers::{IdentifierColumns, ReplacedKind, several};
use super::amount::{currency_in, parse_amount};
use super::args::{FileArgs, Formats};
use super::columns::Header;
use super::currency::{RowCurrency, parse_currency};
use super::meaning::View;
use super::number::Number;
use super::pick::Pair;
use super::pipeline::reading::Mapping;
use super::row::{Row, free_text, short_text};
use super::send::{Batch, Terms};
use super::who::{CustomerColumn, subject_of};
use crate::cli::error::CliError;
use crate::cli::text::money_text;
use crate::domain::telephony::plan::NumberPlan;
use crate::pb;
use crate::pb::attribute_value::Value;

/// Options of `patron import customers`.
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
#[derive(Debug, Args)]
pub struct CustomersArgs {
    #[command(flatten)]
    /// What all imports share.
    pub file: FileArgs,
    /// Column of the display name, or of a part of it (repeatable); empty cells change nothing [default: display_name, name]
    #[arg(long, value_name = "COLUMN")]
    name_column: Vec<String>,
    /// Column of a phone number (repeatable) [default: phone, phone_number]
    #[arg(long, value_name = "COLUMN")]
    phone_column: Vec<String>,
    /// How the file writes phone numbers: e164 (+49 30 ...), e164_no_plus (4930...), national:DE (030 ...), international_prefix:00,
    /// auto or auto:DE. A number that could be several with auto is rejected
    #[arg(long, value_name = "PLAN", default_value_t, value_parser = identifiers::parse_number_plan)]
    phone_numbers: NumberPlan,
    /// Column of e-mail addresses, with ; between several (repeatable) [default: email]
    #[arg(long, value_name = "COLUMN")]
    email_column: Vec<String>,
    /// System and column of an external id (repeatable), for example crm=crm_id
    #[arg(long, value_name = "SYSTEM=COLUMN", value_parser = parse_pair)]
    external_column: Vec<Pair>,
    /// Kinds of identifiers of which each row has all that the source knows of its customer: those that it stated before and that are not
    /// in the row end. An empty cell ends them too, a wrong one ends none
    #[arg(long, value_name = "KIND,KIND", value_delimiter = ',', value_enum)]
    replace: Vec<ReplacedKind>,
    /// Name and column of an attribute (repeatable), for example points=loyalty_points:int; types: bool, int, number, text, day,
    /// money, tags (separated by ; or |) [default type: text]. Empty cells change nothing
    #[arg(long, value_name = "NAME=COLUMN[:TYPE]", value_parser = parse_pair)]
    attribute: Vec<Pair>,
    /// Column of the observation day of the attributes and identifiers [default: observed_on, otherwise today]
    #[arg(long, value_name = "COLUMN")]
    observed_column: Option<String>,
    /// Column of the customer kind: person, company or employee; empty cells use --kind [default: kind]
    #[arg(long, value_name = "COLUMN")]
    kind_column: Option<String>,
    /// Currency of money attributes without a currency in the cell ("12.50" instead of "12.50 EUR")
    #[arg(long, value_name = "CODE", value_parser = parse_currency)]
    currency: Option<String>,
    /// Column of that currency [default: currency, unless --currency is given]
    #[arg(long, value_name = "COLUMN")]
    currency_column: Option<String>,
    /// Refuse a whole row for one wrong name, phone number, e-mail address, external id or attribute. Without it the row is read without
    /// that cell
    #[arg(long)]
    pub strict: bool,
}

fn parse_pair(text: &str) -> Result<Pair, String> {
    match text.split_once('=') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() => Ok(Pair {
            left: left.to_owned(),
            right: right.to_owned(),
        }),
        _ => Err("write NAME=COLUMN".to_owned()),
    }
}

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
    kind: AttributeType,
}

/// Where a customer stands in a row.
#[derive(Debug)]
pub struct CustomerMapping {
    customer: CustomerColumn,
    names: Vec<usize>,
    identifiers: IdentifierColumns,
    attributes: Vec<AttributeColumn>,
    observed: Option<usize>,
    kind: Option<usize>,
    default_kind: i32,
    currency: RowCurrency,
    formats: Formats,
    source: String,
}

impl CustomerMapping {
    /// Finds the columns.
    ///
    /// # Errors
    ///
    /// Wrong usage: a column that is not there, an attribute without a proper name or type.
    pub fn new(args: &CustomersArgs, header: &Header) -> Result<Self, CliError> {
        let optional = |option: &str, named: &Option<String>, defaults: &[&str]| {
            header.optional(option, named.as_deref(), defaults)
        };
        let attributes: Result<Vec<_>, _> = args
            .attribute
            .iter()
            .map(|pair| attribute_column(pair, header))
            .collect();
        Ok(Self {
            customer: CustomerColumn::new(&args.file, header)?,
            names: several(
                header,
                "--name-column",
                &args.name_column,
                &["display_name", "name"],
            )?,
            identifiers: IdentifierColumns::new(args, header)?,
            attributes: attributes?,
            observed: optional("--observed-column", &args.observed_column, &["observed_on"])?,
            kind: optional("--kind-column", &args.kind_column, &["kind"])?,
            default_kind: args.file.kind(),
            currency: RowCurrency::new(
                args.currency.as_deref(),
                args.currency_column.as_deref(),
                header,
            )?,
            formats: args.file.input.formats()?,
            source: args.file.source.clone(),
        })
    }

    fn attributes(&self, row: &mut Row<'_>, observed_on: &str) -> Vec<pb::AttributeValue> {
        let mut values = Vec::new();
        for attribute in &self.attributes {
            let value = if attribute.kind == AttributeType::Money {
                self.money(row, attribute.column)
            } else {
                row.parse_cell(attribute.column, |text| self.value(text, attribute.kind))
            };
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

    /// "12.50 EUR", or "12.50" in the currency of the row.
    fn money(&self, row: &mut Row<'_>, column: usize) -> Option<Value> {
        let of_row = self.currency.optional(row);
        let numbers = self.formats.numbers;
        row.parse_cell(column, |text| {
            // A cell that names its currency needs none of the row, and may have another one.
            let Some(currency) = currency_in(text).ok().or(of_row) else {
                return Err("the currency is empty".to_owned());
            };
            Ok(Value::MoneyValue(pb::Money {
                amount_minor: parse_amount(text, &currency, numbers)?.signed(),
                currency,
            }))
        })
    }

    fn value(&self, text: &str, kind: AttributeType) -> Result<Value, String> {
        match kind {
            AttributeType::Bool => parse_bool(text).map(Value::BoolValue),
            AttributeType::Int => Number::parse(text, self.formats.numbers)
                .ok()
                .and_then(Number::to_whole)
                .map(Value::IntValue)
                .ok_or_else(|| format!("{text:?} is not a whole number")),
            AttributeType::Number => {
                let number = Number::parse(text, self.formats.numbers)?.to_f64();
                Ok(Value::DoubleValue(number))
            }
            AttributeType::Day => {
                let day = self.formats.dates.day(text)?;
                Ok(Value::DayValue(day.to_string()))
            }
            AttributeType::Tags => parse_tags(text),
            AttributeType::Text | AttributeType::Money => {
                free_text(text, 1_024).map(Value::TextValue)
            }
        }
    }
}

impl Mapping for CustomerMapping {
    type Fact = pb::CustomerPatch;
    // One after the other: when a file has several rows of one customer, the last name is to stay.
    const LANES: usize = 1;

    fn formats(&mut self) -> &mut Formats {
        &mut self.formats
    }

    fn subject(fact: &Self::Fact) -> Option<pb::Subject> {
        Some(subject_of(&fact.customer_id, None))
    }

    fn view<'a>(&self, fact: &'a pb::CustomerPatch) -> View<'a> {
        View {
            kind: "Updates",
            customer: Some(Cow::Borrowed(&fact.customer_id)),
            day: None,
            money: None,
        }
    }

    fn details(&self, fact: &pb::CustomerPatch) -> Vec<(&'static str, String)> {
        let identifiers = fact
            .add_identifiers
            .iter()
            .filter_map(|it| it.identifier.as_ref());
        let identifiers = identifiers.map(identifiers::text);
        let values = fact.attributes.iter().filter_map(|attribute| {
            let value = value_text(attribute.value.as_ref()?);
            Some(format!("{} {value}", attribute.name))
        });
        vec![
            ("name", fact.display_name.clone().unwrap_or_default()),
            ("identifiers", identifiers.collect::<Vec<_>>().join(" ")),
            ("attributes", values.collect::<Vec<_>>().join(", ")),
        ]
    }

    fn read(&mut self, row: &mut Row<'_>) -> Option<Vec<pb::CustomerPatch>> {
        let customer_id = self.customer.id(row);
        let mut names: Vec<String> = Vec::new();
        for column in &self.names {
            names.extend(row.parse_cell(*column, |text| free_text(text, 256)));
        }
        let name = names.join(" ");
        let kind = row.parse(self.kind, parse_customer_kind);
        let dates = &self.formats.dates;
        let observed = row.parse(self.observed, |text| dates.day(text));
        let observed_on = observed.map(|day| day.to_string()).unwrap_or_default();
        let identifiers = self.identifiers.read(row);
        let attributes = self.attributes(row, &observed_on);
        if !row.is_sound() {
            return None;
        }
        Some(vec![pb::CustomerPatch {
            customer_id: customer_id?,
            kind: kind.map_or(self.default_kind, i32::from),
            display_name: Some(name).filter(|name| !name.is_empty()),
            add_identifiers: identifiers.added,
            replace_identifiers: identifiers.replaced,
            identifiers_source: self.source.clone(),
            identifiers_observed_on: observed_on,
            attributes,
            ..pb::CustomerPatch::default()
        }])
    }

    fn batch(customers: Vec<pb::CustomerPatch>, terms: &Terms) -> Batch {
        Batch::Customers(pb::IngestCustomersRequest {
            customers,
            import_id: terms.import_id.clone(),
        })
    }
}

/// A value as a person reads it.
fn value_text(value: &Value) -> String {
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
        _ if header.names().iter().any(|column| column == right) => (right.as_str(), "text"),
        Some((column, kind)) => (column, kind),
        None => (right.as_str(), "text"),
    };
    let kind = AttributeType::named(kind).ok_or_else(|| {
        CliError::usage(format!(
            "--attribute {name}: {kind:?} is not a type: use bool, int, number, text, day, money or tags"
        ))
    })?;
    Ok(AttributeColumn {
        name: name.clone(),
        column: header.find("--attribute", column)?,
        kind,
    })
}

fn parse_customer_kind(text: &str) -> Result<pb::CustomerKind, String> {
    match text.to_ascii_lowercase().as_str() {
        "person" => Ok(pb::CustomerKind::Person),
        "company" => Ok(pb::CustomerKind::Company),
        "employee" => Ok(pb::CustomerKind::Employee),
        _ => Err(format!(
            "{text:?} is not a kind of customer: write person, company or employee"
        )),
    }
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

#[cfg(test)]
mod tests;
