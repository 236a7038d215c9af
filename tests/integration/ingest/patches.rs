//! Patches of customers: what is absent stays, what is cleared goes, identifiers end and begin.

use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::item_result::Outcome;

use super::{count_rows, list_logged};
use crate::support::messages::{
    attribute, by_email, by_external, by_id, by_phone, call, email, external, money, patch, phone,
    purchase,
};
use crate::support::service::{Service, ServiceWithDatabase};

const PHONE: &str = "+493023125001";
const OTHER_PHONE: &str = "+493023125002";

fn text(text: &str) -> Value {
    Value::TextValue(text.to_owned())
}

/// Attributes with their values, without where they come from.
fn values(customer: &pb::Customer) -> Vec<(&str, Value)> {
    let attributes = customer.attributes.iter();
    attributes
        .map(|it| (it.name.as_str(), it.value.clone().unwrap()))
        .collect()
}

fn shown(customer: &pb::Customer) -> Vec<(&str, &str)> {
    let identifiers = customer.identifiers.iter();
    identifiers
        .map(|it| (it.kind.as_str(), it.display.as_str()))
        .collect()
}

/// The customers that a subject names.
async fn found(service: &Service, subject: pb::Subject) -> Vec<String> {
    let answer = service.classify(subject, "").await;
    let candidates = answer.classification.into_iter().chain(answer.candidates);
    candidates.map(|it| it.customer_id).collect()
}

/// A patch that says everything.
fn whole(customer: &str) -> pb::CustomerPatch {
    let tags = ["b", "a", "b"].map(str::to_owned).to_vec();
    pb::CustomerPatch {
        kind: pb::CustomerKind::Company.into(),
        display_name: Some("Ada & Söhne".to_owned()),
        add_identifiers: vec![
            phone(PHONE),
            email("Ada@Example.org"),
            external("crm", "47/11"),
        ],
        attributes: vec![
            attribute("newsletter", Some(Value::BoolValue(true))),
            attribute("points", Some(Value::IntValue(i64::MIN))),
            attribute("score", Some(Value::DoubleValue(-0.5))),
            attribute("city", Some(text("Köln"))),
            attribute("limit", Some(Value::MoneyValue(money(-1, "JPY")))),
            attribute("born", Some(Value::DayValue("1901-02-28".to_owned()))),
            attribute("labels", Some(Value::TagsValue(pb::TagSet { tags }))),
        ],
        ..patch(customer)
    }
}

#[tokio::test]
async fn everything_a_patch_says_is_shown_identifiers_masked() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[whole("ada")]).await;
    let known = service.customer("ada").await;
    assert_eq!(known.kind(), pb::CustomerKind::Company);
    assert_eq!(known.display_name, "Ada & Söhne");
    assert_eq!(known.profile_version, 1);
    assert_eq!(
        known.data_time,
        Some(prost_types::Timestamp {
            seconds: 1_795_348_800,
            nanos: 0
        })
    );
    assert_eq!(
        shown(&known),
        [
            ("phone", "+49********01"),
            ("email", "a***@example.org"),
            ("external", "crm/47/11")
        ]
    );
    let tags = ["a", "b"].map(str::to_owned).to_vec();
    assert_eq!(
        values(&known),
        [
            ("born", Value::DayValue("1901-02-28".to_owned())),
            ("city", Value::TextValue("Köln".to_owned())),
            ("labels", Value::TagsValue(pb::TagSet { tags })),
            ("limit", Value::MoneyValue(money(-1, "JPY"))),
            ("newsletter", Value::BoolValue(true)),
            ("points", Value::IntValue(i64::MIN)),
            ("score", Value::DoubleValue(-0.5)),
        ]
    );
    for held in &known.attributes {
        assert_eq!(
            (&*held.observed_on, &*held.source),
            (crate::support::service::TODAY, "unknown")
        );
    }
}

#[tokio::test]
async fn what_a_patch_does_not_say_stays_as_it_is() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[whole("ada")]).await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 1)])
        .await;
    let before = service.customer("ada").await;
    // Says nothing, so changes nothing: known already.
    let results = service.send_customers(&[patch("ada"), whole("ada")]).await;
    assert!(results.iter().all(|it| it.outcome() == Outcome::Duplicate));
    assert_eq!(service.customer("ada").await, before);

    let named = pb::CustomerPatch {
        display_name: Some("Ada".to_owned()),
        ..patch("ada")
    };
    service.write_customers(&[named]).await;
    let after = service.customer("ada").await;
    let expected = pb::Customer {
        display_name: "Ada".to_owned(),
        profile_version: before.profile_version + 1,
        ..before
    };
    assert_eq!(after, expected);
}

#[tokio::test]
async fn an_empty_name_and_an_attribute_without_a_value_are_cleared() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[whole("ada")]).await;
    let cleared = pb::CustomerPatch {
        display_name: Some(String::new()),
        attributes: vec![attribute("city", None), attribute("never_there", None)],
        ..patch("ada")
    };
    service
        .write_customers(std::slice::from_ref(&cleared))
        .await;
    let known = service.customer("ada").await;
    assert_eq!(known.display_name, "");
    let names: Vec<_> = values(&known).into_iter().map(|it| it.0).collect();
    assert_eq!(
        names,
        ["born", "labels", "limit", "newsletter", "points", "score"]
    );
    assert_eq!(known.kind(), pb::CustomerKind::Company);
    let results = service.send_customers(&[cleared]).await;
    assert_eq!(results[0].outcome(), Outcome::Duplicate);
}

