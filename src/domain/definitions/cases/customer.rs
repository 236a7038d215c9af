//! The customer of a test: what is stated of their value, and facts.

use super::{attribute_value::value_of, names::unknown};
use crate::domain::{
    calendar::{Day, EventTime},
    customer::{
        CustomerKind,
        facts::{
            AttributeFact, Contact, ContactContent, ContractFact, ContractTerms, FactKey,
            Interaction, Transaction, TransactionKind,
        },
        profile::Facts,
    },
    definitions::{
        fields::{self, Fields, readable},
        yaml::{Entry, Kind, Node},
    },
    money::Money,
    rules::diagnostic::{Code, Diagnostics, Span},
    text::{CustomerId, Label},
};

/// What facts of tests have as their source.
const SOURCE: &str = "test";
/// Most facts of a kind.
const MAX_FACTS: usize = 1_000;

/// A customer as a test describes them.
#[derive(Debug, Clone)]
pub struct Described {
    /// What they are.
    pub kind: CustomerKind,
    /// What the models are to say that they are worth, in the currency of values; `None`: nothing.
    pub value: Option<Money>,
    /// What the models are to say of whether they still buy, 0 to 1; `None`: nothing.
    pub probability_alive: Option<f64>,
    /// What is recorded.
    pub facts: Facts,
}

/// A test that states of a customer what no model would states nothing about published definitions.
impl Described {
    fn check_value(&self, place: Span, problems: &mut Diagnostics) {
        let is_employee = self.kind == CustomerKind::Employee;
        let mut contracts = self.facts.contracts.iter();
        let is_worth = !self.facts.transactions.is_empty()
            || contracts.any(|contract| contract.terms.ever_runs());
        if self.value.is_some() && is_employee {
            let help = "remove `value`, or set another `kind`";
            problems.add_with_help(place, Code::BadValue, "an employee has no value", help);
        } else if self.value.is_some() && !is_worth {
            let message = "a customer without a purchase or contract has no value";
            let help = "add `purchases` or `contracts`, or remove `value`";
            problems.add_with_help(place, Code::BadValue, message, help);
        }
    }

    fn check_alive(&self, place: Span, problems: &mut Diagnostics) {
        let has_none = self.kind == CustomerKind::Employee || self.facts.transactions.is_empty();
        if self.probability_alive.is_some() && has_none {
            let message = "only a customer who bought has this probability";
            let help = "add `purchases`, or remove `probability_alive`";
            problems.add_with_help(place, Code::BadValue, message, help);
        }
    }
}

/// Reads the customer of a test of a day.
pub(super) struct Reader<'a> {
    pub(super) cases: &'a super::Reader<'a>,
    /// The day; `None` when that could not be read.
    pub(super) as_of: Option<Day>,
}

