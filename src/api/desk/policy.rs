//! What to do about a channel.

use super::{exact, major, missing_costs, months, reason, short_label};
use crate::{
    api::{
        answers::provenance,
        as_of,
        facts::money,
        subject,
        violations::{Checker, Violations},
    },
    domain::{
        customer::profile::DatedProfile,
        desk::channel_policy::{Alternative, ChannelVerdict},
    },
    pb,
    service::desk::{ChannelCustomer, Hypothetical, PolicyAnswer, PolicyRequest},
};

/// Window without another one, in months.
const DEFAULT_MONTHS: u32 = 6;
/// Most contacts a month of a hypothetical customer.
const MAX_CONTACTS: f64 = 10_000.0;
/// Most that the contacts of a month may cost, in minor units: what one amount may be.
const MAX_COST_MINOR: f64 = 1e15;
/// What to do about a negative amount.
const NOT_NEGATIVE: &str = "set 0 or more";

/// What to decide.
pub(crate) fn policy_request(
    request: &pb::EvaluateChannelPolicyRequest,
) -> Result<PolicyRequest, Violations> {
    use pb::evaluate_channel_policy_request::Whose;
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let channel = short_label(&request.channel, &mut check.field("channel"));
    let customer = match &request.whose {
        None => {
            check
                .field("whose")
                .refuse("REQUIRED", "is required: set subject or hypothetical");
            None
        }
        Some(Whose::Subject(named)) => {
            subject(Some(named), &mut check.field("subject")).map(ChannelCustomer::Known)
        }
        Some(Whose::Hypothetical(numbers)) => {
            if request.channel.is_empty() {
                check.field("channel").refuse(
                    "REQUIRED",
                    "is required for a hypothetical customer: set a name, for example phone",
                );
            }
            for (field, is_set) in [
                ("months", request.months != 0),
                ("as_of", !request.as_of.is_empty()),
            ] {
                if is_set {
                    check.field(field).refuse(
                        "CONFLICT",
                        "is for known customers: a hypothetical one has no window; clear it",
                    );
                }
            }
            hypothetical(numbers, &mut check.field("hypothetical"))
                .map(ChannelCustomer::Hypothetical)
        }
    };
    let months = months(request.months, DEFAULT_MONTHS, &mut check.field("months"));
    let as_of = as_of(&request.as_of, &mut check.field("as_of"));
    match customer {
        Some(customer) if violations.is_empty() => Ok(PolicyRequest {
            customer,
            channel,
            months,
            as_of,
        }),
        _ => Err(violations),
    }
}

fn hypothetical(
    numbers: &pb::HypotheticalCustomer,
    check: &mut Checker<'_>,
) -> Option<Hypothetical> {
    let income = money(
        numbers.income_per_month.as_ref(),
        NOT_NEGATIVE,
        &mut check.field("income_per_month"),
    );
    let contacts = numbers.contacts_per_month;
    // Not a number is not within.
    if !(0.0..=MAX_CONTACTS).contains(&contacts) {
        check.field("contacts_per_month").refuse(
            "OUT_OF_RANGE",
            format!("is {contacts:?}: set 0 to {MAX_CONTACTS}"),
        );
    }
    let mut optional = |name, amount: Option<&pb::Money>| {
        amount.and_then(|amount| money(Some(amount), NOT_NEGATIVE, &mut check.field(name)))
    };
    let other_cost = optional(
        "other_cost_per_month",
        numbers.other_cost_per_month.as_ref(),
    );
    let cost_per_contact = optional("cost_per_contact", numbers.cost_per_contact.as_ref());
    #[expect(
        clippy::cast_precision_loss,
        reason = "an estimate that is compared with a limit"
    )]
    let cost = cost_per_contact.map(|cost| cost.amount_minor as f64 * contacts);
    if cost.is_some_and(|cost| cost > MAX_COST_MINOR) {
        let message = format!("times contacts_per_month is more than {MAX_COST_MINOR:e} a month");
        let mut check = check.field("cost_per_contact");
        check.refuse("OUT_OF_RANGE", message);
    }
    Some(Hypothetical {
        cost_per_contact,
        other_cost,
        income: income?,
        contacts,
    })
}

/// The message of a decision.
pub(crate) fn policy_response(answer: &PolicyAnswer) -> pb::EvaluateChannelPolicyResponse {
    let (month, decision) = (&answer.month, &answer.decision);
    let currency = Some(answer.currency);
    let verdict = match decision.verdict {
        ChannelVerdict::Keep => pb::ChannelVerdict::Keep,
        ChannelVerdict::Limit => pb::ChannelVerdict::Limit,
        ChannelVerdict::Redirect => pb::ChannelVerdict::Redirect,
        ChannelVerdict::Undecided => pb::ChannelVerdict::Undecided,
    };
    let customer = answer.customer.as_ref().map(DatedProfile::profile);
    let window = answer.window;
    pb::EvaluateChannelPolicyResponse {
        verdict: verdict.into(),
        channel: month.channel.to_string(),
        income: major(month.income, currency),
        contact_count: month.contacts,
        cost_per_contact: month
            .cost_per_contact
            .and_then(|cost| major(cost, currency)),
        channel_cost: major(month.channel_cost, currency),
        other_cost: major(month.other_cost, currency),
        contribution: exact(Some(decision.contribution)),
        affordable_contact_count: decision
            .affordable
            .map(|count| i32::try_from(count).unwrap_or(i32::MAX)),
        alternatives: decision.alternatives.iter().map(alternative).collect(),
        suggested_channel: decision.suggested.as_deref().unwrap_or_default().to_owned(),
        reasons: decision.reasons.iter().map(reason).collect(),
        missing_costs: missing_costs(&answer.contacts.missing),
        missing_income: answer
            .missing_income
            .iter()
            .map(ToString::to_string)
            .collect(),
        first_day: window.map_or_else(String::new, |window| window.first.to_string()),
        last_day: window.map_or_else(String::new, |window| window.last.to_string()),
        provenance: Some(provenance(customer, answer.as_of, &answer.basis)),
    }
}

fn alternative(alternative: &Alternative) -> pb::ChannelAlternative {
    pb::ChannelAlternative {
        channel: alternative.channel.to_string(),
        cost_per_contact: exact(alternative.cost_per_contact),
        contribution: exact(alternative.contribution),
        limited_contribution: exact(alternative.limited_contribution),
        is_offered: alternative.is_offered,
    }
}
