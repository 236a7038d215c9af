//! Why a customer is in a segment or a tier, or is not, clause by clause.

mod clauses;

use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::explain_segment_request::Target;
use patron::pb::{Absence, ClauseKind, CustomerKind, Match, UnratedReason, Verdict};
use tonic::{Code, Status};

use self::clauses::{employees, few_contacts, joined, orders, people, stale_employees, words};
use super::small;
use crate::support::messages::{attribute, by_id, by_phone, call, patch, phone, purchase, reason};
use crate::support::models::{BG, SPEND, store_model};
use crate::support::service::ServiceWithDatabase;

const PHONE: &str = "+493023125001";

/// An exclusive and an overlapping scheme over orders and a number of employees that counts for two years.
fn document() -> String {
    small(
        "  employees: {family: firmographic, type: whole, unit: {en: people, de: Personen}, max_age_days: 730, description: {en: Employees, de: Mitarbeiterzahl}}",
        "  size:
    mode: exclusive
    description: d
    segments:
      - {name: large, title: {en: Large, de: Groß}, when: employees >= 250}
      - {name: known, title: Known, when: has(employees)}
      - {name: regular, title: Regular, when: 'orders(days(90)) >= 2 && !(contacts(days(90)) > 3)'}
  reach:
    mode: overlapping
    description: d
    segments:
      - {name: big_out, title: Big, when: employees >= 250}
      - {name: big_in, title: Big or not known, when: employees >= 250, unknown: include}",
    )
}

/// A company whose employees were counted on a day.
fn company(id: &str, employees: i64, observed_on: &str) -> pb::CustomerPatch {
    pb::CustomerPatch {
        kind: CustomerKind::Company.into(),
        attributes: vec![pb::AttributeValue {
            observed_on: observed_on.to_owned(),
            source: "crm".to_owned(),
            ..attribute("employees", Some(Value::IntValue(employees)))
        }],
        ..patch(id)
    }
}

async fn service() -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    service.publish(&document()).await;
    service
}

