//! From messages to domain types and back. What comes in is checked here, once, and every violation is collected with its path.

pub mod answers;
pub mod comparison;
pub mod contacts;
pub mod contracts;
pub mod corrections;
pub mod customers;
pub mod desk;
pub mod drift;
pub mod error;
pub mod evaluation;
pub mod explanations;
pub mod facts;
pub mod fits;
pub mod identity;
pub mod imports;
pub mod merges;
pub mod models;
pub mod newcomers;
pub mod page;
pub mod patches;
pub mod placing;
pub mod profile_checks;
pub mod questions;
pub mod rates;
pub mod revisions;
pub mod routes;
pub mod scores;
pub mod simulations;
pub(crate) mod texts;
pub mod treatments;
pub mod violations;

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    api::violations::Checker,
    domain::{
        calendar::Day,
        customer::{CustomerKind, Identifier, facts::MAX_DAYS_AHEAD},
        money::{Currency, Money},
        telephony::plan::NumberPlan,
    },
    pb,
    service::answer::subjects::Subject,
};

/// What the reading of a request depends on beside the request.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// The zone in which days are counted.
    pub zone: TimeZone,
    /// The present instant.
    pub now: Timestamp,
}

impl Calendar {
    /// The last day that a fact may lie on.
    pub(super) fn last_day(&self) -> Day {
        self.today().plus_days(MAX_DAYS_AHEAD)
    }

    /// Today.
    pub(super) fn today(&self) -> Day {
        Day::in_zone(self.now, &self.zone).unwrap_or(Day::EPOCH)
    }
}

/// The subject of a request.
pub(super) fn subject(message: Option<&pb::Subject>, check: &mut Checker<'_>) -> Option<Subject> {
    use pb::subject::Subject as Way;
    let way = message.and_then(|message| message.subject.as_ref());
    match way {
        None => {
            check.refuse(
                "REQUIRED",
                "is required: set customer_id, phone_number, email or external_id",
            );
            None
        }
        Some(Way::CustomerId(id)) => check
            .field("customer_id")
            .ok("INVALID_ID", texts::customer_id(id))
            .map(Subject::Customer),
        Some(Way::PhoneNumber(number)) => {
            phone(number, &mut check.field("phone_number")).map(Subject::Identifier)
        }
        Some(Way::Email(address)) => {
            email(address, &mut check.field("email")).map(Subject::Identifier)
        }
        Some(Way::ExternalId(id)) => {
            external(id, &mut check.field("external_id")).map(Subject::Identifier)
        }
    }
}

fn phone(text: &str, check: &mut Checker<'_>) -> Option<Identifier> {
    check
        .ok("INVALID_PHONE_NUMBER", NumberPlan::E164.number(text))
        .map(Identifier::Phone)
}

fn email(text: &str, check: &mut Checker<'_>) -> Option<Identifier> {
    check
        .ok("INVALID_EMAIL", texts::email(text))
        .map(Identifier::Email)
}

fn external(id: &pb::ExternalId, check: &mut Checker<'_>) -> Option<Identifier> {
    check
        .ok(
            "INVALID_EXTERNAL_ID",
            texts::external_id(&id.system, &id.id),
        )
        .map(Identifier::External)
}

/// An identifier of a customer.
pub(super) fn identifier(message: &pb::Identifier, check: &mut Checker<'_>) -> Option<Identifier> {
    use pb::identifier::Identifier as Way;
    match &message.identifier {
        None => {
            check.refuse(
                "REQUIRED",
                "is empty: set phone_number, email or external_id",
            );
            None
        }
        Some(Way::PhoneNumber(number)) => phone(number, &mut check.field("phone_number")),
        Some(Way::Email(address)) => email(address, &mut check.field("email")),
        Some(Way::ExternalId(id)) => external(id, &mut check.field("external_id")),
    }
}

/// The day for which to answer: `None` for today, from 1970 on.
pub(super) fn as_of(text: &str, check: &mut Checker<'_>) -> Option<Day> {
    if text.is_empty() {
        return None;
    }
    let day: Day = check.ok("INVALID_DAY", text.parse())?;
    if day < Day::EPOCH {
        check.refuse("DAY_OUT_OF_RANGE", "is before 1970-01-01");
    }
    Some(day)
}

/// A day that must be stated; `None` is noted.
pub(super) fn required_day(text: &str, check: &mut Checker<'_>) -> Option<Day> {
    if text.is_empty() {
        check.refuse("REQUIRED", "is empty: write YYYY-MM-DD");
    }
    as_of(text, check)
}

/// The customer kind of a message; `None` when it is not stated.
pub(super) fn customer_kind(number: i32, check: &mut Checker<'_>) -> Option<CustomerKind> {
    match pb::CustomerKind::try_from(number) {
        Ok(pb::CustomerKind::Unspecified) => None,
        Ok(pb::CustomerKind::Person) => Some(CustomerKind::Person),
        Ok(pb::CustomerKind::Company) => Some(CustomerKind::Company),
        Ok(pb::CustomerKind::Employee) => Some(CustomerKind::Employee),
        Err(_) => {
            check.refuse(
                "UNKNOWN_ENUM_VALUE",
                format!("{number} is not a customer kind"),
            );
            None
        }
    }
}

/// A currency code.
pub(super) fn currency(code: &str, check: &mut Checker<'_>) -> Option<Currency> {
    check.ok("UNKNOWN_CURRENCY", code.parse())
}

/// The message of a customer kind.
pub(super) fn customer_kind_message(kind: CustomerKind) -> i32 {
    let kind = match kind {
        CustomerKind::Person => pb::CustomerKind::Person,
        CustomerKind::Company => pb::CustomerKind::Company,
        CustomerKind::Employee => pb::CustomerKind::Employee,
    };
    kind.into()
}

/// The message of an amount.
pub(super) fn money_message(money: Money) -> pb::Money {
    pb::Money {
        amount_minor: money.amount_minor,
        currency: money.currency.to_string(),
    }
}

/// The message of an instant.
pub(super) fn timestamp_message(instant: Timestamp) -> prost_types::Timestamp {
    // Whole seconds towards the past, so that the nanoseconds count forward, as the message wants them before 1970 too.
    let nanoseconds = instant.as_nanosecond();
    prost_types::Timestamp {
        seconds: i64::try_from(nanoseconds.div_euclid(NANOSECONDS)).unwrap_or_default(),
        nanos: i32::try_from(nanoseconds.rem_euclid(NANOSECONDS)).unwrap_or_default(),
    }
}

/// Nanoseconds in a second.
const NANOSECONDS: i128 = 1_000_000_000;
