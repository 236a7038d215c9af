//! Rows of service contacts.

use std::borrow::Cow;

use clap::Args;

use super::amount::parse_amount;
use super::args::{FileArgs, Formats};
use super::columns::Header;
use super::currency::{RowCurrency, parse_currency};
use super::identity::{Content, DerivedIds};
use super::meaning::View;
use super::pipeline::reading::Mapping;
use super::row::{Row, short_text};
use super::send::{Batch, Terms};
use super::transactions::{TIME_COLUMNS, day_in};
use super::when::When;
use super::who::{CustomerColumn, NamedArgs, subject_of, whose};
use crate::cli::error::CliError;
use crate::pb;

/// Longest contact that Patron takes, in seconds: a week.
const DURATION_LIMIT: i32 = 604_800;

/// Options of `patron import contacts`.
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
#[derive(Debug, Args)]
pub struct ContactsArgs {
    #[command(flatten)]
    /// What all imports share.
    pub file: FileArgs,
    #[command(flatten)]
    /// Whose facts they are.
    named: NamedArgs,
    /// Column of the day or time [default: date, time, occurred_at, timestamp]
    #[arg(long, value_name = "COLUMN")]
    time_column: Option<String>,
    /// Channel of all contacts, for example phone
    #[arg(long, value_name = "NAME", value_parser = parse_channel)]
    channel: Option<String>,
    /// Column of the channel; empty cells use --channel [default: channel]
    #[arg(long, value_name = "COLUMN")]
    channel_column: Option<String>,
    /// Column of the topic [default: topic]
    #[arg(long, value_name = "COLUMN")]
    topic_column: Option<String>,
    /// Column of the duration: seconds, MM:SS or HH:MM:SS [default: duration_seconds, duration]
    #[arg(long, value_name = "COLUMN")]
    duration_column: Option<String>,
    /// Column of the cost to the company, in major units [default: cost]
    #[arg(long, value_name = "COLUMN")]
    cost_column: Option<String>,
    /// Column of the outcome [default: outcome]
    #[arg(long, value_name = "COLUMN")]
    outcome_column: Option<String>,
    /// Column of the contact id [default: contact_id; otherwise derived from the row]
    #[arg(long, value_name = "COLUMN")]
    id_column: Option<String>,
    /// Column of the id of a contact to retract; such a row has no channel, cost, topic or outcome
    /// [default: retracts_contact_id]
    #[arg(long, value_name = "COLUMN")]
    retracts_column: Option<String>,
    /// Currency of all costs, an ISO 4217 code
    #[arg(long, value_name = "CODE", value_parser = parse_currency)]
    currency: Option<String>,
    /// Column of the currency; empty cells use --currency [default: currency, unless --currency is given]
    #[arg(long, value_name = "COLUMN")]
    currency_column: Option<String>,
}

/// Where a contact stands in a row.
#[derive(Debug)]
pub struct ContactMapping {
    customer: CustomerColumn,
    time: usize,
    channel: Option<usize>,
    fixed_channel: Option<String>,
    topic: Option<usize>,
    duration: Option<usize>,
    cost: Option<usize>,
    outcome: Option<usize>,
    id: Option<usize>,
    retracts: Option<usize>,
    currency: RowCurrency,
    formats: Formats,
    source: String,
    customer_kind: i32,
    ids: DerivedIds,
}

impl ContactMapping {
    /// Finds the columns.
    ///
    /// # Errors
    ///
    /// Wrong usage: a column that is not there, no channel, costs without a currency.
    pub fn new(args: &ContactsArgs, header: &Header) -> Result<Self, CliError> {
        let optional = |option: &str, named: &Option<String>, defaults: &[&str]| {
            header.optional(option, named.as_deref(), defaults)
        };
        let channel = optional("--channel-column", &args.channel_column, &["channel"])?;
        let retracts = optional(
            "--retracts-column",
            &args.retracts_column,
            &["retracts_contact_id"],
        )?;
        if channel.is_none() && args.channel.is_none() && retracts.is_none() {
            return Err(CliError::Usage {
                message: "the channel of the contacts is missing".to_owned(),
                hint: "set --channel, for example --channel phone, or --channel-column".to_owned(),
            });
        }
        let cost = optional("--cost-column", &args.cost_column, &["cost"])?;
        let currency = RowCurrency::new(
            args.currency.as_deref(),
            args.currency_column.as_deref(),
            header,
        )?;
        Ok(Self {
            customer: CustomerColumn::new(&args.file, header)?.named_by(&args.named, header)?,
            time: header.required("--time-column", args.time_column.as_deref(), &TIME_COLUMNS)?,
            channel,
            fixed_channel: args.channel.clone(),
            topic: optional("--topic-column", &args.topic_column, &["topic"])?,
            duration: optional(
                "--duration-column",
                &args.duration_column,
                &["duration_seconds", "duration"],
            )?,
            currency: if cost.is_some() {
                currency.required()?
            } else {
                currency
            },
            cost,
            outcome: optional("--outcome-column", &args.outcome_column, &["outcome"])?,
            id: optional("--id-column", &args.id_column, &["contact_id"])?,
            retracts,
            formats: args.file.input.formats()?,
            source: args.file.source.clone(),
            customer_kind: args.file.kind(),
            ids: DerivedIds::default(),
        })
    }

    fn channel(&self, row: &mut Row<'_>) -> String {
        let channel = row.short_text(self.channel, 64);
        match (&self.fixed_channel, row.text(self.channel)) {
            (Some(fixed), "") => fixed.clone(),
            (None, "") => {
                row.refuse("the channel is empty");
                channel
            }
            _ => channel,
        }
    }

