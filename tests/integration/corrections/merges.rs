//! Customers who are merged are answered as one, for every day, and unmerging gives every answer back.

mod concurrent;
mod facts;
mod imports;
mod memory;
mod random;
mod refused;
mod separate;

use patron::pb;
use patron::pb::attribute_value::Value;
use tonic::Status;

use super::{DOCUMENT, city};
use crate::support::messages::plain::{call, contract, purchase, refund};
use crate::support::messages::{attribute, by_email, by_id, by_phone, email, patch, phone, reason};
use crate::support::service::{Service, ServiceWithDatabase};

/// Ids that are unique for each customer only: both may have the same.
const SEPARATE: &str = "
sources:
  shop: {same_id: separate}
  acd: {same_id: separate}
  erp: {same_id: separate}
";

/// The number that both have.
const NUMBER: &str = "+493023125001";

/// Definitions by which both may have facts of the same names.
async fn publish(service: &Service) {
    service.publish(&format!("{DOCUMENT}{SEPARATE}")).await;
}

async fn merge(
    service: &Service,
    (kept, merged): (&str, &str),
    validate_only: bool,
) -> Result<pb::MergeCustomersResponse, Status> {
    let request = pb::MergeCustomersRequest {
        customer_id: kept.to_owned(),
        merged_customer_id: merged.to_owned(),
        reason: "typed twice".to_owned(),
        validate_only,
    };
    let answer = service.corrections().merge_customers(request).await;
    answer.map(tonic::Response::into_inner)
}

async fn unmerge(
    service: &Service,
    merged: &str,
    validate_only: bool,
) -> Result<pb::UnmergeCustomerResponse, Status> {
    let request = pb::UnmergeCustomerRequest {
        merged_customer_id: merged.to_owned(),
        validate_only,
    };
    let answer = service.corrections().unmerge_customer(request).await;
    answer.map(tonic::Response::into_inner)
}

/// No stored profile differs from its facts and links.
async fn assert_sound(service: &Service) {
    let request = pb::CheckProfilesRequest::default();
    let checked = service.customers().check_profiles(request).await;
    assert_eq!(checked.unwrap().into_inner().differences, []);
}

/// Sum of purchases net of refunds, and refunds that found nothing.
async fn net(service: &Service, id: &str) -> (i64, i32) {
    let customer = service.customer(id).await;
    let days = customer.purchase_days.iter();
    let sum = days.map(|day| day.amount.as_ref().unwrap().amount_minor);
    (sum.sum(), customer.unmatched_refund_count)
}

/// Kind, count, shared and differing of facts.
fn counts(effect: &pb::MergeEffect) -> Vec<(&str, i64, i64, i64)> {
    let facts = effect.facts.iter();
    facts
        .map(|it| (&*it.kind, it.count, it.shared_count, it.differing_count))
        .collect()
}

/// Everything that is said of a subject, without versions and times, and with every id as `name`.
async fn said(service: &Service, subject: pb::Subject, name: Option<&str>) -> Vec<String> {
    let mut all = vec![];
    for day in ["", "2026-10-31", "2026-04-30", "2026-01-31"] {
        let mut answer = service.classify(subject.clone(), day).await;
        answer.provenance = None;
        for one in answer
            .classification
            .iter_mut()
            .chain(&mut answer.candidates)
        {
            one.provenance = None;
            one.customer_id = name.unwrap_or(&one.customer_id).to_owned();
        }
        let mut score = service.score(subject.clone(), day).await;
        score.provenance = None;
        for one in score.score.iter_mut().chain(&mut score.candidates) {
            one.provenance = None;
            one.customer_id = name.unwrap_or(&one.customer_id).to_owned();
        }
        all.push(format!("on {day}: {answer:?} {score:?}"));
    }
    all.push(match service.find_customer(subject).await {
        Ok(mut customer) => {
            customer.profile_version = 0;
            customer.data_time = None;
            customer.merged_customer_ids.clear();
            customer.customer_id = name.unwrap_or(&customer.customer_id).to_owned();
            format!("{customer:?}")
        }
        Err(status) => format!("{:?} {}", status.code(), reason(&status)),
    });
    all
}

