//! How a wrong contact is put right: the sentence that refuses a change says how, and it works.

use patron::pb;
use patron::pb::item_result::Outcome;

use super::count_rows;
use crate::support::messages::{call, money, purchase};
use crate::support::service::{ServiceWithDatabase, assert_outcomes};

fn retraction(id: &str, of: &str, day: &str) -> pb::Contact {
    pb::Contact {
        channel: String::new(),
        duration_seconds: None,
        cost: None,
        retracts_contact_id: of.to_owned(),
        ..call("ada", id, day)
    }
}

fn costing(id: &str, cents: i64) -> pb::Contact {
    pb::Contact {
        cost: Some(money(cents, "EUR")),
        ..call("ada", id, "2026-01-05")
    }
}

#[tokio::test]
async fn a_refusal_says_how_to_correct_the_kind_of_fact_that_was_refused() {
    let service = ServiceWithDatabase::start().await;
    service.write_contacts(&[costing("1", 50_000)]).await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 100)])
        .await;
    let refused = service.send_contacts(&[costing("1", 500)]).await;
    let said = &refused[0].violations[0];
    assert_eq!(said.reason, "IDEMPOTENCY_KEY_REUSED");
    assert!(said.description.contains("retraction"), "{said:?}");
    assert!(!said.description.contains("reversal"), "{said:?}");
    let refused = service.send(&[purchase("ada", "1", "2026-01-01", 1)]).await;
    let said = &refused[0].violations[0];
    assert!(said.description.contains("reversal"), "{said:?}");
}

#[tokio::test]
async fn a_wrong_contact_is_taken_back_and_the_right_one_counts() {
    let service = ServiceWithDatabase::start().await;
    let others = [costing("0", 300), costing("1", 50_000)];
    service.write_contacts(&others).await;
    let corrected = [retraction("2", "1", "2026-01-05"), costing("3", 500)];
    service.write_contacts(&corrected).await;
    let known = service.customer("ada").await;
    let [day] = &known.contact_days[..] else {
        panic!("{:?}", known.contact_days);
    };
    assert_eq!((day.count, &day.cost), (2, &Some(money(800, "EUR"))));
    assert_eq!(known.unmatched_retraction_count, 0);
    // Nothing was deleted, and the same again changes nothing.
    assert_eq!(count_rows(&service.pool).await[2], 4);
    assert_outcomes(&service.send_contacts(&corrected).await, Outcome::Duplicate);
    assert_outcomes(&service.send_contacts(&others).await, Outcome::Duplicate);
    assert_eq!(service.customer("ada").await, known);
    // A further contact of the day, and a retraction whose contact comes later.
    service
        .write_contacts(&[retraction("5", "4", "2026-01-05")])
        .await;
    assert_eq!(service.customer("ada").await.unmatched_retraction_count, 1);
    service.write_contacts(&[costing("4", 7)]).await;
    let known = service.customer("ada").await;
    assert_eq!(known.contact_days, std::slice::from_ref(day));
    assert_eq!(known.unmatched_retraction_count, 0);
    // Of the contacts that were there from the first, too.
    service
        .write_contacts(&[retraction("6", "0", "2026-01-07")])
        .await;
    assert_eq!(service.customer("ada").await.contact_days[0].count, 1);
}

#[tokio::test]
async fn a_retraction_says_nothing_else_and_names_another_contact() {
    let service = ServiceWithDatabase::start().await;
    let results = service
        .send_contacts(&[
            pb::Contact {
                retracts_contact_id: "1".to_owned(),
                topic: "invoice".to_owned(),
                outcome: "resolved".to_owned(),
                ..call("ada", "2", "2026-01-05")
            },
            retraction("3", "3", "2026-01-05"),
            retraction("4", "1", ""),
        ])
        .await;
    let wrong = |at: usize| -> Vec<(&str, &str)> {
        let violations = results[at].violations.iter();
        violations.map(|it| (&*it.field, &*it.reason)).collect()
    };
    let not_said = ["channel", "topic", "duration_seconds", "cost", "outcome"];
    let not_said = not_said.map(|name| format!("contacts[0].{name}"));
    let expected: Vec<_> = not_said.iter().map(|it| (&**it, "NOT_A_CONTACT")).collect();
    assert_eq!(wrong(0), expected);
    assert_eq!(wrong(1), [("contacts[1].retracts_contact_id", "OWN_ID")]);
    assert_eq!(wrong(2), [("contacts[2].occurred_on", "INVALID_DAY")]);
    assert_eq!(count_rows(&service.pool).await, [0; 7]);
}