impl Reader<'_> {
    pub(super) fn read(
        &self,
        node: &Node,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<Described> {
        let currency = self.cases.currency;
        let mut fields = Fields::from_node(node, place, "`customer`", problems)?;
        let kinds = [
            ("person", CustomerKind::Person),
            ("company", CustomerKind::Company),
            ("employee", CustomerKind::Employee),
        ];
        let kind = fields
            .get("kind")
            .map_or(Some(CustomerKind::Person), |node| {
                fields::choice(node, &kinds, problems)
            });
        let value_place = fields.key_span("value");
        let value = fields.get("value");
        let value = value.map(|node| fields::money(node, currency, problems));
        let alive_place = fields.key_span("probability_alive");
        let alive = fields.get("probability_alive");
        let alive = alive.map(|node| fields::share(node, problems));
        let transactions = self.facts(&mut fields, "purchases", problems, Self::purchase);
        let contacts = self.facts(&mut fields, "contacts", problems, Self::contact);
        let agreed = self.facts(&mut fields, "contracts", problems, Self::contract);
        let attributes_place = fields.key_span("attributes");
        let attributes = match fields.get("attributes") {
            Some(node) => self.attributes(node, attributes_place, problems),
            None => Some(vec![]),
        };
        fields.finish(problems);
        let described = Described {
            kind: kind?,
            value: readable(value)?,
            probability_alive: readable(alive)?,
            facts: Facts {
                transactions: transactions?,
                contacts: contacts?,
                attributes: attributes?,
                contracts: agreed?,
            },
        };
        described.check_value(value_place, problems);
        described.check_alive(alive_place, problems);
        Some(described)
    }

    /// A list of facts, which may be missing, each read by `read` with a key of its own.
    fn facts<T>(
        &self,
        fields: &mut Fields<'_>,
        key: &'static str,
        problems: &mut Diagnostics,
        read: impl Fn(&Self, &mut Fields<'_>, FactKey, &mut Diagnostics) -> Option<T>,
    ) -> Option<Vec<T>> {
        let place = fields.key_span(key);
        let Some(node) = fields.get(key) else {
            return Some(vec![]);
        };
        let items = fields::list(node, place, &format!("`{key}`"), problems)?;
        if items.len() > MAX_FACTS {
            let message = format!(
                "`{key}` has {} entries; at most {MAX_FACTS} are allowed",
                items.len()
            );
            problems.add(place, Code::Limit, message);
            return None;
        }
        let customer_id = CustomerId::new(SOURCE).ok()?;
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(at, item)| {
                let what = format!("an entry of `{key}`");
                let mut fields = Fields::from_node(item, item.span, what, problems)?;
                let key = FactKey {
                    customer_id: customer_id.clone(),
                    source: SOURCE.into(),
                    id: at.to_string().into(),
                };
                let fact = read(self, &mut fields, key, problems);
                fields.finish(problems);
                fact
            })
            .collect();
        read.into_iter().collect()
    }

    fn purchase(
        &self,
        fields: &mut Fields<'_>,
        key: FactKey,
        problems: &mut Diagnostics,
    ) -> Option<Transaction> {
        let when = self.day(fields, "on", problems);
        let amount = fields.require("amount", "100 EUR", problems);
        let amount = amount.and_then(|node| self.amount(node, problems));
        Some(Transaction {
            key,
            kind: TransactionKind::Purchase,
            when: when?,
            amount: amount?,
            cost_minor: None,
            category: None,
            channel: None,
            original_id: None,
            original_source: None,
            stated_customer: None,
        })
    }

    fn contact(
        &self,
        fields: &mut Fields<'_>,
        key: FactKey,
        problems: &mut Diagnostics,
    ) -> Option<Contact> {
        let when = self.day(fields, "on", problems);
        let channel = fields.require("channel", "phone", problems);
        let channel = channel.and_then(|node| self.channel(node, problems));
        let cost = fields.get("cost").map(|node| self.amount(node, problems));
        Some(Contact {
            key,
            when: when?,
            content: ContactContent::Happened(Interaction {
                channel: channel?,
                topic: None,
                duration_seconds: None,
                cost: readable(cost)?,
                outcome: None,
            }),
        })
    }

    /// No condition reads more of a contract than whether it runs.
    fn contract(
        &self,
        fields: &mut Fields<'_>,
        key: FactKey,
        problems: &mut Diagnostics,
    ) -> Option<ContractFact> {
        let started_on = self.day(fields, "started_on", problems);
        let end = fields.get("ended_on");
        let ended_on = end.map(|node| fields::day(node, problems));
        let started_on = started_on?.day;
        let ended_on = readable(ended_on)?;
        if let (Some(node), Some(day)) = (end, ended_on)
            && day < started_on
        {
            let message = format!("{day} is before the first day, {started_on}");
            let help = "write the first day on which it runs no longer";
            problems.add_with_help(node.span, Code::BadValue, message, help);
            return None;
        }
        Some(ContractFact {
            source: key.source,
            contract_id: key.id,
            terms: ContractTerms {
                started_on,
                period_months: 12,
                price: Money {
                    amount_minor: 0,
                    currency: self.cases.currency?,
                },
                cost_minor: None,
                category: None,
                ended_on,
            },
            effective_on: started_on,
            profile_version: 1,
        })
    }

    /// A day that is not after that of the test.
    fn day(
        &self,
        fields: &mut Fields<'_>,
        key: &'static str,
        problems: &mut Diagnostics,
    ) -> Option<EventTime> {
        let node = fields.require(key, "2026-10-01", problems)?;
        let day = self.day_of(node, problems)?;
        Some(EventTime { day, instant: None })
    }

    fn day_of(&self, node: &Node, problems: &mut Diagnostics) -> Option<Day> {
        let day = fields::day(node, problems)?;
        match self.as_of {
            Some(as_of) if day > as_of => {
                let message = format!("{day} is after the day of the test, {as_of}");
                let help = "write an earlier day, or a later `as_of`";
                problems.add_with_help(node.span, Code::BadValue, message, help);
                None
            }
            _ => Some(day),
        }
    }

    /// An amount that is not negative, in the currency of values.
    fn amount(&self, node: &Node, problems: &mut Diagnostics) -> Option<Money> {
        let amount = fields::money(node, self.cases.currency, problems)?;
        if amount.amount_minor < 0 {
            let message = format!("{amount} is negative");
            problems.add_with_help(node.span, Code::BadValue, message, "write 0 or more");
            return None;
        }
        Some(amount)
    }

    /// One of the channels of the document, where it lists any.
    fn channel(&self, node: &Node, problems: &mut Diagnostics) -> Option<Label> {
        let names = self.cases.names;
        if names.channels.is_empty() {
            fields::text(node, problems)
        } else {
            names.channel(node, problems)
        }
    }

    fn attributes(
        &self,
        node: &Node,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<Vec<AttributeFact>> {
        let entries = fields::map(node, place, "`attributes` of a test", problems)?;
        let read: Vec<Option<AttributeFact>> = entries
            .iter()
            .map(|entry| self.attribute(entry, problems))
            .collect();
        read.into_iter().collect()
    }

    /// `name: value`, or `name: {value: ..., observed_on: ...}`.
    fn attribute(&self, entry: &Entry, problems: &mut Diagnostics) -> Option<AttributeFact> {
        let vocabulary = self.cases.names.vocabulary;
        let Some(id) = vocabulary.attribute_id(&entry.key) else {
            if vocabulary.is_unreadable(&entry.key) {
                return None;
            }
            let known = vocabulary.attributes().iter().map(|it| &*it.name);
            let message = format!("unknown attribute `{}`", entry.key);
            return unknown(entry.key_span, message, &entry.key, known, problems);
        };
        let attribute = vocabulary.attribute(id);
        let (value, observed_on) = if matches!(entry.value.kind, Kind::Map(_)) {
            let what = format!("the attribute `{}`", entry.key);
            let mut fields = Fields::from_node(&entry.value, entry.key_span, what, problems)?;
            let value = fields.require("value", "2", problems);
            let value = value.and_then(|node| value_of(node, attribute, problems));
            let observed_on = fields.require("observed_on", "2026-10-01", problems);
            let observed_on = observed_on.and_then(|node| self.day_of(node, problems));
            fields.finish(problems);
            (value, observed_on)
        } else {
            (value_of(&entry.value, attribute, problems), self.as_of)
        };
        Some(AttributeFact {
            name: attribute.name.clone(),
            value: Some(value?),
            observed_on: observed_on?,
            source: SOURCE.into(),
            profile_version: 1,
        })
    }
}