/// Everything that is said of both customers by every name.
async fn said_of_both(service: &Service) -> Vec<Vec<String>> {
    let mut all = vec![];
    for subject in [
        by_id("ada"),
        by_id("ada-2"),
        by_phone(NUMBER),
        by_email("ada@example.org"),
        by_email("ada@example.net"),
    ] {
        all.push(said(service, subject, None).await);
    }
    all
}

/// What is recorded of the customer who stays, with another id.
async fn write_first(service: &Service, id: &str) {
    let patch = pb::CustomerPatch {
        display_name: Some("Ada Ahrens".to_owned()),
        add_identifiers: vec![phone(NUMBER), email("ada@example.org")],
        attributes: vec![city("Berlin", "2026-02-01")],
        ..patch(id)
    };
    service.write_customers(&[patch]).await;
    service
        .write(&[
            purchase(id, "1", "2026-01-05", 10_000),
            purchase(id, "2", "2026-09-05", 5_000),
        ])
        .await;
    service
        .write_contracts(&[contract(id, "k1", "2026-03-01", 12, 9_900)])
        .await;
}

/// What is recorded of the customer who is merged.
async fn write_second(service: &Service, id: &str) {
    let points = pb::AttributeValue {
        observed_on: "2026-02-01".to_owned(),
        ..attribute("points", Some(Value::IntValue(7)))
    };
    let patch = pb::CustomerPatch {
        add_identifiers: vec![phone(NUMBER), email("ada@example.net")],
        attributes: vec![city("Ulm", "2026-04-01"), points],
        ..patch(id)
    };
    service.write_customers(&[patch]).await;
    service
        .write(&[
            purchase(id, "3", "2026-04-05", 20_000),
            refund(id, "4", "3", "2026-10-05", 1_000),
        ])
        .await;
    service
        .write_contacts(&[call(id, "c1", "2026-04-06"), call(id, "c2", "2026-10-06")])
        .await;
}

/// What a merge of the two changes.
fn assert_effect(effect: &pb::MergeEffect) {
    assert_eq!(
        counts(effect),
        [
            ("transaction", 2, 0, 0),
            ("contact", 2, 0, 0),
            ("attribute", 2, 0, 0)
        ]
    );
    assert_eq!(effect.identifiers.len(), 2);
    assert_eq!(effect.shared_identifiers.len(), 1);
    let names: Vec<&str> = effect.attributes.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["city"]);
    let holding = effect.attributes[0].holding.clone().unwrap();
    assert_eq!(holding.value, Some(Value::TextValue("Ulm".to_owned())));
    assert_eq!(ids(&effect.before), ["ada", "ada-2"]);
    assert_eq!(ids(&effect.after), ["ada"]);
}

fn ids(states: &[pb::Classification]) -> Vec<String> {
    states.iter().map(|it| it.customer_id.clone()).collect()
}

#[tokio::test]
async fn a_merge_counts_for_today_and_last_month_and_its_end_gives_every_answer_back() {
    let service = ServiceWithDatabase::start().await;
    publish(&service).await;
    write_first(&service, "ada").await;
    write_second(&service, "ada-2").await;
    // The same facts of one customer, without the number, which would be shared.
    write_first(&service, "one").await;
    write_second(&service, "one").await;
    let ends = [
        phone(NUMBER),
        email("ada@example.org"),
        email("ada@example.net"),
    ];
    let ends = pb::CustomerPatch {
        end_identifiers: ends.to_vec(),
        ..patch("one")
    };
    service.write_customers(&[ends]).await;
    let before = said_of_both(&service).await;

    let preview = merge(&service, ("ada", "ada-2"), true).await.unwrap();
    assert_eq!(said_of_both(&service).await, before);
    let effect = preview.effect.clone().unwrap();
    assert_effect(&effect);
    let merged = merge(&service, ("ada", "ada-2"), false).await.unwrap();
    assert_eq!(merged.effect, preview.effect);
    let link = merged.merge.unwrap();
    assert_eq!(
        (&*link.customer_id, &*link.merged_customer_id, &*link.reason),
        ("ada", "ada-2", "typed twice")
    );
    assert!(link.merge_time.is_some() && link.unmerge_time.is_none());
    assert_sound(&service).await;
    // As if all facts had always been of one customer, for every day and by every name.
    let one = said(&service, by_id("one"), Some("x")).await;
    for subject in [by_id("ada"), by_id("ada-2")] {
        let both = said(&service, subject, Some("x")).await;
        assert_eq!(both[..4], one[..4]);
    }
    let by_id_now = service.classify(by_id("ada"), "").await;
    assert_eq!(service.classify(by_id("ada-2"), "").await, by_id_now);
    assert_eq!(service.classify(by_phone(NUMBER), "").await, by_id_now);
    let one = by_id_now.classification.unwrap();
    assert_eq!(effect.after[0].tier, one.tier);
    assert_eq!(effect.after[0].segments, one.segments);
    let customer = service.customer("ada-2").await;
    assert_eq!(
        (&*customer.customer_id, &*customer.display_name),
        ("ada", "Ada Ahrens")
    );
    assert_eq!(customer.merged_customer_ids, ["ada-2"]);
    assert_eq!(customer.purchase_days.len(), 3);
    assert_eq!(customer.identifiers.len(), 3);

    let unmerged = unmerge(&service, "ada-2", false).await.unwrap();
    assert!(unmerged.merge.unwrap().unmerge_time.is_some());
    assert_eq!(ids(&unmerged.effect.unwrap().after), ["ada", "ada-2"]);
    assert_eq!(said_of_both(&service).await, before);
    assert_sound(&service).await;
}