async fn explanation(
    service: &ServiceWithDatabase,
    id: &str,
    target: Option<Target>,
) -> pb::Explanation {
    let answer = service.explain(by_id(id), target).await.unwrap();
    assert_eq!(answer.r#match(), Match::One);
    answer.explanation.unwrap()
}

async fn segment(service: &ServiceWithDatabase, id: &str, name: &str) -> pb::SegmentExplanation {
    let target = Some(Target::Segment(name.to_owned()));
    let mut explained = explanation(service, id, target).await;
    assert_eq!((explained.tier, explained.segments.len()), (None, 1));
    explained.segments.remove(0)
}

#[tokio::test]
async fn a_member_and_one_who_is_none_see_every_clause_with_its_gap() {
    let service = service().await;
    service
        .write(&[purchase("ada", "1", "2026-11-01", 100)])
        .await;
    service
        .write(&[purchase("ada", "2", "2026-11-20", 100)])
        .await;
    service
        .write_contacts(&[call("ada", "1", "2026-11-02")])
        .await;
    service
        .write(&[purchase("bob", "1", "2026-11-01", 100)])
        .await;
    let text = "orders(days(90)) >= 2 && !(contacts(days(90)) > 3)";
    let tree = |verdict, parts| {
        let all = ("all of these must hold", "alles davon muss zutreffen");
        joined(ClauseKind::All, text, all, verdict, parts)
    };
    let ada = segment(&service, "ada", "size/regular").await;
    assert_eq!(
        (ada.verdict(), ada.is_member, &*ada.preempted_by),
        (Verdict::True, true, "")
    );
    assert_eq!((&*ada.condition, &ada.open_inputs), (text, &vec![]));
    let clauses = vec![
        orders(2, ("just met", "gerade erfüllt"), Verdict::True),
        few_contacts(1, ("2 below", "2 darunter"), true),
    ];
    assert_eq!(ada.clause, Some(tree(Verdict::True, clauses)));
    assert_eq!(ada.outcome_text, words("in", "gehört dazu"));
    let codes: Vec<_> = ada.reasons.iter().map(|it| &*it.code).collect();
    assert_eq!(codes, ["ORDERS", "CONTACTS"]);
    assert_eq!(
        ada.reasons[1].text,
        words(
            "contacts in the last 90 days: 1, required: at most 3",
            "Kontakte in den letzten 90 Tagen: 1, erforderlich: höchstens 3",
        )
    );
    let bob = segment(&service, "bob", "size/regular").await;
    assert_eq!((bob.verdict(), bob.is_member), (Verdict::False, false));
    let clauses = vec![
        orders(1, ("1 short", "1 zu wenig"), Verdict::False),
        few_contacts(0, ("3 below", "3 darunter"), false),
    ];
    assert_eq!(bob.clause, Some(tree(Verdict::False, clauses)));
    assert_eq!(bob.outcome_text, words("not in", "gehört nicht dazu"));
    let why = pb::ReasonCode {
        code: "ORDERS".to_owned(),
        text: words(
            "days with an order in the last 90 days: 1, required: at least 2",
            "Bestelltage in den letzten 90 Tagen: 1, erforderlich: mindestens 2",
        ),
    };
    assert_eq!(bob.reasons, [why]);
}

/// A8 of the acceptance examples: the number of employees is three years old.
#[tokio::test]
async fn a_stale_attribute_is_unknown_with_its_source_and_day_and_the_policy_decides() {
    let service = service().await;
    service
        .write_customers(&[
            company("stale", 340, "2023-11-22"),
            company("fresh", 340, "2024-11-22"),
        ])
        .await;
    for (name, is_member) in [("reach/big_out", false), ("reach/big_in", true)] {
        let stale = segment(&service, "stale", name).await;
        assert_eq!(
            (stale.verdict(), stale.is_member),
            (Verdict::Unknown, is_member)
        );
        let text = (
            "Employees: out of date, required: at least 250 people",
            "Mitarbeiterzahl: veraltet, erforderlich: mindestens 250 Personen",
        );
        let clause = pb::Clause {
            absence: Absence::Stale.into(),
            observed_text: words("out of date", "veraltet"),
            ..employees(
                Verdict::Unknown,
                text,
                ("crm, 1,096 days old", "crm, 1.096 Tage alt"),
                "2023-11-22",
                1_096,
            )
        };
        assert_eq!(stale.clause, Some(clause));
        assert_eq!(stale.open_inputs, [stale_employees()]);
        let why = pb::ReasonCode {
            code: "INPUT_STALE".to_owned(),
            text: words(text.0, text.1),
        };
        assert_eq!(stale.reasons, [why]);
        // On the last of its 730 days it counts.
        let fresh = segment(&service, "fresh", name).await;
        assert_eq!((fresh.verdict(), fresh.is_member), (Verdict::True, true));
        let text = (
            "Employees: 340 people, required: at least 250 people",
            "Mitarbeiterzahl: 340 Personen, erforderlich: mindestens 250 Personen",
        );
        let clause = pb::Clause {
            observed_value: Some(people(340)),
            observed_text: words("340 people", "340 Personen"),
            gap: Some(people(90)),
            gap_text: words("90 people above", "90 Personen darüber"),
            ..employees(
                Verdict::True,
                text,
                ("crm, 730 days old", "crm, 730 Tage alt"),
                "2024-11-22",
                730,
            )
        };
        assert_eq!((fresh.clause, fresh.open_inputs), (Some(clause), vec![]));
    }
    let classified = service.classify(by_id("stale"), "").await;
    let [only] = classified
        .classification
        .unwrap()
        .segments
        .try_into()
        .unwrap();
    assert_eq!(
        (&*only.segment, only.verdict()),
        ("reach/big_in", Verdict::Unknown)
    );
}

#[tokio::test]
async fn a_scheme_shows_all_its_segments_and_who_took_the_customer() {
    let service = service().await;
    service
        .write_customers(&[company("firm", 250, "2026-01-01")])
        .await;
    let target = Some(Target::Scheme("size".to_owned()));
    let explained = explanation(&service, "firm", target).await;
    assert_eq!(explained.tier, None);
    let found: Vec<_> = explained
        .segments
        .iter()
        .map(|it| (&*it.segment, it.verdict(), it.is_member, &*it.preempted_by))
        .collect();
    let expected = [
        ("size/large", Verdict::True, true, ""),
        ("size/known", Verdict::True, false, "size/large"),
        ("size/regular", Verdict::False, false, ""),
    ];
    assert_eq!(found, expected);
    let [why] = explained.segments[1].reasons.as_slice() else {
        panic!("{explained:?}");
    };
    assert_eq!(why.code, "EARLIER_SEGMENT");
    let text = why.text.as_ref().unwrap();
    assert_eq!(text.de, "schon im früheren Segment Groß");
    assert_eq!(
        explained.segments[1].outcome_text,
        words(
            "not in, already in the earlier segment Large",
            "gehört nicht dazu, schon im früheren Segment Groß"
        )
    );
    // Without a target: the tier and all schemes.
    let everything = explanation(&service, "firm", None).await;
    assert_eq!(everything.segments.len(), 5);
    let tier = everything.tier.unwrap();
    let held = tier.held.unwrap();
    assert_eq!(
        (&*tier.tier, tier.holds, held.unrated_reason()),
        ("", false, UnratedReason::NoPurchase)
    );
}

#[tokio::test]
async fn a_tier_shows_what_is_missing_and_what_may_be_lost() {
    let service = service().await;
    let version = store_model(&service.pool, BG, Some(SPEND)).await;
    let request = pb::ActivateModelRequest {
        version,
        ..Default::default()
    };
    service.models().activate_model(request).await.unwrap();
    service
        .write(&[
            purchase("ada", "1", "2026-05-26", 10_000),
            purchase("ada", "2", "2026-07-24", 8_000),
        ])
        .await;
    // The history "small repeat" of the table of answers: worth 53.19 EUR.
    let eur = |cents| Some(crate::support::messages::money(cents, "EUR"));
    for (name, holds, least, gap) in [
        ("gold", false, Some(25_000), Some(-19_681)),
        ("silver", true, Some(5_000), Some(319)),
        ("bronze", false, None, None),
    ] {
        let target = Some(Target::Tier(name.to_owned()));
        let explained = explanation(&service, "ada", target).await;
        assert_eq!(explained.segments, []);
        let tier = explained.tier.unwrap();
        assert_eq!((&*tier.tier, tier.holds), (name, holds));
        assert_eq!(tier.held.unwrap().name, "silver");
        assert_eq!(tier.lifetime_value, eur(5_319));
        assert_eq!(tier.minimum_value, least.and_then(eur), "{name}");
        assert_eq!(tier.gap, gap.and_then(eur), "{name}");
        let better = tier.next_better.unwrap();
        assert_eq!((&*better.tier, better.distance), ("gold", eur(19_681)));
        let lower = tier.next_lower.unwrap();
        assert_eq!((&*lower.tier, lower.distance), ("bronze", eur(319)));
        assert!(!tier.reasons.is_empty());
    }
}

#[track_caller]
fn assert_status(status: &Status, code: Code, expected: &str) {
    assert_eq!(status.code(), code, "{status:?}");
    assert_eq!(reason(status), expected);
}

#[tokio::test]
async fn wrong_names_are_not_found_and_without_definitions_there_are_no_segments() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[patch("ada")]).await;
    let segment = |name: &str| Some(Target::Segment(name.to_owned()));
    let scheme = |name: &str| Some(Target::Scheme(name.to_owned()));
    let tier = |name: &str| Some(Target::Tier(name.to_owned()));
    for target in [segment("size/large"), scheme("size")] {
        let status = service.explain(by_id("ada"), target).await.unwrap_err();
        assert_status(&status, Code::FailedPrecondition, "NO_DEFINITIONS");
    }
    let built_in = explanation(&service, "ada", tier("gold")).await;
    assert_eq!(built_in.tier.unwrap().tier, "gold");
    service.publish(&document()).await;
    for (target, expected) in [
        (segment("size/huge"), "SEGMENT_NOT_FOUND"),
        (segment("size"), "SEGMENT_NOT_FOUND"),
        (scheme("size/large"), "SCHEME_NOT_FOUND"),
        (tier("platinum"), "TIER_NOT_FOUND"),
    ] {
        // Also for somebody nobody knows: the name is wrong either way.
        for subject in [by_id("ada"), by_id("nobody")] {
            let status = service.explain(subject, target.clone()).await;
            assert_status(&status.unwrap_err(), Code::NotFound, expected);
        }
    }
    for target in [segment(""), scheme(""), tier("")] {
        let status = service.explain(by_id("ada"), target).await.unwrap_err();
        assert_status(&status, Code::InvalidArgument, "INVALID_REQUEST");
    }
    let unknown = service.explain(by_id("nobody"), None).await.unwrap();
    assert_eq!(
        (unknown.r#match(), unknown.explanation),
        (Match::Unknown, None)
    );
}

#[tokio::test]
async fn a_shared_number_lists_whom_to_ask_for() {
    let service = service().await;
    let sharer = |id: &str| pb::CustomerPatch {
        add_identifiers: vec![phone(PHONE)],
        ..patch(id)
    };
    let sharers: Vec<_> = (0..17).map(|at| sharer(&format!("c{at:02}"))).collect();
    service.write_customers(&sharers).await;
    service
        .write_contacts(&[call("c16", "1", "2026-11-01")])
        .await;
    let answer = service.explain(by_phone(PHONE), None).await.unwrap();
    assert_eq!(answer.r#match(), Match::Ambiguous);
    assert_eq!(answer.explanation, None);
    assert_eq!(answer.candidate_count, 17);
    let expected = ["c16".to_owned()].into_iter();
    let expected: Vec<_> = expected
        .chain((0..15).map(|at| format!("c{at:02}")))
        .collect();
    assert_eq!(answer.candidate_ids, expected);
}
