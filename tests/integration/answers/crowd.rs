//! What is bounded: a name that a thousand customers share, and a customer with thousands of days.

use patron::pb;
use patron::pb::{CustomerKind, Match};

use crate::support::messages::{by_id, by_phone, call, patch, phone, purchase, violated};
use crate::support::service::ServiceWithDatabase;

const PHONE: &str = "+493023125001";

fn sharers(from: usize, to: usize) -> Vec<pb::CustomerPatch> {
    let sharer = |at: usize| pb::CustomerPatch {
        kind: CustomerKind::Company.into(),
        add_identifiers: vec![phone(PHONE)],
        ..patch(&format!("c{at:04}"))
    };
    (from..to).map(sharer).collect()
}

#[tokio::test]
async fn beyond_a_thousand_customers_the_count_is_exact_and_nothing_is_said_of_all_of_them() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&sharers(0, 1_000)).await;
    service
        .write(&[purchase("c0999", "1", "2026-01-01", 100)])
        .await;
    let answer = service.classify(by_phone(PHONE), "").await;
    assert_eq!(
        (answer.candidates.len(), answer.candidate_count),
        (16, 1_000)
    );
    assert_eq!(answer.candidates[0].customer_id, "c0999");
    let shared = answer.shared.unwrap();
    assert_eq!(shared.kind(), CustomerKind::Company);
    assert_eq!(shared.tier, None, "one has bought");
    // One more, by id after all others, who bought last.
    service.write_customers(&sharers(1_000, 1_003)).await;
    service
        .write(&[purchase("c1000", "1", "2026-02-01", 100)])
        .await;
    let answer = service.classify(by_phone(PHONE), "").await;
    assert_eq!(answer.r#match(), Match::Ambiguous);
    assert_eq!(
        (answer.candidates.len(), answer.candidate_count),
        (16, 1_003)
    );
    assert_eq!(answer.candidates[0].customer_id, "c0999");
    assert_eq!(answer.shared, Some(pb::SharedFacts::default()));
    let scored = service.score(by_phone(PHONE), "").await;
    assert_eq!(
        (scored.candidates.len(), scored.candidate_count),
        (16, 1_003)
    );
    let batch = pb::BatchClassifyRequest {
        subjects: vec![by_phone(PHONE), by_id("c1000")],
        as_of: String::new(),
        read_mask: None,
    };
    let batch = service.scoring().batch_classify(batch).await.unwrap();
    let batch = batch.into_inner().responses;
    assert_eq!(batch[0], answer);
    assert_eq!(batch[1].r#match(), Match::One);
}

#[tokio::test]
async fn the_days_of_a_customer_come_in_pages_of_whole_days() {
    let service = ServiceWithDatabase::start().await;
    let purchases: Vec<_> = (1..=9)
        .flat_map(|day| {
            let on = format!("2026-01-0{day}");
            let food = pb::Transaction {
                category: "food".to_owned(),
                ..purchase("ada", &format!("{day}f"), &on, 100)
            };
            [food, purchase("ada", &format!("{day}"), &on, 200)]
        })
        .collect();
    service.write(&purchases).await;
    service
        .write_contacts(&[
            call("ada", "1", "2026-01-03"),
            call("ada", "2", "2026-01-04"),
        ])
        .await;
    let page = async |day_limit, before: &str| {
        let request = pb::GetCustomerRequest {
            subject: Some(by_id("ada")),
            day_limit,
            purchases_before: before.to_owned(),
            contacts_before: before.to_owned(),
            ..Default::default()
        };
        let answer = service.customers().get_customer(request).await;
        answer.map(|answer| answer.into_inner().customer.unwrap())
    };
    let days = |customer: &pb::Customer| {
        let purchases = customer.purchase_days.iter().map(|it| it.day.clone());
        let contacts = customer.contact_days.iter().map(|it| it.day.clone());
        (purchases.collect::<Vec<_>>(), contacts.collect::<Vec<_>>())
    };
    let all = page(0, "").await.unwrap();
    assert_eq!((all.purchase_days.len(), all.contact_days.len()), (18, 2));
    let last = page(1, "").await.unwrap();
    let (purchases, contacts) = days(&last);
    assert_eq!(purchases, ["2026-01-09", "2026-01-09"]);
    assert_eq!(contacts, ["2026-01-04"]);
    assert_eq!(
        (last.purchase_entry_count, last.contact_entry_count),
        (18, 2)
    );
    // Page by page, everything comes once.
    let (mut pages, mut before) = (vec![], String::new());
    loop {
        let page = page(4, &before).await.unwrap();
        let Some(first) = page.purchase_days.first() else {
            break;
        };
        before = first.day.clone();
        pages.splice(0..0, page.purchase_days);
    }
    assert_eq!(pages, all.purchase_days);
    let (_, contacts) = days(&page(4, "2026-01-04").await.unwrap());
    assert_eq!(contacts, ["2026-01-03"]);
    for (limit, before, fields) in [
        (1_001, "", vec!["day_limit"]),
        (-1, "", vec!["day_limit"]),
        (
            -1,
            "soon",
            vec!["day_limit", "purchases_before", "contacts_before"],
        ),
    ] {
        let status = page(limit, before).await.unwrap_err();
        assert_eq!(violated(&status), fields);
    }
}