#[tokio::test]
async fn customers_merged_one_after_another_part_at_the_one_that_is_unmerged() {
    let service = ServiceWithDatabase::start().await;
    for (at, id) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let day = format!("2026-01-0{}", at + 1);
        service.write(&[purchase(id, id, &day, 100)]).await;
    }
    let first = said(&service, by_id("c"), None).await;
    merge(&service, ("b", "c"), false).await.unwrap();
    merge(&service, ("b", "d"), false).await.unwrap();
    let below = said(&service, by_id("b"), None).await;
    merge(&service, ("a", "b"), false).await.unwrap();
    for id in ["a", "b", "c", "d"] {
        let customer = service.customer(id).await;
        assert_eq!(customer.customer_id, "a");
        assert_eq!(customer.merged_customer_ids, ["b", "c", "d"]);
        assert_eq!(customer.purchase_days.len(), 4);
    }
    assert_sound(&service).await;
    // Merged by way of another customer is merged.
    let again = merge(&service, ("a", "c"), false).await.unwrap();
    assert!(again.already_merged);
    assert_eq!(again.merge.unwrap().customer_id, "b");
    unmerge(&service, "b", false).await.unwrap();
    assert_sound(&service).await;
    assert_eq!(service.customer("a").await.purchase_days.len(), 1);
    assert_eq!(said(&service, by_id("b"), None).await, below);
    assert_eq!(said(&service, by_id("d"), None).await, below);
    unmerge(&service, "c", false).await.unwrap();
    assert_eq!(said(&service, by_id("c"), None).await, first);
    assert_eq!(service.customer("d").await.customer_id, "b");
    assert_sound(&service).await;
    let request = pb::ListMergesRequest {
        page_size: 2,
        ..Default::default()
    };
    let page = service.corrections().list_merges(request.clone()).await;
    let page = page.unwrap().into_inner();
    let listed = |merges: &[pb::CustomerMerge]| -> Vec<(String, bool)> {
        let merges = merges.iter();
        merges
            .map(|it| (it.merged_customer_id.clone(), it.unmerge_time.is_some()))
            .collect()
    };
    assert_eq!(
        listed(&page.merges),
        [("b".to_owned(), true), ("d".to_owned(), false)]
    );
    let request = pb::ListMergesRequest {
        page_token: page.next_page_token,
        ..request
    };
    let rest = service.corrections().list_merges(request).await.unwrap();
    let rest = rest.into_inner();
    assert_eq!(listed(&rest.merges), [("c".to_owned(), true)]);
    assert_eq!(rest.next_page_token, "");
    let request = pb::ListMergesRequest {
        customer_id: "a".to_owned(),
        ..Default::default()
    };
    let of_a = service.corrections().list_merges(request).await.unwrap();
    assert_eq!(listed(&of_a.into_inner().merges), [("b".to_owned(), true)]);
}
