//! Facts from messages. An item with anything wrong is refused with all of it.

mod contact;
mod original;

use jiff::Timestamp;

pub(crate) use self::contact::{contact, unlisted_channel};
use self::original::original;
use super::{Calendar, currency, customer_kind, placing::customer, texts};
use crate::{
    api::violations::{Checker, Violations},
    domain::{
        calendar::{Day, EventTime},
        customer::facts::{
            FactKey, MAX_LABEL_BYTES, MAX_SOURCE_ID_BYTES, Transaction, TransactionKind,
        },
        money::{MAX_AMOUNT_MINOR, Money},
        text::{CustomerId, Label},
    },
    pb,
    service::ingest::{NewFact, Placement},
};

/// What to do about a transaction of a negative amount.
const PAID_BACK: &str = "for a refund, send the amount paid back with kind KIND_REFUND";
/// What to do about goods of a negative cost.
const CAME_BACK: &str = "set 0 or more; for a refund, the cost recovered";

/// A transaction, or everything that is wrong with it.
pub(crate) fn transaction(
    message: &pb::Transaction,
    path: String,
    calendar: &Calendar,
    placement: &Placement,
) -> Result<NewFact<Transaction>, Violations> {
    use pb::transaction::When;
    let mut violations = Violations::default();
    let mut check = violations.at(path);
    let kind = transaction_kind(message.kind, &mut check.field("kind"));
    let named = message.customer.as_ref();
    let placed = customer(&message.customer_id, named, placement, &mut check);
    let key = source_key(
        &message.source,
        ("transaction_id", &message.transaction_id),
        &mut check,
    );
    let when = match &message.when {
        Some(When::OccurredTime(time)) => {
            instant(time, calendar, &mut check.field("occurred_time"))
        }
        Some(When::OccurredOn(day)) => on_day(day, calendar, &mut check.field("occurred_on")),
        None => missing_when(&mut check),
    };
    let amount = money(
        message.amount.as_ref(),
        PAID_BACK,
        &mut check.field("amount"),
    );
    let original = original(message, kind, &mut check);
    check_original(message, &mut check);
    let cost_minor = message.cost_minor;
    if let Some(cost_minor) = cost_minor {
        check_amount(cost_minor, CAME_BACK, &mut check.field("cost_minor"));
    }
    let category = label(
        &message.category,
        MAX_LABEL_BYTES,
        &mut check.field("category"),
    );
    let channel = label(
        &message.channel,
        MAX_LABEL_BYTES,
        &mut check.field("channel"),
    );
    let customer_kind = customer_kind(message.customer_kind, &mut check.field("customer_kind"));
    match (placed, key, kind, when, amount) {
        (Some(placed), Some(key), Some(kind), Some(when), Some(amount))
            if violations.is_empty() =>
        {
            let mut fact = Transaction {
                key: key.of(placed.customer_id),
                kind,
                when,
                amount,
                cost_minor,
                category,
                channel,
                original_id: None,
                original_source: None,
                stated_customer: None,
            };
            let is_moved = original.apply(&mut fact);
            Ok(NewFact {
                fact,
                customer_kind,
                // The refund belongs to the customer of its original, even if another customer has the identifier.
                found_by: placed.found_by.filter(|_| !is_moved),
                needs_original: message.kind() == pb::transaction::Kind::ReversalIfRecorded,
            })
        }
        _ => Err(violations),
    }
}

fn transaction_kind(number: i32, check: &mut Checker<'_>) -> Option<TransactionKind> {
    use pb::transaction::Kind;
    match Kind::try_from(number) {
        Ok(Kind::Unspecified | Kind::Purchase) => Some(TransactionKind::Purchase),
        Ok(Kind::Refund) => Some(TransactionKind::Refund),
        Ok(Kind::RefundTotal) => Some(TransactionKind::RefundTotal),
        // What it names is looked for when it is recorded.
        Ok(Kind::Reversal | Kind::ReversalIfRecorded) => Some(TransactionKind::Reversal),
        Err(_) => {
            check.refuse(
                "UNKNOWN_ENUM_VALUE",
                format!("{number} is not a transaction kind"),
            );
            None
        }
    }
}

/// Refuses what is about one transaction and names none; and a total of refunds with a cost: what came back of it is not known by refund.
fn check_original(message: &pb::Transaction, check: &mut Checker<'_>) {
    use pb::transaction::Kind;
    let kind = message.kind();
    if !matches!(kind, Kind::RefundTotal | Kind::ReversalIfRecorded) {
        return;
    }
    if message.original_transaction_id.is_empty() {
        let kind = kind.as_str_name();
        check.field("original_transaction_id").refuse(
            "REQUIRED",
            format!("is required with {kind}: set the id of the transaction that it takes back"),
        );
    }
    if kind == Kind::RefundTotal && message.cost_minor.is_some() {
        check.field("cost_minor").refuse(
            "COST_OF_TOTAL",
            "is not allowed with KIND_REFUND_TOTAL: clear it, or send single refunds",
        );
    }
}

