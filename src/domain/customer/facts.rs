//! Facts: what is recorded of a customer once and never changed. Every bound on a single fact stands here.

use crate::domain::{
    calendar::{Day, EventTime},
    money::Money,
    text::{CustomerId, Label},
};

/// Greatest length of a source, channel, category or outcome, in bytes.
pub const MAX_LABEL_BYTES: usize = 64;
/// Greatest length of an id given by a source, in bytes.
pub const MAX_SOURCE_ID_BYTES: usize = 128;
/// Greatest length of a contact's topic, in bytes.
pub const MAX_TOPIC_BYTES: usize = 128;
/// Greatest length of a display name, in bytes.
pub const MAX_NAME_BYTES: usize = 256;
/// Greatest length of a text attribute, in bytes.
pub const MAX_TEXT_VALUE_BYTES: usize = 1024;
/// Greatest duration of a contact: a week, in seconds.
pub const MAX_DURATION_SECONDS: i32 = 7 * 24 * 3600;
/// Longest time from one renewal of a contract to the next: ten years, in months.
pub const MAX_PERIOD_MONTHS: u32 = 120;
/// A fact may lie so many days ahead of the clock: sources disagree about the time and the time zone.
pub const MAX_DAYS_AHEAD: i32 = 2;

/// The key by which a source names a fact of a customer; the key of idempotency.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FactKey {
    /// The customer.
    pub customer_id: CustomerId,
    /// The system that recorded the fact.
    pub source: Label,
    /// The fact's id in that system.
    pub id: Label,
}

impl FactKey {
    /// The key of another fact of the same customer and source.
    #[must_use]
    pub fn sibling(&self, id: &Label) -> Self {
        Self {
            id: id.clone(),
            ..self.clone()
        }
    }
}

/// What a transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionKind {
    /// Money came in. An amount of 0 is a free purchase and counts as an order.
    Purchase,
    /// Part or all of a purchase was paid back.
    Refund,
    /// So much of the named transaction was paid back so far, single refunds included.
    RefundTotal,
    /// The named transaction never counted.
    Reversal,
}

/// Money that came in from a customer or went back to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Customer, source and transaction id.
    pub key: FactKey,
    /// What it does.
    pub kind: TransactionKind,
    /// When.
    pub when: EventTime,
    /// How much; never negative. A refund states the amount paid back, a total of refunds all that was paid back so far.
    pub amount: Money,
    /// What the goods cost, in minor units of the same currency; on a refund, the cost that came back.
    pub cost_minor: Option<i64>,
    /// Product category.
    pub category: Option<Label>,
    /// Where the purchase was made.
    pub channel: Option<Label>,
    /// For a refund or reversal: the id of the transaction that it takes back.
    pub original_id: Option<Label>,
    /// The source of that transaction, where it is another one than its own.
    pub original_source: Option<Label>,
    /// The customer whom the source stated, where the transaction that it takes back is another one's, to whom the refund then belongs. For
    /// the record only.
    pub stated_customer: Option<CustomerId>,
}

impl Transaction {
    /// The key of the transaction that it takes back; `None` for a purchase, and for a refund that names none.
    #[must_use]
    pub fn original_key(&self) -> Option<FactKey> {
        let mut key = self.key.sibling(self.original_id.as_ref()?);
        if let Some(source) = &self.original_source {
            key.source = source.clone();
        }
        Some(key)
    }
}

/// What a source says of a service contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Customer, source and contact id.
    pub key: FactKey,
    /// When it began; of a retraction, the day from which the contact counts no more.
    pub when: EventTime,
    /// That it happened, or that another did not.
    pub content: ContactContent,
}

impl Contact {
    /// The key of the contact that it retracts.
    #[must_use]
    pub fn retracted_key(&self) -> Option<FactKey> {
        match &self.content {
            ContactContent::Happened(_) => None,
            ContactContent::Retracts(id) => Some(self.key.sibling(id)),
        }
    }
}

/// That a contact happened, or that another did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactContent {
    /// It happened.
    Happened(Interaction),
    /// The contact of the same source with this id was recorded wrongly and never counts.
    Retracts(Label),
}

/// A service interaction that costs money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    /// How: phone, chat, email, visit ...
    pub channel: Label,
    /// What about.
    pub topic: Option<Label>,
    /// How long, in seconds.
    pub duration_seconds: Option<i32>,
    /// What it cost, where known; never negative.
    pub cost: Option<Money>,
    /// How it ended.
    pub outcome: Option<Label>,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite number.
    Number(f64),
    /// A text.
    Text(Label),
    /// An amount of money.
    Money(Money),
    /// A calendar day.
    Day(Day),
    /// A set of labels, sorted, without repetition.
    Tags(Box<[Label]>),
}

/// One observation of an attribute. No value means that it was cleared.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeFact {
    /// Name of the attribute.
    pub name: Label,
    /// The value; `None` clears.
    pub value: Option<AttributeValue>,
    /// The day of the observation.
    pub observed_on: Day,
    /// Where it comes from.
    pub source: Label,
    /// Version of the profile that first contained it: of two observations of one day, the later recorded one holds.
    pub profile_version: i64,
}

/// What is agreed in a contract that renews: a subscription, a service contract. It is paid for on its first day and at every renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractTerms {
    /// First day.
    pub started_on: Day,
    /// Calendar months from one renewal to the next, 1 to [`MAX_PERIOD_MONTHS`].
    pub period_months: u32,
    /// Price of a period; never negative.
    pub price: Money,
    /// What a period costs the company, in minor units of the same currency, where known.
    pub cost_minor: Option<i64>,
    /// Product category, by which definitions may state a margin.
    pub category: Option<Label>,
    /// First day on which it runs no longer; may lie ahead, when notice was given. `None`: no end is known.
    pub ended_on: Option<Day>,
}

/// One observation of a contract: how it stands from a day on. The latest day holds, of one day the observation recorded last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractFact {
    /// The system that recorded the contract.
    pub source: Label,
    /// Id of the contract in that system.
    pub contract_id: Label,
    /// What is agreed.
    pub terms: ContractTerms,
    /// The day from which this is so; not before the contract's first day.
    pub effective_on: Day,
    /// Version of the profile that first contained it.
    pub profile_version: i64,
}

/// A name of an attribute: a lower-case letter, then lower-case letters, digits and `_`, at most 64 bytes.
#[must_use]
pub fn is_attribute_name(text: &str) -> bool {
    text.len() <= MAX_LABEL_BYTES
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
