//! Whose fact a row is: a customer by id, or as the source knows them.

use std::borrow::Cow;

use clap::{Args, ValueEnum};

use super::args::FileArgs;
use super::columns::Header;
use super::row::{Row, parse_id, short_text};
use crate::cli::error::CliError;
use crate::cli::subject::subject_text;
use crate::domain::telephony::plan::{NumberPlan, NumberPlanError};
use crate::pb;
use crate::pb::subject::Subject as Name;

/// Options for naming the customers of facts.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
pub struct NamedArgs {
    /// What the customer column holds: id, email, phone, or external:SYSTEM for ids of another system
    #[arg(long, value_name = "WAY", default_value = "id", value_parser = parse_way)]
    customer_by: Way,
    /// A value of the customer column that means that there is none (repeatable), for example 0 for guests; an empty cell always does
    #[arg(long, value_name = "VALUE")]
    no_customer: Vec<String>,
    /// Column of the customer where the customer column has none, for example of guests
    #[arg(long, value_name = "COLUMN")]
    guest_column: Option<String>,
    /// What the guest column holds, as for --customer-by
    #[arg(long, value_name = "WAY", default_value = "email", value_parser = parse_way)]
    guest_by: Way,
    /// What happens to rows of an e-mail address, phone number or external id that no customer has. An unknown id always creates a customer
    #[arg(long, value_enum, default_value_t)]
    unknown_customer: UnknownArg,
    /// How the columns above write phone numbers: e164 (+49 30 ...), e164_no_plus, national:DE, international_prefix:00, auto or auto:DE
    #[arg(long, value_name = "PLAN", default_value_t, value_parser = parse_plan)]
    phone_numbers: NumberPlan,
}

/// What happens where nobody has an identifier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum UnknownArg {
    /// The row is refused
    #[default]
    Refuse,
    /// A customer with that identifier is created
    Create,
}

/// How a column names customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By their id.
    Id,
    /// By an e-mail address.
    Email,
    /// By a phone number.
    Phone,
    /// By their id in this system.
    External(String),
}

/// Reads `id`, `email`, `phone` or `external:SYSTEM`.
///
/// # Errors
///
/// A sentence that states the ways.
pub fn parse_way(text: &str) -> Result<Way, String> {
    match text.split_once(':') {
        None if text == "id" => Ok(Way::Id),
        None if text == "email" => Ok(Way::Email),
        None if text == "phone" => Ok(Way::Phone),
        Some(("external", system)) => short_text(system, 64)?
            .map(|system| Way::External(system.to_owned()))
            .ok_or_else(|| "write external:SYSTEM, for example external:shop".to_owned()),
        _ => Err("write id, email, phone or external:SYSTEM".to_owned()),
    }
}

fn parse_plan(text: &str) -> Result<NumberPlan, NumberPlanError> {
    text.parse()
}

/// A customer as a message names one: by exactly one of the two.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Named {
    /// The customer's id, or nothing.
    pub customer_id: String,
    /// Another name, or nothing.
    pub customer: Option<pb::Subject>,
}

/// Where the customer of a row stands.
#[derive(Debug)]
pub struct CustomerColumn {
    column: usize,
    whole_numbers: bool,
    named: Option<NamedColumns>,
}

/// How columns name customers.
#[derive(Debug)]
struct NamedColumns {
    by: Way,
    none: Vec<String>,
    guest: Option<(usize, Way)>,
    unknown: UnknownArg,
    plan: NumberPlan,
}

impl CustomerColumn {
    /// Finds the column; customers are named by their ids.
    ///
    /// # Errors
    ///
    /// Wrong usage when it is not there.
    pub fn new(file: &FileArgs, header: &Header) -> Result<Self, CliError> {
        Ok(Self {
            column: header.required(
                "--customer-column",
                file.customer_column.as_deref(),
                &["customer_id", "customer", "cust"],
            )?,
            whole_numbers: file.whole_number_ids,
            named: None,
        })
    }

    /// The same; customers are named as the options state.
    ///
    /// # Errors
    ///
    /// Wrong usage when the column of guests is not there.
    pub fn named_by(self, args: &NamedArgs, header: &Header) -> Result<Self, CliError> {
        let guest = header.optional("--guest-column", args.guest_column.as_deref(), &[])?;
        let named = NamedColumns {
            by: args.customer_by.clone(),
            none: args.no_customer.clone(),
            guest: guest.map(|column| (column, args.guest_by.clone())),
            unknown: args.unknown_customer,
            plan: args.phone_numbers.clone(),
        };
        Ok(Self {
            named: Some(named),
            ..self
        })
    }

