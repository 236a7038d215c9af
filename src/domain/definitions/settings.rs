//! Value settings, channels, attributes and tiers.

use std::collections::HashSet;

use super::{
    AttributeDefinition, Channel, Family, ValueBasis, ValueSettings,
    fields::{self, Fields},
    yaml::{Entry, Node},
};
use crate::domain::{
    clv::lifetime::{Horizon, WEEKS_PER_MONTH},
    customer::facts::is_attribute_name,
    money::Currency,
    rules::{
        diagnostic::{Code, Diagnostics, Span},
        language::BUILT_INS,
        lexer::is_reserved,
        vocabulary::{Attribute, Sensitivity, ValueType},
    },
    text::Label,
};

const BASES: [(&str, ValueBasis); 3] = [
    ("revenue", ValueBasis::Revenue),
    ("margin", ValueBasis::Margin),
    ("contribution", ValueBasis::Contribution),
];

pub(super) const FAMILIES: [(&str, Family); 13] = [
    ("socio_demographic", Family::SocioDemographic),
    ("geographic", Family::Geographic),
    ("industry", Family::Industry),
    ("behaviour", Family::Behaviour),
    ("value", Family::Value),
    ("psychographic", Family::Psychographic),
    ("lifecycle", Family::Lifecycle),
    ("technographic", Family::Technographic),
    ("firmographic", Family::Firmographic),
    ("needs", Family::Needs),
    ("offered_services", Family::OfferedServices),
    ("business_partner", Family::BusinessPartner),
    ("internal", Family::Internal),
];

impl ValueSettings {
    /// Largest age of an exchange rate in days where the definitions do not state one. Chosen: a company that records one rate a year has
    /// one for every day, and a currency whose rates ended years ago has none.
    pub const DEFAULT_MAX_RATE_AGE_DAYS: u32 = 366;
}

/// `value:`, and the currency by itself: amounts elsewhere can be checked when only something else is wrong.
pub(super) fn value(
    top: &mut Fields<'_>,
    problems: &mut Diagnostics,
) -> (Option<ValueSettings>, Option<Currency>) {
    let max_rate_age_days = max_rate_age_days(top, problems);
    let place = top.key_span("value");
    let node = top.require("value", "{currency: EUR, ...}", problems);
    let Some(mut fields) =
        node.and_then(|node| Fields::from_node(node, place, "`value`", problems))
    else {
        return (None, None);
    };
    let currency = fields.require("currency", "EUR", problems);
    let currency = currency.and_then(|node| currency_of(node, problems));
    let months = fields.require("horizon_months", "12", problems);
    let months = months.and_then(|node| fields::whole(node, 1..=120, problems));
    let discount = fields.require("monthly_discount", "1 %", problems);
    let discount = discount.and_then(|node| fields::share(node, problems));
    let basis = fields.require("basis", "contribution", problems);
    let basis = basis.and_then(|node| fields::choice(node, &BASES, problems));
    let margin = match fields.get("margin") {
        Some(node) => fields::share(node, problems),
        None if basis == Some(ValueBasis::Revenue) => Some(1.0),
        None => {
            let node = fields.require("margin", "40 %", problems);
            node.and_then(|node| fields::share(node, problems))
        }
    };
    let place = fields.key_span("margin_of_category");
    let margin_of_category = fields
        .get("margin_of_category")
        .map_or_else(|| Some(Vec::new()), |node| margins(node, place, problems));
    fields.finish(problems);
    let settings = || {
        Some(ValueSettings {
            currency: currency?,
            // Both bounds have been checked, so that a horizon exists.
            horizon: Horizon::new(months?, discount?, WEEKS_PER_MONTH).ok()?,
            basis: basis?,
            margin: margin?,
            margin_of_category: margin_of_category?,
            max_rate_age_days: max_rate_age_days?,
        })
    };
    (settings(), currency)
}

