//! Texts in composed and decomposed form are one text: one customer, one fact, one value, one channel.

use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::item_result::Outcome;
use tonic::Code;

use crate::support::messages::plain::{call, purchase, refund};
use crate::support::messages::{attribute, by_email, by_external, by_id, email, external, patch};
use crate::support::service::{ServiceWithDatabase, assert_outcomes};

/// `é` as one character, and as a letter with an accent.
const FORMS: [&str; 2] = ["\u{e9}", "e\u{301}"];

const DOCUMENT: &str = "
value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
attributes:
  place: {family: behaviour, type: text, description: Place}
  plan: {family: behaviour, type: one_of, values: [béta, gamma], description: Plan}
tiers: [{name: gold, at_least: 250 EUR}, {name: bronze}]
schemes:
  s:
    mode: overlapping
    description: d
    segments:
      - {name: here, when: 'place == \"Orléans\"'}
      - {name: calls, when: 'contacts(days(365)) == 2'}
treatments:
  tiers:
    gold: {sla: {response: 1 h}, queue: a}
    bronze: {sla: {response: 4 h}, queue: c}
    UNRATED: {sla: {response: 8 h}, queue: d}
";

#[tokio::test]
async fn a_fact_in_the_other_form_is_the_same_fact_of_the_same_customer() {
    let service = ServiceWithDatabase::start().await;
    let [composed, decomposed] = FORMS.map(|e| pb::Transaction {
        source: format!("caf{e}"),
        category: format!("caf{e}"),
        channel: format!("caf{e}"),
        ..purchase(&format!("ren{e}"), &format!("n{e}1"), "2026-01-01", 1_000)
    });
    service.write(&[decomposed]).await;
    assert_outcomes(&service.send(&[composed]).await, Outcome::Duplicate);
    let back = pb::Transaction {
        source: "till".to_owned(),
        original_source: format!("caf{}", FORMS[1]),
        original_customer_id: format!("ren{}", FORMS[1]),
        ..refund("bob", "r", &format!("n{}1", FORMS[0]), "2026-01-05", 400)
    };
    service.write(&[back]).await;
    for e in FORMS {
        let customer = service.customer(&format!("ren{e}")).await;
        assert_eq!(customer.customer_id, format!("ren{}", FORMS[0]));
        assert_eq!(customer.unmatched_refund_count, 0);
        let day = &customer.purchase_days[0];
        assert_eq!(day.amount.as_ref().unwrap().amount_minor, 600);
        assert_eq!(day.category, "caf\u{e9}");
    }
}

#[tokio::test]
async fn identifiers_find_their_customer_in_either_form() {
    for (stored, asked) in [(FORMS[0], FORMS[1]), (FORMS[1], FORMS[0])] {
        let service = ServiceWithDatabase::start().await;
        let ada = pb::CustomerPatch {
            display_name: Some(format!("Ren{stored}")),
            add_identifiers: vec![
                email(&format!("ren{stored}@example.org")),
                external(&format!("caf{stored}"), &format!("n{stored}1")),
            ],
            ..patch("ada")
        };
        service.write_customers(&[ada]).await;
        for subject in [
            by_email(&format!("Ren{asked}@example.org")),
            by_external(&format!("caf{asked}"), &format!("n{asked}1")),
        ] {
            let found = service.find_customer(subject.clone()).await.unwrap();
            assert_eq!(found.customer_id, "ada");
            assert_eq!(found.display_name, "Ren\u{e9}");
            let answer = service.classify(subject, "").await;
            assert_eq!(answer.r#match(), pb::Match::One);
        }
    }
}

#[tokio::test]
async fn attributes_channels_and_definitions_are_compared_in_one_form() {
    for (defined, sent) in [(FORMS[0], FORMS[1]), (FORMS[1], FORMS[0])] {
        let service = ServiceWithDatabase::start().await;
        let document = DOCUMENT.replace('\u{e9}', defined);
        let revision = service.publish(&document).await;
        assert_eq!(revision.document, DOCUMENT);
        let request = pb::ValidateDefinitionsRequest { document };
        let checked = service.definitions().validate_definitions(request).await;
        assert_eq!(checked.unwrap().into_inner().problems, []);
        let text = |name: &str, text: String| attribute(name, Some(Value::TextValue(text)));
        let ada = pb::CustomerPatch {
            attributes: vec![
                text("place", format!("Orl{sent}ans")),
                text("plan", format!("b{sent}ta")),
            ],
            ..patch("ada")
        };
        service.write_customers(&[ada]).await;
        let by_phone = |id: &str, e: &str| pb::Contact {
            channel: format!("t{e}l{e}phone"),
            ..call("ada", id, "2026-06-01")
        };
        service
            .write_contacts(&[by_phone("1", FORMS[0]), by_phone("2", FORMS[1])])
            .await;
        let customer = service.customer("ada").await;
        assert_eq!(customer.contact_days.len(), 1);
        let answer = service.classify(by_id("ada"), "").await;
        let segments = answer.classification.unwrap().segments;
        let names: Vec<&str> = segments.iter().map(|it| &*it.segment).collect();
        assert_eq!(names, ["s/here", "s/calls"]);
    }
}

#[tokio::test]
async fn limits_hold_for_the_composed_text() {
    let service = ServiceWithDatabase::start().await;
    // 128 bytes composed, 192 as sent.
    let long = FORMS[1].repeat(64);
    service
        .write(&[purchase(&long, "1", "2026-01-01", 1_000)])
        .await;
    assert!(service.find_customer(by_id(&long)).await.is_ok());
    let longer = FORMS[1].repeat(65);
    let refused = service
        .send(&[purchase(&longer, "1", "2026-01-01", 1)])
        .await;
    let violation = &refused[0].violations[0];
    assert_eq!(
        (&*violation.field, &*violation.description),
        (
            "transactions[0].customer_id",
            "is 130 bytes long; at most 128 are allowed"
        )
    );
    let unknown = service.find_customer(by_id(&longer)).await.unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
}
