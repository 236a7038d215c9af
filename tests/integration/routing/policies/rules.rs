//! Which rules apply to whom.

use patron::pb;
use patron::pb::{CustomerKind, RouteVerdict};

use super::{ADA, FIRM, contact, rules, service, state};
use crate::routing::{decided, number};
use crate::support::messages::{by_phone, patch, phone};

/// The parts of a priority.
fn reasons(answer: &pb::RouteContactResponse) -> Vec<(&str, i32)> {
    let reasons = answer.decision.as_ref().unwrap().priority_reasons.iter();
    reasons.map(|it| (&*it.source, it.amount)).collect()
}

#[tokio::test]
async fn rules_change_the_treatment_field_by_field_and_raise_the_priority() {
    let service = service().await;
    let plain = service.route(number(ADA)).await;
    assert_eq!(rules(&plain), ["anybody"]);
    let treatment = plain.treatment.clone().unwrap();
    assert_eq!(
        (&*treatment.queue, treatment.priority),
        ("service", Some(10))
    );
    assert_eq!(decided(&treatment, "tone"), "rule anybody");
    assert_eq!(reasons(&plain), [("tier", 10)]);
    // The customer is answered as without rules.
    let classified = service.classify(by_phone(ADA), "").await;
    let classified = classified.classification.unwrap().treatment.unwrap();
    assert_eq!((&*classified.queue, classified.tone), ("service", None));

    let outage = service.route(contact(ADA, "phone", "outage")).await;
    assert_eq!(rules(&outage), ["outage", "anybody"]);
    let treatment = outage.treatment.clone().unwrap();
    assert_eq!(treatment.skills, ["network"]);
    assert_eq!(decided(&treatment, "skills"), "rule outage");
    assert_eq!(treatment.priority, Some(40));
    assert_eq!(reasons(&outage), [("tier", 10), ("rule outage", 30)]);

    let dialled = pb::RouteContactRequest {
        dialled_number: "0800 1234567".to_owned(),
        ..number(ADA)
    };
    let hotline = service.route(dialled).await;
    assert_eq!(rules(&hotline), ["hotline", "anybody"]);
    assert_eq!(hotline.treatment.unwrap().queue, "hotline");
}

#[tokio::test]
async fn what_the_definitions_do_not_list_is_unknown_and_named() {
    let service = service().await;
    let answer = service.route(contact(ADA, "Phone", "outages")).await;
    assert_eq!(rules(&answer), ["anybody"]);
    let unknown = answer.decision.unwrap().unknown_fields;
    assert_eq!(unknown, ["channel", "intent"]);
    // At night: neither TRUE nor FALSE whether it is an outage.
    service.set_clock("2026-11-27T20:00:00Z");
    let answer = service.route(number(ADA)).await;
    assert_eq!(rules(&answer), [""; 0]);
    let answer = service.route(contact(ADA, "", "billing")).await;
    assert_eq!(rules(&answer), ["closed"]);
}

#[tokio::test]
async fn rules_about_the_contact_apply_to_unknown_callers() {
    let service = service().await;
    for (text, verdict) in [
        ("030 5555555", RouteVerdict::Unknown),
        ("anonymous", RouteVerdict::Withheld),
        ("12", RouteVerdict::Invalid),
    ] {
        let answer = service.route(contact(text, "phone", "outage")).await;
        assert_eq!(answer.verdict(), verdict);
        // `open("office") || premium` is TRUE for every caller.
        assert_eq!(rules(&answer), ["outage", "anybody"], "{text}");
        let treatment = answer.treatment.clone().unwrap();
        assert_eq!(treatment.priority, Some(40), "{text}");
        assert_eq!(treatment.skills, ["network"], "{text}");
        assert_eq!(reasons(&answer), [("tier", 10), ("rule outage", 30)]);
        assert!(answer.times.unwrap().response_due_time.is_some());
    }
}

#[tokio::test]
async fn a_rule_that_holds_for_all_candidates_applies() {
    let service = service().await;
    let answer = service.route(contact(FIRM, "phone", "outage")).await;
    assert_eq!(answer.verdict(), RouteVerdict::Ambiguous);
    assert_eq!(rules(&answer), ["outage", "premium", "anybody"]);
    // At most 100.
    assert_eq!(answer.treatment.as_ref().unwrap().priority, Some(100));
    let expected = [("tier", 10), ("rule outage", 30), ("rule premium", 70)];
    assert_eq!(reasons(&answer), expected);
    // One who has no premium contract: the rule holds for some only.
    let other = pb::CustomerPatch {
        kind: CustomerKind::Person.into(),
        add_identifiers: vec![phone(FIRM)],
        ..patch("three")
    };
    service.write_customers(&[other]).await;
    let answer = service.route(contact(FIRM, "phone", "outage")).await;
    assert_eq!(answer.candidate_count, 3);
    assert_eq!(rules(&answer), ["outage", "anybody"]);
    // What they do not share is that of unknown callers.
    assert_eq!(answer.treatment.as_ref().unwrap().priority, Some(40));
    assert_eq!(reasons(&answer), [("tier", 10), ("rule outage", 30)]);
    assert_eq!(answer.treatment.unwrap().skills, ["network"]);
}

/// A10 of the acceptance examples: what a customer prefers comes before what is usual at their age.
#[tokio::test]
async fn a_stated_preference_comes_before_the_hint_by_age() {
    let service = service().await;
    state(&service, "ada", "age_group", "younger").await;
    let by_age = service.route(number(ADA)).await;
    assert_eq!(rules(&by_age), ["younger", "anybody"]);
    assert_eq!(by_age.treatment.unwrap().channels, ["chat", "phone"]);
    state(&service, "ada", "preferred_channel", "phone").await;
    let stated = service.route(number(ADA)).await;
    assert_eq!(rules(&stated), ["preferred_phone", "younger", "anybody"]);
    let treatment = stated.treatment.unwrap();
    assert_eq!(treatment.channels, ["phone", "chat"]);
    assert_eq!(decided(&treatment, "channels"), "rule preferred_phone");
    // Age is protected: without a purpose no rule may use it.
    let without = super::DOCUMENT.replace("    purpose: choosing a channel to offer\n", "");
    let request = pb::ValidateDefinitionsRequest { document: without };
    let checked = service.definitions().validate_definitions(request).await;
    let problems = checked.unwrap().into_inner().problems;
    let codes: Vec<&str> = problems.iter().map(|problem| &*problem.reason).collect();
    assert_eq!(codes, ["NO_PURPOSE"]);
}