/// `rates:`, the largest age of a rate.
fn max_rate_age_days(top: &mut Fields<'_>, problems: &mut Diagnostics) -> Option<u32> {
    let place = top.key_span("rates");
    let Some(node) = top.get("rates") else {
        return Some(ValueSettings::DEFAULT_MAX_RATE_AGE_DAYS);
    };
    let mut fields = Fields::from_node(node, place, "`rates`", problems)?;
    let days = fields.require("max_age_days", "10", problems);
    let days = days.and_then(|node| fields::whole(node, 1..=36_525, problems));
    fields.finish(problems);
    days
}

fn currency_of(node: &Node, problems: &mut Diagnostics) -> Option<Currency> {
    match fields::scalar(node, problems)?.parse() {
        Ok(currency) => Some(currency),
        Err(error) => {
            let error: crate::domain::money::UnknownCurrency = error;
            problems.add_with_help(
                node.span,
                Code::BadValue,
                error.to_string(),
                "for example `EUR`",
            );
            None
        }
    }
}

fn margins(node: &Node, place: Span, problems: &mut Diagnostics) -> Option<Vec<(Label, f64)>> {
    let mut out = Vec::new();
    for entry in fields::map(node, place, "`margin_of_category`", problems)? {
        if let Some(share) = fields::share(&entry.value, problems) {
            out.push((entry.key.as_str().into(), share));
        }
    }
    Some(out)
}

/// `channels:`
pub(super) fn channels(
    top: &mut Fields<'_>,
    currency: Option<Currency>,
    problems: &mut Diagnostics,
) -> Vec<Channel> {
    let place = top.key_span("channels");
    let Some(node) = top.get("channels") else {
        return Vec::new();
    };
    let mut channels = Vec::new();
    for entry in fields::map(node, place, "`channels`", problems).unwrap_or(&[]) {
        let what = format!("channel `{}`", entry.key);
        let name = fields::check_name(&entry.key, entry.key_span, problems);
        let (mut cost, mut description) = (None, None);
        if let Some(mut fields) = Fields::from_node(&entry.value, entry.key_span, what, problems) {
            cost = fields
                .get("cost")
                .and_then(|node| fields::money(node, currency, problems));
            description = fields
                .get("description")
                .and_then(|node| fields::words(node, problems));
            fields.finish(problems);
        }
        if let Some(name) = name {
            channels.push(Channel {
                name,
                cost,
                description,
            });
        }
    }
    channels
}

/// The attributes that could be read, and the names of those that could not.
pub(super) struct Attributes {
    pub(super) readable: Vec<AttributeDefinition>,
    pub(super) unreadable: HashSet<Label>,
}

/// `attributes:`
pub(super) fn attributes(
    top: &mut Fields<'_>,
    currency: Option<Currency>,
    problems: &mut Diagnostics,
) -> Attributes {
    let mut attributes = Attributes {
        readable: Vec::new(),
        unreadable: HashSet::new(),
    };
    let place = top.key_span("attributes");
    let Some(node) = top.get("attributes") else {
        return attributes;
    };
    for entry in fields::map(node, place, "`attributes`", problems).unwrap_or(&[]) {
        match attribute(entry, currency, problems) {
            Some(attribute) => attributes.readable.push(attribute),
            None => {
                attributes.unreadable.insert(entry.key.as_str().into());
            }
        }
    }
    attributes
}

