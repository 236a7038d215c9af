//! The names that a condition may use beside the built-in ones: attributes, channels, tiers, segments, and the reporting currency.
//!
//! It comes from definitions; this module does not know how those are written.

use std::collections::{HashMap, HashSet};

use super::condition::{AttributeId, SegmentId};
use crate::domain::{money::Currency, text::Label};

/// What values a term has.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueType {
    /// True or false.
    Bool,
    /// A whole number.
    Whole,
    /// A whole number of days.
    Days,
    /// A finite number.
    Number,
    /// Any text.
    Text,
    /// One of the listed texts.
    OneOf(Vec<Label>),
    /// An amount in one currency.
    Money(Currency),
    /// A calendar day.
    Day,
    /// A set of texts.
    Tags,
    /// A tier; only the built-in `tier` has it.
    Tier,
    /// A time of day, in minutes after midnight; only the built-in `time_of_day` has it.
    Time,
}

impl ValueType {
    /// The type in words, to follow "is".
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Whole => "a whole number".to_owned(),
            Self::Days => "a number of days".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::OneOf(values) => {
                let shown: Vec<&str> = values.iter().take(5).map(|v| &**v).collect();
                let more = if values.len() > 5 { " ..." } else { "" };
                format!("one of {}{more}", shown.join(", "))
            }
            Self::Money(currency) => format!("money in {currency}"),
            Self::Day => "a calendar day".to_owned(),
            Self::Tags => "a set of tags".to_owned(),
            Self::Tier => "a tier".to_owned(),
            Self::Time => "a time of day".to_owned(),
        }
    }
}

/// Whether an attribute may be used freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sensitivity {
    /// No restriction.
    Ordinary,
    /// Age, sex, family, income and the like: conditions may use it only for a stated purpose.
    Protected,
}

/// An attribute as far as conditions are concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: Label,
    /// Its values.
    pub value_type: ValueType,
    /// Unit of a number, for people.
    pub unit: Option<Label>,
    /// Days after which a value is stale.
    pub max_age_days: Option<u32>,
    /// Whether it may be used freely.
    pub sensitivity: Sensitivity,
    /// What it may be used for.
    pub purpose: Option<Label>,
}

/// What rules about contacts may name.
#[derive(Debug, Clone)]
pub struct ContactNames {
    /// What contacts are about.
    pub intents: Vec<Label>,
    /// The calendars; a [`super::condition::NamedCalendar`] is an index here.
    pub calendars: Vec<Label>,
}

/// All names of one set of definitions.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    currency: Currency,
    attributes: Vec<Attribute>,
    attribute_ids: HashMap<Label, AttributeId>,
    channels: Vec<Label>,
    tiers: Vec<Label>,
    segments: Vec<Label>,
    segment_ids: HashMap<Label, SegmentId>,
    unreadable: HashSet<Label>,
    contact: Option<ContactNames>,
}

impl Vocabulary {
    /// The names: `attributes`, `channels`, `tiers` from the lowest to the highest, `segments` as `scheme/name`. Of two equal names the
    /// first counts; that there are two is for the caller to report.
    #[must_use]
    pub fn new(
        currency: Currency,
        attributes: Vec<Attribute>,
        channels: Vec<Label>,
        tiers: Vec<Label>,
        segments: Vec<Label>,
    ) -> Self {
        let mut attribute_ids = HashMap::new();
        for (id, attribute) in (0..).zip(&attributes) {
            attribute_ids
                .entry(attribute.name.clone())
                .or_insert(AttributeId(id));
        }
        let mut segment_ids = HashMap::new();
        for (id, name) in (0..).zip(&segments) {
            segment_ids.entry(name.clone()).or_insert(SegmentId(id));
        }
        Self {
            currency,
            attributes,
            attribute_ids,
            channels,
            tiers,
            segments,
            segment_ids,
            unreadable: HashSet::new(),
            contact: None,
        }
    }

    /// Attributes that are defined, but in a way that could not be read: conditions with them are neither right nor wrong.
    #[must_use]
    pub fn with_unreadable(mut self, attributes: HashSet<Label>) -> Self {
        self.unreadable = attributes;
        self
    }

    /// The names for rules about contacts, which may use the terms of contacts as well.
    #[must_use]
    pub fn with_contact(mut self, names: ContactNames) -> Self {
        self.contact = Some(names);
        self
    }

    /// What rules about contacts may name; `None` for conditions on customers alone.
    #[must_use]
    pub fn contact(&self) -> Option<&ContactNames> {
        self.contact.as_ref()
    }

    /// Whether this attribute is defined in a way that could not be read.
    #[must_use]
    pub fn is_unreadable(&self, attribute: &str) -> bool {
        self.unreadable.contains(attribute)
    }

    /// The reporting currency.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// All attributes; an [`AttributeId`] is an index here.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The attribute with this id, which must come from this vocabulary.
    #[must_use]
    pub fn attribute(&self, id: AttributeId) -> &Attribute {
        &self.attributes[id.0 as usize]
    }

    /// The attribute of this name.
    #[must_use]
    pub fn attribute_id(&self, name: &str) -> Option<AttributeId> {
        self.attribute_ids.get(name).copied()
    }

    /// The channels of contacts.
    #[must_use]
    pub fn channels(&self) -> &[Label] {
        &self.channels
    }

    /// The tiers from the lowest to the highest.
    #[must_use]
    pub fn tiers(&self) -> &[Label] {
        &self.tiers
    }

    /// The segments as `scheme/name`; a [`SegmentId`] is an index here.
    #[must_use]
    pub fn segments(&self) -> &[Label] {
        &self.segments
    }

    /// The segment of this name, written `scheme/name`.
    #[must_use]
    pub fn segment_id(&self, name: &str) -> Option<SegmentId> {
        self.segment_ids.get(name).copied()
    }
}
