use std::sync::Arc;

use super::*;
use crate::domain::{
    calendar::Day,
    customer::{
        CustomerKind,
        facts::AttributeFact,
        profile::{DatedProfile, History, Profile},
    },
    text::CustomerId,
};

const DOCUMENT: &str = "
value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
attributes:
  line: {family: needs, type: one_of, values: [a, b, c], description: {en: Line, de: Bereich}, max_age_days: 30}
  is_new: {family: lifecycle, type: bool, description: Is new}
  age_group: {family: socio_demographic, type: bool, description: Old, sensitivity: protected, purpose: tone}
tiers: [{name: all}]
schemes: {}
treatments: {tiers: {all: {sla: {response: 1 h}, queue: q}, UNRATED: {sla: {response: 1 h}, queue: q}}}
";

const AS_OF: &str = "2026-06-30";

/// A customer with attributes, sorted by name, each observed so many days ago.
fn customer(
    id: &str,
    kind: CustomerKind,
    attributes: &[(&str, AttributeValue, i32)],
) -> DatedProfile {
    let as_of: Day = AS_OF.parse().unwrap();
    let attributes = attributes.iter().map(|(name, value, age)| AttributeFact {
        name: (*name).into(),
        value: Some(value.clone()),
        observed_on: as_of.plus_days(-age),
        source: "crm".into(),
        profile_version: 1,
    });
    let profile = Profile {
        customer_id: CustomerId::new(id).unwrap(),
        version: 1,
        kind,
        display_name: None,
        recorded_at: "2026-06-01T10:00:00Z".parse().unwrap(),
        members: Box::default(),
        history: History {
            attributes: attributes.collect(),
            ..History::default()
        },
    };
    DatedProfile::new(Arc::new(profile), as_of).unwrap()
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::Text(value.into())
}

/// The value of an answer, how many customers it leaves, and their queue.
type Led = (String, usize, String);

/// What is asked of customers with these queues, and where each answer leads.
fn asked(customers: &[(DatedProfile, &str)]) -> Option<(String, Vec<Led>)> {
    let definitions = Definitions::read(DOCUMENT).unwrap();
    let queues: Vec<Label> = customers.iter().map(|(_, queue)| (*queue).into()).collect();
    let candidates = customers.iter().zip(&queues);
    let candidates: Vec<Candidate<'_>> = candidates
        .map(|((profile, _), queue)| Candidate {
            view: profile.view(),
            queue: Some(queue),
        })
        .collect();
    let question = best_question(&candidates, &definitions)?;
    let answers = question.answers.iter().map(|answer| {
        (
            answer.value.as_deref().unwrap_or("?").to_owned(),
            answer.candidate_count,
            answer.queue.as_deref().unwrap_or("?").to_owned(),
        )
    });
    Some((question.asks_for.to_string(), answers.collect()))
}

fn answers(list: &[(&str, usize, &str)]) -> Vec<Led> {
    let owned = |(value, count, queue): &(&str, usize, &str)| {
        ((*value).to_owned(), *count, (*queue).to_owned())
    };
    list.iter().map(owned).collect()
}

#[test]
fn nothing_is_asked_of_customers_with_one_queue() {
    let kinds = [CustomerKind::Person, CustomerKind::Company];
    let customers = kinds.map(|kind| (customer("x", kind, &[]), "service"));
    assert_eq!(asked(&customers), None);
}

#[test]
fn the_question_that_leaves_the_fewest_queues_is_asked() {
    let of = |kind, line, queue| (customer("x", kind, &[("line", text(line), 1)]), queue);
    let (person, company) = (CustomerKind::Person, CustomerKind::Company);
    // The kind leaves two queues of companies; the line none.
    let customers = [
        of(person, "a", "home"),
        of(company, "b", "sales"),
        of(company, "c", "repairs"),
        of(company, "c", "repairs"),
    ];
    let (asks_for, led) = asked(&customers).unwrap();
    assert_eq!(asks_for, "line");
    let expected = [("a", 1, "home"), ("b", 1, "sales"), ("c", 2, "repairs")];
    assert_eq!(led, answers(&expected));
    // Both tell them apart: the one with fewer answers is asked.
    let customers = [
        of(person, "a", "home"),
        of(person, "b", "home"),
        of(company, "c", "sales"),
    ];
    let (asks_for, led) = asked(&customers).unwrap();
    assert_eq!(asks_for, "kind");
    assert_eq!(
        led,
        answers(&[("COMPANY", 1, "sales"), ("PERSON", 2, "home")])
    );
}

#[test]
fn stale_values_and_protected_attributes_tell_nobody_apart() {
    let person = CustomerKind::Person;
    let old = |value| ("age_group", AttributeValue::Bool(value), 1);
    let one = [old(true), ("line", text("a"), 31)];
    let other = [old(false), ("line", text("b"), 31)];
    let customers = [
        (customer("x", person, &one), "home"),
        (customer("y", person, &other), "sales"),
    ];
    assert_eq!(asked(&customers), Some(("customer_id".to_owned(), vec![])));
    // Of one of them the value is known.
    let fresh = [("line", text("b"), 30)];
    let customers = [
        (customer("x", person, &[("line", text("a"), 31)]), "home"),
        (customer("y", person, &fresh), "sales"),
    ];
    let (asks_for, led) = asked(&customers).unwrap();
    assert_eq!(asks_for, "line");
    assert_eq!(led, answers(&[("b", 1, "sales"), ("?", 1, "home")]));
}