fn attribute(
    entry: &Entry,
    currency: Option<Currency>,
    problems: &mut Diagnostics,
) -> Option<AttributeDefinition> {
    let is_free = attribute_name_is_free(entry, problems);
    let what = format!("attribute `{}`", entry.key);
    let mut fields = Fields::from_node(&entry.value, entry.key_span, what, problems)?;
    let family = fields.require("family", "firmographic", problems);
    let family = family.and_then(|node| fields::choice(node, &FAMILIES, problems));
    let description = fields.require("description", "what it means", problems);
    let description = description.and_then(|node| fields::words(node, problems));
    let value_type = value_type(&mut fields, currency, problems);
    let unit = fields.get("unit").map(|node| fields::words(node, problems));
    let max_age_days = fields.get("max_age_days");
    let max_age_days = max_age_days.map(|node| fields::whole(node, 1..=36_525, problems));
    let levels = [
        ("ordinary", Sensitivity::Ordinary),
        ("protected", Sensitivity::Protected),
    ];
    let sensitivity = fields
        .get("sensitivity")
        .map_or(Some(Sensitivity::Ordinary), |node| {
            fields::choice(node, &levels, problems)
        });
    let purpose = fields
        .get("purpose")
        .map(|node| fields::text(node, problems));
    let reference = fields.get("reference");
    let reference_span = reference.map(|node| node.span);
    let reference = reference.map(|node| fields::name(node, problems));
    fields.finish(problems);
    let unit = unit.map_or(Some(None), |unit| unit.map(Some))?;
    let attribute = Attribute {
        name: entry.key.as_str().into(),
        value_type: value_type?,
        unit: unit.as_ref().map(|unit| unit.en.clone()),
        max_age_days: max_age_days.map_or(Some(None), |days| days.map(Some))?,
        sensitivity: sensitivity?,
        purpose: purpose.map_or(Some(None), |purpose| purpose.map(Some))?,
    };
    let reference = reference.map_or(Some(None), |name| name.map(Some))?;
    if let (Some(_), Some(span)) = (&reference, reference_span) {
        check_reference(&attribute, span, problems);
    }
    is_free.then_some(AttributeDefinition {
        attribute,
        family: family?,
        description: description?,
        unit,
        reference,
    })
}

/// Reports an attribute that cannot name the records of a system.
fn check_reference(attribute: &Attribute, span: Span, problems: &mut Diagnostics) {
    let (message, help) = if !matches!(attribute.value_type, ValueType::Text | ValueType::Tags) {
        (
            "only a text or tags can refer to records",
            "set `type: text`, or `type: tags` for several",
        )
    } else if attribute.sensitivity == Sensitivity::Protected {
        (
            "a protected attribute is not returned as a reference",
            "remove `reference`",
        )
    } else {
        return;
    };
    problems.add_with_help(span, Code::BadValue, message, help);
}

fn attribute_name_is_free(entry: &Entry, problems: &mut Diagnostics) -> bool {
    let name = entry.key.as_str();
    let (message, help) = if !is_attribute_name(name) {
        (
            format!("{name:?} is not a valid attribute name"),
            "write a letter a to z, then a to z, 0 to 9 or `_`; at most 64",
        )
    } else if is_reserved(name)
        || BUILT_INS.iter().any(|term| term.name == name)
        || is_literal(name)
    {
        (format!("`{name}` is built in"), "choose another name")
    } else {
        return true;
    };
    problems.add_with_help(entry.key_span, Code::BadValue, message, help);
    false
}

fn is_literal(name: &str) -> bool {
    matches!(name, "money" | "days" | "day" | "has")
}

const TYPES: [(&str, Option<ValueType>); 8] = [
    ("bool", Some(ValueType::Bool)),
    ("whole", Some(ValueType::Whole)),
    ("number", Some(ValueType::Number)),
    ("text", Some(ValueType::Text)),
    ("day", Some(ValueType::Day)),
    ("tags", Some(ValueType::Tags)),
    // These two need more than their name.
    ("one_of", None),
    ("money", None),
];

/// `type:`, with `values:` of a choice and `currency:` of money.
fn value_type(
    fields: &mut Fields<'_>,
    currency: Option<Currency>,
    problems: &mut Diagnostics,
) -> Option<ValueType> {
    let node = fields.require("type", "whole", problems)?;
    let written = fields::scalar(node, problems)?;
    let words = TYPES.map(|(word, _)| (word, ()));
    fields::choice(node, &words, problems)?;
    if let Some((_, Some(value_type))) = TYPES.iter().find(|(word, _)| *word == written) {
        return Some(value_type.clone());
    }
    if written == "money" {
        return match fields.get("currency") {
            Some(node) => currency_of(node, problems).map(ValueType::Money),
            None => currency.map(ValueType::Money),
        };
    }
    let place = fields.key_span("values");
    let node = fields.require("values", "[a, b]", problems)?;
    let values = fields::unique(node, place, "`values`", problems, fields::text)?;
    if values.is_empty() {
        problems.add_with_help(
            place,
            Code::EmptySet,
            "an attribute needs values",
            "write `[a, b]`",
        );
        return None;
    }
    Some(ValueType::OneOf(values))
}