/// What a source names a fact by, without the customer.
pub(super) struct SourceKey {
    source: Label,
    id: Label,
}

impl SourceKey {
    /// The key of the fact of a customer.
    pub(super) fn of(self, customer_id: CustomerId) -> FactKey {
        FactKey {
            customer_id,
            source: self.source,
            id: self.id,
        }
    }
}

/// What the source names a fact by, whose id stands in the field named.
pub(super) fn source_key(
    source: &str,
    (id_name, id): (&str, &str),
    check: &mut Checker<'_>,
) -> Option<SourceKey> {
    let source = required_label(source, MAX_LABEL_BYTES, &mut check.field("source"));
    let id = required_label(id, MAX_SOURCE_ID_BYTES, &mut check.field(id_name));
    Some(SourceKey {
        source: source?,
        id: id?,
    })
}

pub(super) fn missing_when(check: &mut Checker<'_>) -> Option<EventTime> {
    check.refuse("REQUIRED", "is missing: set occurred_time or occurred_on");
    None
}

pub(super) fn instant(
    time: &prost_types::Timestamp,
    calendar: &Calendar,
    check: &mut Checker<'_>,
) -> Option<EventTime> {
    let valid_nanos = (0..1_000_000_000).contains(&time.nanos);
    let instant = Timestamp::new(time.seconds, if valid_nanos { time.nanos } else { 0 });
    let (true, Ok(instant)) = (valid_nanos, instant) else {
        check.refuse(
            "INVALID_TIME",
            "is not a valid timestamp: set seconds within the years 1 to 9999 and nanos 0 to 999999999",
        );
        return None;
    };
    // Kept to the microsecond, as the database keeps it, so that the same fact sent again compares equal.
    let microsecond = instant.as_microsecond();
    let day = check.ok("DAY_OUT_OF_RANGE", Day::in_zone(instant, &calendar.zone))?;
    let instant = check.ok("INVALID_TIME", Timestamp::from_microsecond(microsecond))?;
    in_range(day, calendar, check).then_some(EventTime {
        day,
        instant: Some(instant),
    })
}

/// A day on which a fact may lie.
pub(super) fn on_day(
    text: &str,
    calendar: &Calendar,
    check: &mut Checker<'_>,
) -> Option<EventTime> {
    let day: Day = check.ok("INVALID_DAY", text.parse())?;
    in_range(day, calendar, check).then_some(EventTime { day, instant: None })
}

fn in_range(day: Day, calendar: &Calendar, check: &mut Checker<'_>) -> bool {
    let last = calendar.last_day();
    let inside = (Day::EPOCH..=last).contains(&day);
    if !inside {
        check.refuse(
            "DAY_OUT_OF_RANGE",
            format!("{day} is out of range: use 1970-01-01 to {last} (two days from now)"),
        );
    }
    inside
}

/// A required amount; `if_negative` says what to do about one that is negative.
pub(super) fn money(
    message: Option<&pb::Money>,
    if_negative: &str,
    check: &mut Checker<'_>,
) -> Option<Money> {
    let Some(message) = message else {
        check.refuse("REQUIRED", "is required: set amount_minor and currency");
        return None;
    };
    let currency = currency(&message.currency, &mut check.field("currency"));
    check_amount(
        message.amount_minor,
        if_negative,
        &mut check.field("amount_minor"),
    );
    Some(Money {
        amount_minor: message.amount_minor,
        currency: currency?,
    })
}

/// Refuses an amount that no fact may have; `if_negative` says what to do about one that is negative.
pub(super) fn check_amount(amount_minor: i64, if_negative: &str, check: &mut Checker<'_>) {
    if amount_minor < 0 {
        check.refuse("NEGATIVE", format!("is negative: {if_negative}"));
    } else if amount_minor > MAX_AMOUNT_MINOR {
        check.refuse(
            "OUT_OF_RANGE",
            "exceeds 10^15 minor units: check the unit, 19.99 EUR is 1999",
        );
    }
}

/// An optional text; empty is none.
pub(super) fn label(text: &str, limit: usize, check: &mut Checker<'_>) -> Option<Label> {
    let text = check.ok("INVALID_TEXT", texts::bounded(text, limit))?;
    (!text.is_empty()).then(|| text.into())
}

/// A required text.
pub(super) fn required_label(text: &str, limit: usize, check: &mut Checker<'_>) -> Option<Label> {
    check
        .ok("INVALID_TEXT", texts::required(text, limit))
        .map(Label::from)
}