#[tokio::test]
async fn the_latest_observation_holds_however_late_an_older_one_comes() {
    let service = ServiceWithDatabase::start().await;
    let observed = |on: &str, city: &str| pb::CustomerPatch {
        attributes: vec![pb::AttributeValue {
            observed_on: on.to_owned(),
            source: "crm".to_owned(),
            ..attribute("city", Some(text(city)))
        }],
        ..patch("ada")
    };
    for (on, city, holds) in [
        ("2026-05-01", "Köln", "Köln"),
        ("2026-04-01", "Ulm", "Köln"),
        // Of one day, the one recorded last.
        ("2026-05-01", "Bonn", "Bonn"),
        ("2026-11-24", "Jena", "Jena"),
    ] {
        service.write_customers(&[observed(on, city)]).await;
        let known = service.customer("ada").await;
        assert_eq!(values(&known), [("city", text(holds))], "{on}");
    }
    assert_eq!(list_logged(&service.pool, "ada").await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn an_identifier_that_ends_on_one_customer_and_begins_on_another_is_followed_at_once() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[whole("ada"), patch("bob")]).await;
    // In memory from here on, also that nobody has the other number.
    assert_eq!(found(&service, by_phone(PHONE)).await, ["ada"]);
    assert!(found(&service, by_phone(OTHER_PHONE)).await.is_empty());
    let moves = [
        pb::CustomerPatch {
            end_identifiers: vec![phone(PHONE), email("ADA@example.ORG")],
            ..patch("ada")
        },
        pb::CustomerPatch {
            add_identifiers: vec![phone(PHONE), phone(OTHER_PHONE)],
            ..patch("bob")
        },
    ];
    service.write_customers(&moves).await;
    assert_eq!(found(&service, by_phone(PHONE)).await, ["bob"]);
    assert_eq!(found(&service, by_phone(OTHER_PHONE)).await, ["bob"]);
    assert!(
        found(&service, by_email("ada@example.org"))
            .await
            .is_empty()
    );
    assert_eq!(found(&service, by_external("crm", "47/11")).await, ["ada"]);
    let ada = service.customer("ada").await;
    assert_eq!(shown(&ada), [("external", "crm/47/11")]);
    // It begins again where it ended, and what ended already does not end again.
    let back = pb::CustomerPatch {
        add_identifiers: vec![phone(PHONE)],
        end_identifiers: vec![email("ada@example.org")],
        ..patch("ada")
    };
    service.write_customers(std::slice::from_ref(&back)).await;
    assert_eq!(found(&service, by_phone(PHONE)).await, ["ada", "bob"]);
    let results = service.send_customers(&[back]).await;
    assert_eq!(results[0].outcome(), Outcome::Duplicate);
}

#[tokio::test]
async fn several_patches_of_one_customer_in_a_batch_apply_in_their_order() {
    let service = ServiceWithDatabase::start().await;
    let named = |name: &str| pb::CustomerPatch {
        display_name: Some(name.to_owned()),
        attributes: vec![attribute("city", Some(text(name)))],
        ..patch("ada")
    };
    let begin = pb::CustomerPatch {
        add_identifiers: vec![phone(PHONE)],
        ..patch("ada")
    };
    let end = pb::CustomerPatch {
        end_identifiers: vec![phone(PHONE)],
        ..patch("ada")
    };
    let results = service
        .send_customers(&[
            named("first"),
            begin,
            named("first"),
            named("last"),
            end,
            patch("bob"),
            patch("bob"),
        ])
        .await;
    let outcomes: Vec<_> = results.iter().map(pb::ItemResult::outcome).collect();
    let (written, duplicate) = (Outcome::Written, Outcome::Duplicate);
    assert_eq!(
        outcomes,
        [
            written, written, duplicate, written, written, written, duplicate
        ]
    );
    let known = service.customer("ada").await;
    assert_eq!(known.display_name, "last");
    assert_eq!(values(&known), [("city", text("last"))]);
    assert!(known.identifiers.is_empty());
    assert!(found(&service, by_phone(PHONE)).await.is_empty());
    // All of them become visible together, so the log has the version that became visible.
    assert_eq!(
        list_logged(&service.pool, "ada").await.last(),
        Some(&known.profile_version)
    );
    assert_eq!(list_logged(&service.pool, "bob").await, [1]);
}

#[tokio::test]
async fn a_patch_that_is_refused_leaves_nothing_of_itself_and_does_not_stop_the_others() {
    let service = ServiceWithDatabase::start().await;
    let bad = pb::CustomerPatch {
        attributes: vec![
            attribute("ok", Some(text("x"))),
            attribute("Bad", Some(text("y"))),
        ],
        ..whole("bad")
    };
    let results = service
        .send_customers(&[patch("ada"), bad, patch("bob")])
        .await;
    let outcomes: Vec<_> = results.iter().map(pb::ItemResult::outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Written, Outcome::Refused, Outcome::Written]
    );
    assert_eq!(count_rows(&service.pool).await, [2, 0, 0, 0, 0, 2, 2]);
    assert!(found(&service, by_id("bad")).await.is_empty());
    assert!(found(&service, by_phone(PHONE)).await.is_empty());
    service
        .write_contacts(&[call("bad", "1", "2026-01-01")])
        .await;
    assert_eq!(service.customer("bad").await.profile_version, 1);
}
