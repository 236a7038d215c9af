//! Revisions: published, listed, rolled back, refused; and what the example does to customers.

use std::collections::BTreeMap;

use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::{CustomerKind, Verdict};
use tonic::{Code, Status};

use super::EXAMPLE;
use crate::support::messages::{attribute, by_id, patch, purchase, reason, violated};
use crate::support::service::ServiceWithDatabase;

pub(super) async fn basis_id(service: &ServiceWithDatabase) -> String {
    let answer = service.classify(by_id("nobody"), "").await;
    answer.provenance.unwrap().basis_id
}

pub(super) async fn publish(
    service: &ServiceWithDatabase,
    document: &str,
) -> Result<pb::PublishDefinitionsResponse, Status> {
    let request = pb::PublishDefinitionsRequest {
        document: document.to_owned(),
        note: String::new(),
        expected_revision: None,
    };
    let answer = service.definitions().publish_definitions(request).await;
    answer.map(tonic::Response::into_inner)
}

async fn revision(service: &ServiceWithDatabase, revision: i64) -> Result<pb::Revision, Status> {
    let request = pb::GetRevisionRequest { revision };
    let answer = service.definitions().get_revision(request).await;
    answer.map(|answer| answer.into_inner().revision.unwrap())
}

pub(super) async fn roll_back(
    service: &ServiceWithDatabase,
    revision: i64,
) -> Result<pb::Revision, Status> {
    let request = pb::RollbackDefinitionsRequest {
        revision,
        expected_revision: None,
    };
    let answer = service.definitions().rollback_definitions(request).await;
    answer.map(|answer| answer.into_inner().revision.unwrap())
}

pub(super) async fn list(
    service: &ServiceWithDatabase,
    page_size: i32,
    page_token: &str,
) -> pb::ListRevisionsResponse {
    let request = pb::ListRevisionsRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    let answer = service.definitions().list_revisions(request).await;
    answer.unwrap().into_inner()
}

/// The example with another note at its end: another document that says the same.
pub(super) fn variant(number: u32) -> String {
    format!("{EXAMPLE}# {number}\n")
}

fn colleague(id: &str, attributes: Vec<pb::AttributeValue>) -> pb::CustomerPatch {
    pb::CustomerPatch {
        kind: CustomerKind::Employee.into(),
        attributes,
        ..patch(id)
    }
}

fn names(classified: &pb::ClassifyResponse) -> Vec<&str> {
    let classification = classified.classification.as_ref().unwrap();
    classification
        .segments
        .iter()
        .map(|it| &*it.segment)
        .collect()
}

#[tokio::test]
async fn publishing_the_example_gives_customers_segments_reasons_and_a_treatment() {
    let service = ServiceWithDatabase::start().await;
    let lea = pb::CustomerPatch {
        attributes: vec![attribute(
            "sector",
            Some(Value::TextValue("pharma".to_owned())),
        )],
        ..patch("lea")
    };
    service.write_customers(&[lea]).await;
    let before = service.classify(by_id("lea"), "").await;
    let before = before.classification.unwrap();
    assert_eq!((before.segments, before.treatment), (vec![], None));
    assert_eq!(basis_id(&service).await, "r0-m0-none");
    let published = service.publish(EXAMPLE).await;
    assert_eq!((published.revision, published.active), (1, true));
    assert_eq!(published.note, "by a test");
    assert_eq!(published.document, EXAMPLE);
    assert!(published.publish_time.is_some());
    assert_eq!(basis_id(&service).await, "r1-m0-EUR");
    let after = service.classify(by_id("lea"), "").await;
    assert_eq!(names(&after), ["lifecycle/lead", "attention/regulated"]);
    let after = after.classification.unwrap();
    let regulated = &after.segments[1];
    assert_eq!(regulated.verdict(), Verdict::True);
    let title = regulated.title.as_ref().unwrap();
    assert_eq!((&*title.en, &*title.de), ("Regulated", "Reguliert"));
    let [why] = regulated.reasons.as_slice() else {
        panic!("{:?}", regulated.reasons);
    };
    let text = why.text.as_ref().unwrap();
    assert_eq!(why.code, "ATTRIBUTE");
    assert_eq!(text.en, "Sector: pharma, required: pharma");
    assert_eq!(text.de, "Branche: pharma, erforderlich: pharma");
    let decided_by = |field: &str, by: &str| (field.to_owned(), by.to_owned());
    let treatment = pb::Treatment {
        response_minutes: Some(480),
        resolution_minutes: None,
        service_hours: "Mon-Fri 8-18".to_owned(),
        queue: "first_contact".to_owned(),
        skills: vec!["documentation".to_owned()],
        channels: ["phone", "email", "portal"].map(str::to_owned).to_vec(),
        services: ["knowledge_articles", "advice"].map(str::to_owned).to_vec(),
        playbook: vec![],
        decided_by: BTreeMap::from([
            decided_by("sla", "tier"),
            decided_by("queue", "tier"),
            decided_by("skills", "attention/regulated"),
            decided_by("channels", "tier"),
            decided_by("services", "tier"),
        ]),
        ..Default::default()
    };
    assert_eq!(after.treatment, Some(treatment));
}

