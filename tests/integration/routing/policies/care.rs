//! Check-ins that become rarer, entitlements, and records of other systems.

use patron::pb;
use patron::pb::attribute_value::Value;

use crate::routing::number;
use crate::support::messages::{attribute, by_id, patch, phone, purchase};
use crate::support::service::ServiceWithDatabase;

const DOCUMENT: &str = "
value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
attributes:
  started_on: {family: lifecycle, type: day, description: Start of the contract}
  configuration_items: {family: technographic, type: tags, description: Installed devices, reference: cmdb}
  open_case: {family: needs, type: text, description: Open case, reference: ticketing, max_age_days: 30}
tiers: [{name: gold, at_least: 100 EUR}, {name: silver}]
schemes:
  lifecycle:
    mode: overlapping
    description: Where they stand
    segments:
      - {name: bought, when: has(tenure_days)}
      - {name: started, when: has(started_on)}
treatments:
  tiers:
    gold: {sla: {response: 1 h, extent: {en: Parts and labour, de: Teile und Arbeit}}, queue: first}
    silver: {sla: {response: 4 h}, queue: second}
    UNRATED: {sla: {response: 8 h, extent: Advice}, queue: reception, articles: [faq], request_forms: [contact]}
  segments:
    - segment: lifecycle/started
      check_ins: {from: started_on, steps: [{every: 1 d, for: 2 d}]}
      articles: [manual, faq]
      request_forms: [move, repair]
    - segment: lifecycle/bought
      check_ins:
        from: first_purchase
        steps: [{every: 7 d, for: 28 d}, {every: 14 d, for: 56 d}, {every: 1 mo, for: 6 mo}]
";

const ADA: &str = "+493023125001";

/// A5 of the acceptance examples: weekly, then every two weeks, then monthly, then no more.
#[tokio::test]
async fn check_ins_become_rarer_and_end() {
    let service = ServiceWithDatabase::start().await;
    service.publish(DOCUMENT).await;
    let ada = pb::CustomerPatch {
        add_identifiers: vec![phone(ADA)],
        ..patch("ada")
    };
    service.write_customers(&[ada]).await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 500)])
        .await;
    for (today, next) in [
        ("2026-01-01", "2026-01-08"),
        ("2026-01-08", "2026-01-08"),
        ("2026-01-09", "2026-01-15"),
        ("2026-01-29", "2026-01-29"),
        ("2026-01-30", "2026-02-12"),
        ("2026-03-26", "2026-03-26"),
        ("2026-03-27", "2026-04-26"),
        ("2026-08-27", "2026-09-26"),
        ("2026-09-26", "2026-09-26"),
        ("2026-09-27", ""),
    ] {
        let classified = service.classify(by_id("ada"), today).await;
        let classified = classified.classification.unwrap();
        assert_eq!(classified.next_check_in, next, "{today}");
        service.set_clock(&format!("{today}T12:00:00Z"));
        let routed = service.route(number(ADA)).await.customer.unwrap();
        assert_eq!(routed.next_check_in, next, "{today}");
    }
    let treatment = service.route(number(ADA)).await.treatment.unwrap();
    assert_eq!(treatment.decided_by["check_ins"], "lifecycle/bought");
}

#[tokio::test]
async fn entitlements_and_records_come_with_the_customer() {
    let service = ServiceWithDatabase::start().await;
    service.publish(DOCUMENT).await;
    let tags = pb::TagSet {
        tags: vec!["CI-7".to_owned(), "CI-3".to_owned()],
    };
    let eve = pb::CustomerPatch {
        add_identifiers: vec![phone(ADA)],
        attributes: vec![
            attribute("configuration_items", Some(Value::TagsValue(tags))),
            attribute("open_case", Some(Value::TextValue("INC-42".to_owned()))),
            attribute("started_on", Some(Value::DayValue("2026-11-20".to_owned()))),
        ],
        ..patch("eve")
    };
    service.write_customers(&[eve]).await;
    let answer = service.route(number(ADA)).await;
    let treatment = answer.treatment.unwrap();
    assert_eq!(treatment.articles, ["manual", "faq"]);
    assert_eq!(treatment.request_forms, ["move", "repair"]);
    assert_eq!(treatment.extent.unwrap().en, "Advice");
    let customer = answer.customer.unwrap();
    assert_eq!(customer.next_check_in, "2026-11-22");
    let references: Vec<(&str, &str)> = customer
        .references
        .iter()
        .map(|it| (&*it.system, &*it.attribute))
        .collect();
    assert_eq!(
        references,
        [("cmdb", "configuration_items"), ("ticketing", "open_case")]
    );
    let mut items = customer.references[0].ids.clone();
    items.sort();
    assert_eq!(items, ["CI-3", "CI-7"]);
    // A case that was last seen too long ago is not known to be open.
    service.set_clock("2026-12-25T12:00:00Z");
    let later = service.route(number(ADA)).await.customer.unwrap();
    assert_eq!(later.references.len(), 1);
    assert_eq!(later.next_check_in, "");
}
