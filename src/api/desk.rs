//! The service desk: requests from messages, answers as messages.

mod figures;
mod outcomes;
mod policy;
mod tickets;
mod topics;

use std::collections::BTreeMap;

pub(crate) use self::{
    figures::{cost_request, cost_response, figures_request, figures_response},
    outcomes::contact_outcome,
    policy::{policy_request, policy_response},
    tickets::{presort_request, presort_response},
    topics::{deflection_request, deflection_response, surge_request, surge_response},
};
use crate::{
    api::{texts, violations::Checker},
    domain::{
        customer::facts::{MAX_LABEL_BYTES, MAX_SOURCE_ID_BYTES},
        desk::{
            DeskReason,
            cost::{CostGap, CostSum},
        },
        money::{Currency, Money, major_to_money},
        text::Label,
    },
    pb,
    service::desk::Group,
};

use super::{facts::label, money_message, treatments::localized};

/// Longest window, in calendar months.
const MAX_MONTHS: i32 = 120;
/// Longest window, in days.
const MAX_DAYS: i32 = 3_660;

/// A group of customers; everyone where nothing is set.
fn group(message: Option<&pb::CustomerGroup>, check: &mut Checker<'_>) -> Group {
    use pb::customer_group::Group as Way;
    match message.and_then(|message| message.group.as_ref()) {
        None => Group::Everyone,
        Some(Way::Tier(name)) => Group::of_tier(&name_of(name, &mut check.field("tier"))),
        Some(Way::Segment(name)) => Group::Segment(name_of(name, &mut check.field("segment"))),
    }
}

/// A name of the definitions; what cannot be one is refused.
fn name_of(name: &str, check: &mut Checker<'_>) -> String {
    let name = check.ok("INVALID_TEXT", texts::required(name, MAX_SOURCE_ID_BYTES));
    name.unwrap_or_default().into_owned()
}

/// A number within bounds; 0 is the default.
fn number(number: i32, most: i32, default: u32, check: &mut Checker<'_>) -> u32 {
    if !(0..=most).contains(&number) {
        check.refuse(
            "OUT_OF_RANGE",
            format!("is {number}: set 1 to {most}, or 0 for {default}"),
        );
    }
    u32::try_from(number)
        .ok()
        .filter(|&number| number > 0)
        .unwrap_or(default)
}

/// The length of a window in calendar months.
fn months(months: i32, default: u32, check: &mut Checker<'_>) -> u32 {
    number(months, MAX_MONTHS, default, check)
}

/// An optional channel or queue.
fn short_label(text: &str, check: &mut Checker<'_>) -> Option<Label> {
    label(text, MAX_LABEL_BYTES, check)
}

/// The message of a number of contacts or customers.
fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The message of a computed amount; absent without a currency.
fn major(major: f64, currency: Option<Currency>) -> Option<pb::Money> {
    major_to_money(major, currency?).map(money_message)
}

/// The message of a reason.
fn reason(reason: &DeskReason) -> pb::ReasonCode {
    pb::ReasonCode {
        code: reason.code.to_owned(),
        text: Some(localized(&reason.text)),
    }
}

/// The message of what contacts cost, in the reporting currency.
fn contact_cost(sum: &CostSum, currency: Option<Currency>) -> pb::ContactCost {
    pb::ContactCost {
        contact_count: count(sum.contacts),
        priced_count: count(sum.priced),
        cost: currency.map(|currency| money_message(sum.cost(currency))),
        mean_cost: currency.and_then(|currency| major(sum.mean_major(currency)?, Some(currency))),
        missing: missing_costs(&sum.missing),
    }
}

/// The messages of contacts whose cost is missing.
fn missing_costs(missing: &BTreeMap<(Option<Label>, CostGap), u64>) -> Vec<pb::MissingCost> {
    use pb::MissingCostReason as Reason;
    let message = |((channel, gap), contacts): (&(Option<Label>, CostGap), &u64)| {
        let (reason, currency) = match (channel, gap) {
            (None, _) => (Reason::Unspecified, String::new()),
            (Some(_), CostGap::NotKnown) => (Reason::NotKnown, String::new()),
            (Some(_), CostGap::NoRate(currency)) => (Reason::NoRate, currency.to_string()),
        };
        pb::MissingCost {
            channel: channel.as_deref().unwrap_or_default().to_owned(),
            reason: reason.into(),
            currency,
            contact_count: count(*contacts),
        }
    };
    // The sum of further channels sorts first.
    let (rest, listed): (Vec<_>, Vec<_>) =
        missing.iter().partition(|((name, _), _)| name.is_none());
    listed.into_iter().chain(rest).map(message).collect()
}

/// The message of an exact amount.
fn exact(money: Option<Money>) -> Option<pb::Money> {
    money.map(money_message)
}