/// A2 of the acceptance examples: all trainees get the same list of services.
#[tokio::test]
async fn all_trainees_are_in_one_segment_and_get_the_same_services() {
    let service = ServiceWithDatabase::start().await;
    service.publish(EXAMPLE).await;
    let is = |value| attribute("trainee", Some(Value::BoolValue(value)));
    let department = |name: &str| attribute("department", Some(Value::TextValue(name.to_owned())));
    let person = pb::CustomerPatch {
        attributes: vec![is(true)],
        ..patch("customer")
    };
    service
        .write_customers(&[
            colleague("trainee-1", vec![is(true)]),
            colleague("trainee-2", vec![is(true), department("IT")]),
            colleague("trainee-3", vec![department("Sales"), is(true)]),
            colleague("graduate", vec![is(false)]),
            colleague("colleague", vec![]),
            person,
        ])
        .await;
    // What a trainee buys in the staff shop changes nothing.
    service
        .write(&[purchase("trainee-3", "1", "2026-11-01", 90_000)])
        .await;
    let mut treatments = vec![];
    for trainee in ["trainee-1", "trainee-2", "trainee-3"] {
        let answer = service.classify(by_id(trainee), "").await;
        let mut internal = names(&answer);
        internal.retain(|name| name.starts_with("internal/"));
        assert_eq!(internal, ["internal/trainees"], "{trainee}");
        treatments.push(answer.classification.unwrap().treatment.unwrap());
    }
    let services = ["password_reset", "training_laptop", "learning_platform"];
    assert_eq!(treatments[0].services, services);
    assert_eq!(treatments[0].queue, "it_help_desk");
    assert_eq!(treatments[0].decided_by["services"], "internal/trainees");
    assert_eq!(treatments[1], treatments[0]);
    assert_eq!(treatments[2], treatments[0]);
    for other in ["graduate", "colleague"] {
        let answer = service.classify(by_id(other), "").await;
        assert_eq!(names(&answer), ["internal/colleagues"], "{other}");
        let treatment = answer.classification.unwrap().treatment.unwrap();
        assert_eq!(treatment.services, ["password_reset", "hardware_request"]);
    }
    let answer = service.classify(by_id("customer"), "").await;
    assert_eq!(names(&answer), ["lifecycle/lead"], "no colleague");
}

#[tokio::test]
async fn a_document_is_a_revision_once_and_earlier_ones_can_be_put_in_force_again() {
    let service = ServiceWithDatabase::start().await;
    let built_in = revision(&service, 0).await.unwrap();
    assert_eq!((built_in.revision, built_in.active), (0, true));
    assert_eq!((&*built_in.document, built_in.publish_time), ("", None));
    assert_eq!(list(&service, 0, "").await.revisions, []);

    let first = service.publish(EXAMPLE).await;
    assert_eq!(service.publish(EXAMPLE).await, first, "acknowledged");
    let second = service.publish(&variant(2)).await;
    assert_eq!((second.revision, second.active), (2, true));
    assert_eq!(basis_id(&service).await, "r2-m0-EUR");
    assert_eq!(revision(&service, 0).await.unwrap(), second);
    assert_eq!(revision(&service, 2).await.unwrap(), second);
    let replaced = pb::Revision {
        active: false,
        ..first.clone()
    };
    assert_eq!(revision(&service, 1).await.unwrap(), replaced);

    assert_eq!(roll_back(&service, 1).await.unwrap(), first);
    assert_eq!(basis_id(&service).await, "r1-m0-EUR");
    assert_eq!(revision(&service, 0).await.unwrap(), first);
    let none = roll_back(&service, 0).await.unwrap();
    assert_eq!((none.revision, none.active), (0, true));
    assert_eq!(basis_id(&service).await, "r0-m0-none");
    let listed = list(&service, 0, "").await.revisions;
    assert!(listed.iter().all(|it| !it.active), "{listed:?}");
    assert_eq!(roll_back(&service, 2).await.unwrap(), second);
    assert_eq!(basis_id(&service).await, "r2-m0-EUR");
    for missing in [3, -1, i64::MAX, i64::MIN] {
        for status in [
            revision(&service, missing).await.unwrap_err(),
            roll_back(&service, missing).await.unwrap_err(),
        ] {
            assert_eq!(status.code(), Code::NotFound, "{status:?}");
            assert_eq!(reason(&status), "REVISION_NOT_FOUND");
        }
    }
    assert_eq!(basis_id(&service).await, "r2-m0-EUR", "as before");
}

