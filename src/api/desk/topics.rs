//! Deflection candidates and topic surges.

use super::{MAX_DAYS, count, group, major, missing_costs, months, number};
use crate::{
    api::{
        answers::provenance,
        as_of, money_message, texts,
        violations::{Checker, Violations},
    },
    domain::{
        customer::facts::{MAX_LABEL_BYTES, MAX_TOPIC_BYTES},
        desk::topics::{Candidate, Surge},
        money::{Currency, minor_to_major},
    },
    pb,
    service::desk::{DeflectionAnswer, DeflectionRequest, SurgeAnswer, SurgeRequest},
};

/// Window of deflection without another one, in months.
const DEFAULT_MONTHS: u32 = 3;
/// Share that can be moved where none is stated.
const DEFAULT_SHARE: f64 = 0.3;
/// Most shares of single topics.
const MAX_SHARES: usize = 200;
/// Candidates where no number is stated, and the most of them.
const CANDIDATES: (u32, i32) = (20, 200);
/// Recent days where no number is stated, and the most of them.
const RECENT_DAYS: (u32, i32) = (7, 366);
/// Earlier days where no number is stated: twelve weeks, so that each day of the week counts as often.
const EARLIER_DAYS: u32 = 84;
/// Expected share of false alarms where none is stated, and the greatest.
const FALSE_DISCOVERIES: (f64, f64) = (0.05, 0.5);
/// Most surges in an answer.
const MOST_SURGES: usize = 200;

/// What could move where.
pub(crate) fn deflection_request(
    request: &pb::ListDeflectionCandidatesRequest,
) -> Result<DeflectionRequest, Violations> {
    let mut violations = Violations::at_most(20);
    let mut check = violations.at("");
    let target = texts::bounded(&request.target_channel, MAX_LABEL_BYTES);
    let target = check.field("target_channel").ok("INVALID_TEXT", target);
    let target = target.unwrap_or_default();
    if request.topic_shares.len() > MAX_SHARES {
        let most = format!("has more than {MAX_SHARES} topics");
        check.field("topic_shares").refuse("TOO_MANY", most);
    }
    for (at, (topic, share)) in request.topic_shares.iter().take(MAX_SHARES).enumerate() {
        let mut check = check.element("topic_shares", at);
        check.ok("INVALID_TEXT", texts::required(topic, MAX_TOPIC_BYTES));
        within(*share, 1.0, &mut check);
    }
    let share = match request.share {
        0.0 => DEFAULT_SHARE,
        share => within(share, 1.0, &mut check.field("share")),
    };
    let read = DeflectionRequest {
        group: group(request.group.as_ref(), &mut check.field("group")),
        months: months(request.months, DEFAULT_MONTHS, &mut check.field("months")),
        as_of: as_of(&request.as_of, &mut check.field("as_of")),
        target: Some(target.into_owned()).filter(|target| !target.is_empty()),
        share,
        topic_shares: request
            .topic_shares
            .iter()
            .map(|(topic, share)| (texts::composed(topic).into_owned(), *share))
            .collect(),
        limit: usize::try_from(number(
            request.limit,
            CANDIDATES.1,
            CANDIDATES.0,
            &mut check.field("limit"),
        ))
        .unwrap_or(usize::MAX),
    };
    violations.into_result(read)
}

/// A share above 0.
fn within(share: f64, most: f64, check: &mut Checker<'_>) -> f64 {
    // Not a number is neither.
    let possible = share > 0.0 && share <= most;
    if !possible {
        check.refuse(
            "OUT_OF_RANGE",
            format!("is {share:?}: set a share above 0 and up to {most}"),
        );
    }
    share
}

/// The message of deflection candidates.
pub(crate) fn deflection_response(
    answer: &DeflectionAnswer,
) -> pb::ListDeflectionCandidatesResponse {
    let window = answer.window.whole();
    let months = f64::from(answer.window.count());
    let currency = answer.target_cost.currency;
    let candidates = answer.candidates.iter();
    pb::ListDeflectionCandidatesResponse {
        first_day: window.first.to_string(),
        last_day: window.last.to_string(),
        target_channel: answer.target.to_string(),
        target_cost: Some(money_message(answer.target_cost)),
        candidates: candidates
            .map(|candidate| deflection(candidate, months, currency))
            .collect(),
        contact_count: count(answer.all.contacts),
        missing: missing_costs(&answer.all.missing),
        provenance: Some(provenance(None, window.last, &answer.basis)),
    }
}

fn deflection(candidate: &Candidate, months: f64, currency: Currency) -> pb::DeflectionCandidate {
    let sum = &candidate.sum;
    let saving = candidate.saving_minor / currency.minor_per_major();
    pb::DeflectionCandidate {
        topic: candidate.topic.to_string(),
        channel: candidate.channel.to_string(),
        contact_count: count(sum.cost.priced),
        customer_count: count(sum.customers),
        cost: major(
            minor_to_major(sum.cost.cost_minor, currency),
            Some(currency),
        ),
        share: candidate.share,
        saving_per_month: major(saving / months, Some(currency)),
    }
}

/// Which topics to test.
pub(crate) fn surge_request(
    request: &pb::ListTopicSurgesRequest,
) -> Result<SurgeRequest, Violations> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let read = SurgeRequest {
        group: group(request.group.as_ref(), &mut check.field("group")),
        as_of: as_of(&request.as_of, &mut check.field("as_of")),
        recent_days: number(
            request.recent_days,
            RECENT_DAYS.1,
            RECENT_DAYS.0,
            &mut check.field("recent_days"),
        ),
        earlier_days: number(
            request.earlier_days,
            MAX_DAYS,
            EARLIER_DAYS,
            &mut check.field("earlier_days"),
        ),
        false_discovery_rate: match request.false_discovery_rate {
            0.0 => FALSE_DISCOVERIES.0,
            rate => within(
                rate,
                FALSE_DISCOVERIES.1,
                &mut check.field("false_discovery_rate"),
            ),
        },
    };
    violations.into_result(read)
}

/// The message of surges.
pub(crate) fn surge_response(answer: &SurgeAnswer) -> pb::ListTopicSurgesResponse {
    let surges = answer.found.surges.iter().take(MOST_SURGES);
    pb::ListTopicSurgesResponse {
        first_recent_day: answer.recent.first.to_string(),
        first_earlier_day: answer.earlier.first.to_string(),
        last_day: answer.recent.last.to_string(),
        surges: surges.map(surge).collect(),
        tested_topic_count: count(answer.found.tested),
        contacts_without_topic_count: count(answer.found.without_topic),
        provenance: Some(provenance(None, answer.recent.last, &answer.basis)),
    }
}

fn surge(surge: &Surge) -> pb::TopicSurge {
    pb::TopicSurge {
        topic: surge.topic.to_string(),
        recent_count: count(surge.recent),
        earlier_count: count(surge.earlier),
        expected_count: surge.expected,
        factor: surge.factor,
        p_value: surge.p_value,
        adjusted_p_value: surge.adjusted_p_value,
        customer_count: count(surge.customers),
    }
}