    fn cost(&self, row: &mut Row<'_>) -> Option<pb::Money> {
        if row.text(self.cost).is_empty() {
            return None;
        }
        let currency = self.currency.in_row(row)?;
        let numbers = self.formats.numbers;
        let amount_minor = row.parse(self.cost, |text| {
            match parse_amount(text, &currency, numbers)?.signed() {
                cost @ 0.. => Ok(cost),
                _ => Err("the cost of a contact cannot be negative".to_owned()),
            }
        })?;
        Some(pb::Money {
            amount_minor,
            currency,
        })
    }

    fn identity(&mut self, row: &mut Row<'_>, fact: &pb::Contact, when: &When) -> Option<String> {
        if let Some(column) = self.id {
            return row.id(column);
        }
        let number = |number: Option<i64>| number.map(|n| n.to_string()).unwrap_or_default();
        let cost = fact.cost.as_ref();
        let content = Content::default()
            .with(
                "customer",
                &whose(&fact.customer_id, fact.customer.as_ref()),
            )
            .with("when", &when.normalised())
            .with("channel", &fact.channel)
            .with("topic", &fact.topic)
            .with("duration", &number(fact.duration_seconds.map(i64::from)))
            .with("cost", &number(cost.map(|cost| cost.amount_minor)))
            .with("currency", cost.map_or("", |cost| cost.currency.as_str()))
            .with("outcome", &fact.outcome)
            .with("retracts", &fact.retracts_contact_id);
        Some(self.ids.next(&content))
    }
}

impl Mapping for ContactMapping {
    type Fact = pb::Contact;
    const LANES: usize = 4;

    fn subject(fact: &Self::Fact) -> Option<pb::Subject> {
        Some(subject_of(&fact.customer_id, fact.customer.as_ref()))
    }

    fn customer(fact: &Self::Fact) -> Option<Cow<'_, str>> {
        Some(whose(&fact.customer_id, fact.customer.as_ref()))
    }

    fn unknown_customer(&self) -> pb::UnknownCustomer {
        self.customer.unknown()
    }

    fn formats(&mut self) -> &mut Formats {
        &mut self.formats
    }

    fn view<'a>(&self, fact: &'a pb::Contact) -> View<'a> {
        let zone = self.formats.dates.zone();
        let is_retraction = !fact.retracts_contact_id.is_empty();
        View {
            kind: if is_retraction {
                "Retractions"
            } else {
                "Contacts"
            },
            customer: Some(whose(&fact.customer_id, fact.customer.as_ref())),
            day: match &fact.when {
                Some(pb::contact::When::OccurredTime(time)) => day_in(time, &zone),
                Some(pb::contact::When::OccurredOn(day)) => day.parse().ok(),
                None => None,
            },
            money: fact.cost.as_ref(),
        }
    }

    fn details(&self, fact: &pb::Contact) -> Vec<(&'static str, String)> {
        vec![
            ("id", fact.contact_id.clone()),
            ("channel", fact.channel.clone()),
            ("topic", fact.topic.clone()),
            ("of", fact.retracts_contact_id.clone()),
        ]
    }

    fn read(&mut self, row: &mut Row<'_>) -> Option<Vec<pb::Contact>> {
        let named = self.customer.read(row);
        let dates = &self.formats.dates;
        let when = row.parse_required(self.time, |text| dates.when(text));
        let retracts_contact_id = row.short_text(self.retracts, 128);
        let channel = if retracts_contact_id.is_empty() {
            self.channel(row)
        } else {
            row.text(self.channel).to_owned()
        };
        let topic = row.free_text(self.topic, 128);
        let duration_seconds = row.parse(self.duration, parse_duration);
        let cost = self.cost(row);
        let outcome = row.short_text(self.outcome, 64);
        if !row.is_sound() {
            return None;
        }
        let (named, when) = (named?, when?);
        let mut fact = pb::Contact {
            customer_id: named.customer_id,
            customer: named.customer,
            source: self.source.clone(),
            contact_id: String::new(),
            when: Some(match when.instant() {
                Some(instant) => pb::contact::When::OccurredTime(instant),
                None => {
                    pb::contact::When::OccurredOn(when.day(&jiff::tz::TimeZone::UTC).to_string())
                }
            }),
            channel,
            topic,
            duration_seconds,
            cost,
            outcome,
            customer_kind: self.customer_kind,
            retracts_contact_id,
        };
        fact.contact_id = self.identity(row, &fact, &when)?;
        Some(vec![fact])
    }

    fn batch(contacts: Vec<pb::Contact>, terms: &Terms) -> Batch {
        Batch::Contacts(pb::IngestContactsRequest {
            contacts,
            unknown_customer: terms.unknown_customer.into(),
            import_id: terms.import_id.clone(),
        })
    }
}

fn parse_channel(text: &str) -> Result<String, String> {
    short_text(text, 64)?
        .ok_or_else(|| "must not be empty".to_owned())
        .map(str::to_owned)
}

/// Whole seconds, MM:SS or HH:MM:SS.
fn parse_duration(text: &str) -> Result<i32, String> {
    let wrong = || {
        format!(
            "{text:?} is not a duration: write whole seconds, MM:SS or HH:MM:SS, at most a week"
        )
    };
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 3 {
        return Err(wrong());
    }
    let mut seconds: i32 = 0;
    for (position, part) in parts.iter().enumerate() {
        let number: i32 = if part.bytes().all(|b| b.is_ascii_digit()) {
            part.parse().map_err(|_| wrong())?
        } else {
            return Err(wrong());
        };
        if position > 0 && number > 59 {
            return Err(wrong());
        }
        seconds = seconds
            .checked_mul(60)
            .and_then(|seconds| seconds.checked_add(number))
            .ok_or_else(wrong)?;
    }
    if seconds > DURATION_LIMIT {
        return Err(wrong());
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests;