#[tokio::test]
async fn revisions_are_listed_in_pages_without_their_documents() {
    let service = ServiceWithDatabase::start().await;
    for number in 1..=5 {
        service.publish(&variant(number)).await;
    }
    let (mut token, mut pages) = (String::new(), vec![]);
    loop {
        let page = list(&service, 2, &token).await;
        assert!(page.revisions.iter().all(|it| it.document.is_empty()));
        assert!(page.revisions.iter().all(|it| it.note == "by a test"));
        let numbers = page.revisions.iter().map(|it| (it.revision, it.active));
        pages.push(numbers.collect::<Vec<_>>());
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let expected = [
        vec![(5, true), (4, false)],
        vec![(3, false), (2, false)],
        vec![(1, false)],
    ];
    assert_eq!(pages, expected);
    assert_eq!(list(&service, 0, "").await.revisions.len(), 5);
    let request = pb::ListRevisionsRequest {
        page_size: -1,
        page_token: "next".to_owned(),
    };
    let status = service.definitions().list_revisions(request).await;
    let status = status.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(violated(&status), ["page_size", "page_token"]);
}

#[tokio::test]
async fn all_mistakes_of_a_document_are_named_with_their_places_and_nothing_is_stored() {
    let service = ServiceWithDatabase::start().await;
    service.publish(EXAMPLE).await;
    let mistaken = EXAMPLE
        .replacen("horizon_months: 12 ", "horizon_months: soon ", 1)
        .replacen("max_age_days: 60\n", "max_age: 60\n", 1)
        .replacen(
            "when: tier >= \"silver\"\n",
            "when: teir >= \"silver\"\n",
            1,
        )
        .replacen("probability_alive < 0.2", "probability_alive < \"low\"", 1);
    // Where an editor would show the text of the mistake.
    let place = |text: &str| {
        let mut lines = (1..).zip(mistaken.lines());
        let (line, at) = lines
            .find_map(|(line, it)| Some((line, it.find(text)?)))
            .unwrap();
        (line, i32::try_from(at + 1).unwrap())
    };
    let expected = [
        ("BAD_VALUE", place("soon")),
        ("UNKNOWN_KEY", place("max_age: 60")),
        ("UNKNOWN_NAME", place("teir")),
        ("TYPE_MISMATCH", place("\"low\"")),
    ];
    let request = pb::ValidateDefinitionsRequest {
        document: mistaken.clone(),
    };
    let checked = service.definitions().validate_definitions(request).await;
    let checked = checked.unwrap().into_inner().problems;
    let published = publish(&service, &mistaken).await.unwrap();
    assert_eq!((published.revision, &published.problems), (None, &checked));
    let found: Vec<_> = checked
        .iter()
        .map(|it| (&*it.reason, (it.line, it.column)))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(checked[2].help, "did you mean `tier`?");
    for problem in &checked {
        assert!(!problem.description.is_empty(), "{problem:?}");
        assert!(problem.rendered.contains("^^^"), "{problem:?}");
    }
    assert_eq!(list(&service, 0, "").await.revisions.len(), 1);
    assert_eq!(basis_id(&service).await, "r1-m0-EUR");
}

#[tokio::test]
async fn a_document_that_is_none_is_refused_before_it_is_read() {
    let service = ServiceWithDatabase::start().await;
    for document in [String::new(), "#".repeat(1024 * 1024 + 1)] {
        let status = publish(&service, &document).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert_eq!(violated(&status), ["document"]);
        let request = pb::ValidateDefinitionsRequest { document };
        let status = service.definitions().validate_definitions(request).await;
        assert_eq!(violated(&status.unwrap_err()), ["document"]);
    }
    let request = pb::PublishDefinitionsRequest {
        document: EXAMPLE.to_owned(),
        note: "x".repeat(1025),
        expected_revision: None,
    };
    let status = service.definitions().publish_definitions(request).await;
    assert_eq!(violated(&status.unwrap_err()), ["note"]);
    assert_eq!(list(&service, 0, "").await.revisions, []);
}

#[tokio::test]
async fn definitions_stay_in_force_after_a_restart() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[colleague("c", vec![])]).await;
    service.publish(EXAMPLE).await;
    service.publish(&variant(2)).await;
    roll_back(&service, 1).await.unwrap();
    let before = service.classify(by_id("c"), "").await;
    assert_eq!(names(&before), ["internal/colleagues"]);
    let service = service.restart().await;
    assert_eq!(basis_id(&service).await, "r1-m0-EUR");
    assert_eq!(service.classify(by_id("c"), "").await, before);
    assert_eq!(service.publish(&variant(3)).await.revision, 3);
}
