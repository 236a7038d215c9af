//! Values that the definitions in force contradict: refused where they would hide a good value, reported where nothing depends on them.

use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::item_result::Outcome;

use crate::support::messages::{attribute, call, money, patch};
use crate::support::service::ServiceWithDatabase;

const DOCUMENT: &str =
    "value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
channels: {phone: {cost: 5 EUR}, chat: {cost: 1 EUR}}
attributes:
  vip: {family: internal, type: bool, description: d}
  visits: {family: behaviour, type: whole, description: d}
  score: {family: behaviour, type: number, description: d}
  city: {family: geographic, type: text, description: d}
  plan: {family: behaviour, type: one_of, values: [basic, Premium], description: d}
  credit: {family: behaviour, type: money, currency: EUR, description: d}
  since: {family: lifecycle, type: day, description: d}
  likes: {family: needs, type: tags, description: d}
tiers: [{name: gold, at_least: 100 EUR}, {name: bronze}]
schemes: {s: {mode: overlapping, description: d, segments: [{name: a, when: vip}]}}
treatments:
  tiers:
    gold: {sla: {response: 1 h}, queue: a}
    bronze: {sla: {response: 4 h}, queue: c}
    UNRATED: {sla: {response: 8 h}, queue: d}
";

fn text(text: &str) -> Value {
    Value::TextValue(text.to_owned())
}

fn with(values: Vec<(&str, Value)>) -> pb::CustomerPatch {
    let attributes = values.into_iter();
    pb::CustomerPatch {
        attributes: attributes
            .map(|(name, value)| attribute(name, Some(value)))
            .collect(),
        ..patch("ada")
    }
}

fn good() -> Vec<(&'static str, Value)> {
    vec![
        ("vip", Value::BoolValue(true)),
        ("visits", Value::IntValue(3)),
        ("score", Value::DoubleValue(0.5)),
        ("city", text("Wien")),
        ("plan", text("Premium")),
        // Converted when it is read.
        ("credit", Value::MoneyValue(money(100, "USD"))),
        ("since", Value::DayValue("2026-01-01".to_owned())),
        (
            "likes",
            Value::TagsValue(pb::TagSet {
                tags: vec!["tea".to_owned()],
            }),
        ),
        // The definitions do not have it, yet.
        ("shoe_size", text("38")),
    ]
}

#[tokio::test]
async fn a_value_that_the_definitions_contradict_is_refused_and_hides_nothing() {
    let service = ServiceWithDatabase::start().await;
    // Before there are definitions, nothing contradicts anything.
    let results = service
        .send_customers(&[with(vec![("vip", text("yes"))])])
        .await;
    assert_eq!(results[0].outcome(), Outcome::Written);
    service.publish(DOCUMENT).await;
    service.write_customers(&[with(good())]).await;
    let before = service.customer("ada").await;
    for (name, value, sentence) in [
        (
            "vip",
            text("yes"),
            "is a text; the definitions say vip is true or false",
        ),
        ("visits", Value::DoubleValue(2.5), "is a number;"),
        ("visits", text("3"), "is a text;"),
        ("score", text("0.5"), "is a text;"),
        ("city", Value::IntValue(1), "is a whole number;"),
        ("plan", text("premium"), "did you mean \"Premium\""),
        (
            "plan",
            text("gold"),
            "\"gold\" is not a value of plan: one of basic, Premium",
        ),
        ("credit", Value::IntValue(5), "is a whole number;"),
        ("since", text("2026-01-01"), "is a text;"),
        ("likes", text("tea"), "is a text;"),
    ] {
        let results = service.send_customers(&[with(vec![(name, value)])]).await;
        assert_eq!(results[0].outcome(), Outcome::Refused, "{name}");
        let [violation] = &results[0].violations[..] else {
            panic!("{results:?}");
        };
        assert_eq!(violation.field, "customers[0].attributes[0]");
        assert_eq!(violation.reason, "CONTRADICTS_DEFINITIONS");
        assert!(violation.description.contains(sentence), "{violation:?}");
        assert!(violation.description.len() < 160, "{violation:?}");
    }
    assert_eq!(service.customer("ada").await, before);
    // 3.0 is the whole number 3, and clearing is always possible.
    let whole = with(vec![("visits", Value::DoubleValue(4.0))]);
    let cleared = pb::CustomerPatch {
        attributes: vec![attribute("vip", None)],
        ..patch("ada")
    };
    service.write_customers(&[whole, cleared]).await;
}

#[tokio::test]
async fn a_contact_on_a_channel_that_is_not_listed_is_stored_and_reported() {
    let service = ServiceWithDatabase::start().await;
    let on = |id: &str, channel: &str| pb::Contact {
        channel: channel.to_owned(),
        ..call("ada", id, "2026-01-01")
    };
    let results = service.send_contacts(&[on("1", "fax")]).await;
    assert!(results[0].warnings.is_empty(), "there are no definitions");
    service.publish(DOCUMENT).await;
    let contacts = [on("2", "phone"), on("3", "Phone"), on("4", "fax")];
    for outcome in [Outcome::Written, Outcome::Duplicate] {
        let results = service.send_contacts(&contacts).await;
        assert!(results.iter().all(|it| it.outcome() == outcome));
        let warned = results.iter().map(|it| it.warnings.len());
        assert_eq!(warned.collect::<Vec<_>>(), [0, 1, 1]);
        let warning = &results[1].warnings[0];
        assert_eq!(
            (&*warning.field, &*warning.reason),
            ("contacts[1].channel", "UNKNOWN_CHANNEL")
        );
        assert!(warning.description.ends_with("did you mean \"phone\""));
    }
    let retraction = pb::Contact {
        retracts_contact_id: "4".to_owned(),
        duration_seconds: None,
        cost: None,
        ..on("5", "")
    };
    let results = service.send_contacts(&[retraction]).await;
    assert_eq!(results[0].outcome(), Outcome::Written, "{results:?}");
    assert!(results[0].warnings.is_empty());
}
