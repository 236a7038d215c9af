//! Contracts from messages. An item with anything wrong is refused with all of it.

use super::{
    Calendar, customer_kind,
    facts::{check_amount, label, money, on_day, source_key},
    placing::customer,
};
use crate::{
    api::violations::{Checker, Violations},
    domain::{
        calendar::Day,
        customer::facts::{ContractTerms, MAX_LABEL_BYTES, MAX_PERIOD_MONTHS},
    },
    pb,
    service::ingest::{NewContract, Placement},
};

/// What to do about a negative price or cost.
const AT_LEAST_0: &str = "set 0 or more for the price and cost of a period";

/// A contract, or everything that is wrong with it.
pub(crate) fn contract(
    message: &pb::Contract,
    path: String,
    calendar: &Calendar,
    placement: &Placement,
) -> Result<NewContract, Violations> {
    let mut violations = Violations::default();
    let mut check = violations.at(path);
    let named = message.customer.as_ref();
    let placed = customer(&message.customer_id, named, placement, &mut check);
    let key = source_key(
        &message.source,
        ("contract_id", &message.contract_id),
        &mut check,
    );
    let started_on = day(
        &message.started_on,
        calendar,
        &mut check.field("started_on"),
    );
    let period_months = period(message.period_months, &mut check.field("period_months"));
    let price = money(
        message.price.as_ref(),
        AT_LEAST_0,
        &mut check.field("price"),
    );
    if let Some(cost_minor) = message.cost_minor {
        check_amount(cost_minor, AT_LEAST_0, &mut check.field("cost_minor"));
    }
    let category = label(
        &message.category,
        MAX_LABEL_BYTES,
        &mut check.field("category"),
    );
    let ended_on = end(&message.ended_on, started_on, &mut check.field("ended_on"));
    let effective_on = effective(message, started_on, calendar, &mut check);
    let customer_kind = customer_kind(message.customer_kind, &mut check.field("customer_kind"));
    match (placed, key, started_on, period_months, price) {
        (Some(placed), Some(key), Some(started_on), Some(period_months), Some(price))
            if violations.is_empty() =>
        {
            let terms = ContractTerms {
                started_on,
                period_months,
                price,
                cost_minor: message.cost_minor,
                category,
                ended_on,
            };
            Ok(NewContract {
                key: key.of(placed.customer_id),
                terms,
                effective_on,
                today: calendar.today(),
                customer_kind,
                found_by: placed.found_by,
            })
        }
        _ => Err(violations),
    }
}

fn day(text: &str, calendar: &Calendar, check: &mut Checker<'_>) -> Option<Day> {
    on_day(text, calendar, check).map(|when| when.day)
}

fn period(months: i32, check: &mut Checker<'_>) -> Option<u32> {
    let known = u32::try_from(months)
        .ok()
        .filter(|months| (1..=MAX_PERIOD_MONTHS).contains(months));
    if known.is_none() {
        check.refuse(
            "OUT_OF_RANGE",
            format!("must be from 1 to {MAX_PERIOD_MONTHS} months: 1 is monthly, 12 yearly"),
        );
    }
    known
}

/// An end may lie ahead as far as the calendar goes, but not before the start.
fn end(text: &str, started_on: Option<Day>, check: &mut Checker<'_>) -> Option<Day> {
    if text.is_empty() {
        return None;
    }
    let end: Day = check.ok("INVALID_DAY", text.parse())?;
    not_before_start(end, started_on, check);
    Some(end)
}

fn effective(
    message: &pb::Contract,
    started_on: Option<Day>,
    calendar: &Calendar,
    check: &mut Checker<'_>,
) -> Option<Day> {
    if message.effective_on.is_empty() {
        return None;
    }
    let mut check = check.field("effective_on");
    let effective_on = day(&message.effective_on, calendar, &mut check)?;
    not_before_start(effective_on, started_on, &mut check);
    Some(effective_on)
}

fn not_before_start(day: Day, started_on: Option<Day>, check: &mut Checker<'_>) {
    if let Some(start) = started_on.filter(|start| day < *start) {
        check.refuse(
            "BEFORE_START",
            format!("{day} is before the start of the contract, {start}"),
        );
    }
}