    /// What the server does with identifiers that no customer has.
    #[must_use]
    pub fn unknown(&self) -> pb::UnknownCustomer {
        match self.named.as_ref().map(|named| named.unknown) {
            Some(UnknownArg::Create) => pb::UnknownCustomer::Create,
            Some(UnknownArg::Refuse) | None => pb::UnknownCustomer::Refuse,
        }
    }

    /// The columns that name customers.
    pub fn columns(&self) -> impl Iterator<Item = usize> + use<> {
        let guest = self.named.as_ref().and_then(|named| named.guest.as_ref());
        let guest = guest.map(|(column, _)| *column);
        std::iter::once(self.column).chain(guest)
    }

    /// The customer's id.
    pub fn id(&self, row: &mut Row<'_>) -> Option<String> {
        row.parse_required(self.column, |text| self.parse_id(text))
    }

    /// The customer, in whatever way.
    pub fn read(&self, row: &mut Row<'_>) -> Option<Named> {
        let Some(named) = &self.named else {
            let customer_id = self.id(row)?;
            return Some(Named {
                customer_id,
                customer: None,
            });
        };
        let text = row.text(Some(self.column));
        let is_none = text.is_empty() || named.none.iter().any(|none| none == text);
        match &named.guest {
            Some((column, way)) if is_none => {
                row.parse_required(*column, |text| self.parse(text, way, &named.plan))
            }
            None if is_none => {
                let what = if text.is_empty() {
                    "is empty".to_owned()
                } else {
                    format!("{text:?} means no customer")
                };
                let column = row.name(self.column);
                row.refuse(format!("{column}: {what}: see --guest-column"));
                None
            }
            _ => row.parse_required(self.column, |text| self.parse(text, &named.by, &named.plan)),
        }
    }

    fn parse_id(&self, text: &str) -> Result<String, String> {
        let whole = text.strip_suffix(".0").filter(|_| self.whole_numbers);
        parse_id(whole.unwrap_or(text))
    }

    fn parse(&self, text: &str, way: &Way, plan: &NumberPlan) -> Result<Named, String> {
        let whole = text.strip_suffix(".0").filter(|_| self.whole_numbers);
        let subject = subject_in(whole.unwrap_or(text), way, plan)?;
        Ok(match subject.subject {
            Some(Name::CustomerId(customer_id)) => Named {
                customer_id,
                customer: None,
            },
            _ => Named {
                customer_id: String::new(),
                customer: Some(subject),
            },
        })
    }
}

/// The customer whom a text names in one way.
///
/// # Errors
///
/// A sentence that states what is wrong.
pub fn subject_in(text: &str, way: &Way, plan: &NumberPlan) -> Result<pb::Subject, String> {
    let name = match way {
        Way::Id => Name::CustomerId(parse_id(text)?),
        Way::Email => Name::Email(parse_email(text)?),
        Way::Phone => {
            let number = plan.number(text.trim_start_matches('\''));
            let number = number.map_err(|error| format!("{text:?} {error}"))?;
            Name::PhoneNumber(number.as_str().to_owned())
        }
        Way::External(system) => Name::ExternalId(pb::ExternalId {
            system: system.clone(),
            id: parse_id(text)?,
        }),
    };
    Ok(pb::Subject {
        subject: Some(name),
    })
}

/// The customer of a message as a subject.
#[must_use]
pub fn subject_of(customer_id: &str, customer: Option<&pb::Subject>) -> pb::Subject {
    let by_id = || pb::Subject {
        subject: Some(pb::subject::Subject::CustomerId(customer_id.to_owned())),
    };
    customer.cloned().unwrap_or_else(by_id)
}

/// The customer of a message in one text, the same for all ways to write them.
#[must_use]
pub fn whose<'a>(customer_id: &'a str, customer: Option<&pb::Subject>) -> Cow<'a, str> {
    match customer {
        None => Cow::Borrowed(customer_id),
        Some(subject) => {
            let text = subject_text(subject);
            let is_email = matches!(subject.subject, Some(Name::Email(_)));
            Cow::Owned(if is_email { text.to_lowercase() } else { text })
        }
    }
}

/// An e-mail address.
///
/// # Errors
///
/// A sentence that states that it is none.
pub fn parse_email(text: &str) -> Result<String, String> {
    let proper = text
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if !proper || text.len() > 254 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!("{text:?} is not an e-mail address"));
    }
    Ok(text.to_owned())
}
