//! Sources whose ids are unique per customer only: merged customers may have facts with one id, and of those that differ each counts.

use patron::app::database::migration;
use patron::clock::{Clock as _, FixedClock};
use patron::domain::calendar::Day;
use patron::pb;
use patron::pb::item_result::Outcome;
use patron::store;
use patron::store::target::Target;

use super::super::DOCUMENT;
use super::{assert_sound, call, contract, counts, merge, net, publish, purchase, refund, unmerge};
use crate::support::messages::{by_email, by_id, email, money, patch};
use crate::support::service::{NOW, Service, ServiceWithDatabase, assert_outcomes};

async fn start() -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    publish(&service).await;
    service
}

/// Contacts of the last twelve months.
async fn contact_count(service: &Service, id: &str) -> i64 {
    let request = pb::GetCostToServeRequest {
        whose: Some(pb::get_cost_to_serve_request::Whose::Subject(by_id(id))),
        months: 12,
        as_of: String::new(),
    };
    let answer = service.desk().get_cost_to_serve(request).await;
    answer.unwrap().into_inner().total.unwrap().contact_count
}

#[tokio::test]
async fn purchases_with_one_id_count_each_and_refunds_find_that_of_their_customer() {
    let service = start().await;
    let file = [
        purchase("ada", "1", "2026-01-05", 1_000),
        purchase("ada-2", "1", "2026-01-05", 1_500),
        purchase("ada-2", "2", "2026-02-05", 2_000),
        refund("ada-2", "3", "1", "2026-03-05", 400),
        purchase("ada", "3", "2026-03-05", 30),
    ];
    service.write(&file).await;
    let preview = merge(&service, ("ada", "ada-2"), true).await.unwrap();
    assert_eq!(
        counts(&preview.effect.unwrap()),
        [("transaction", 3, 2, 2)],
        "two have an id of ada's, and other content"
    );
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    assert_eq!(net(&service, "ada").await, (4_130, 0));
    // Ada's own 1 is worth as much; the 2 is found under either id.
    service
        .write(&[
            refund("ada", "4", "1", "2026-03-06", 1_000),
            refund("ada", "5", "2", "2026-03-06", 500),
        ])
        .await;
    assert_eq!(net(&service, "ada-2").await, (2_630, 0));
    assert_outcomes(&service.send(&file).await, Outcome::Duplicate);
    assert_sound(&service).await;
    unmerge(&service, "ada-2", false).await.unwrap();
    assert_eq!(net(&service, "ada").await, (30, 1));
    assert_eq!(net(&service, "ada-2").await, (3_100, 0));
    assert_sound(&service).await;
}

#[tokio::test]
async fn a_file_that_names_customers_by_identifiers_counts_once_when_it_comes_again_after_a_merge()
{
    let service = start().await;
    let found = pb::CustomerPatch {
        add_identifiers: vec![email("ada@example.org")],
        ..patch("ada-2")
    };
    service.write_customers(&[patch("ada"), found]).await;
    service
        .write(&[purchase("ada", "1", "2026-02-01", 1_000)])
        .await;
    let by_address = |fact: pb::Transaction| pb::Transaction {
        customer_id: String::new(),
        customer: Some(by_email("ada@example.org")),
        ..fact
    };
    let file = [
        by_address(purchase("", "1", "2026-02-05", 2_000)),
        by_address(refund("", "r", "1", "2026-02-06", 500)),
    ];
    service.write(&file).await;
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    // The address leads to the customer who stays by now, who has another 1.
    assert_outcomes(&service.send(&file).await, Outcome::Duplicate);
    assert_eq!(net(&service, "ada").await, (2_500, 0));
    let new = by_address(purchase("", "2", "2026-02-07", 40));
    service.write(&[new]).await;
    assert_eq!(net(&service, "ada").await, (2_540, 0));
    assert_sound(&service).await;
}

#[tokio::test]
async fn what_was_sent_before_the_source_had_separate_ids_makes_no_difference() {
    let service = ServiceWithDatabase::start().await;
    service.publish(DOCUMENT).await;
    for id in ["ada", "zed"] {
        let key = if id == "ada" { "1" } else { "2" };
        service
            .write(&[purchase(id, key, "2026-01-05", 1_000)])
            .await;
    }
    publish(&service).await;
    service
        .write(&[
            purchase("ada-2", "1", "2026-01-06", 2_000),
            purchase("ada", "2", "2026-01-07", 4_000),
            purchase("ada-2", "2", "2026-01-08", 8_000),
        ])
        .await;
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    assert_eq!(net(&service, "ada").await, (15_000, 0));
    assert_sound(&service).await;
    // Back to ids that are unique: what is recorded stays what it is.
    service.publish(&format!("{DOCUMENT}# again\n")).await;
    let again = service
        .send(&[purchase("ada", "2", "2026-01-07", 4_000)])
        .await;
    assert_eq!(again[0].outcome(), Outcome::Refused, "2 is zed's by then");
    service
        .write(&[purchase("ada", "3", "2026-01-09", 16_000)])
        .await;
    assert_eq!(net(&service, "ada").await, (31_000, 0));
}

#[tokio::test]
async fn a_reversal_that_needs_its_original_finds_that_of_its_customer() {
    let service = start().await;
    service
        .write(&[
            purchase("ada", "1", "2026-01-05", 1_000),
            purchase("ada-2", "1", "2026-01-06", 2_000),
        ])
        .await;
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    let cancelled = |id: &str, key: &str| pb::Transaction {
        kind: pb::transaction::Kind::ReversalIfRecorded.into(),
        ..refund(id, key, "1", "2026-02-01", 0)
    };
    let sent = service.send(&[cancelled("ada-2", "2#c")]).await;
    assert_outcomes(&sent, Outcome::Written);
    assert_eq!(net(&service, "ada").await, (1_000, 0));
    // That of the other one is not reversed yet.
    let sent = service.send(&[cancelled("ada", "1#c")]).await;
    assert_outcomes(&sent, Outcome::Written);
    assert_eq!(net(&service, "ada").await, (0, 0));
    assert_sound(&service).await;
}

#[tokio::test]
async fn contacts_with_one_id_count_each_and_a_retraction_finds_that_of_its_customer() {
    let service = start().await;
    let calls = [
        call("ada", "c1", "2026-10-01"),
        call("ada-2", "c1", "2026-10-02"),
        call("ada-2", "c2", "2026-10-02"),
        // Not in the last twelve months.
        call("ada", "c3", "2025-01-10"),
        call("ada-2", "c3", "2026-10-03"),
    ];
    service.write_contacts(&calls).await;
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    assert_eq!(contact_count(&service, "ada").await, 4);
    let retracted = |id: &str, key: &str, what: &str, day: &str| pb::Contact {
        retracts_contact_id: what.to_owned(),
        channel: String::new(),
        duration_seconds: None,
        cost: None,
        ..call(id, key, day)
    };
    service
        .write_contacts(&[
            retracted("ada-2", "r1", "c1", "2026-10-03"),
            retracted("ada", "r3", "c3", "2025-01-11"),
        ])
        .await;
    assert_eq!(contact_count(&service, "ada").await, 3);
    let days = service.customer("ada").await.contact_days;
    let days: Vec<&str> = days.iter().map(|it| &*it.day).collect();
    assert_eq!(days, ["2026-10-01", "2026-10-02", "2026-10-03"]);
    assert_sound(&service).await;
}

#[tokio::test]
async fn contacts_with_one_id_are_routed_each_in_a_simulation() {
    let service = start().await;
    let at = |id: &str, key: &str, time: &str| pb::Contact {
        when: Some(pb::contact::When::OccurredTime(time.parse().unwrap())),
        ..call(id, key, "2026-10-01")
    };
    let calls = [
        at("ada", "c1", "2026-10-01T10:00:00Z"),
        at("ada-2", "c1", "2026-10-01T11:00:00Z"),
        at("ada", "c2", "2026-10-01T12:00:00Z"),
        at("ada-2", "c2", "2026-10-01T12:00:00Z"),
        // Of three, the two who were merged have the same.
        at("ada-3", "c1", "2026-10-01T11:00:00Z"),
    ];
    service.write_contacts(&calls).await;
    for other in ["ada-2", "ada-3"] {
        merge(&service, ("ada", other), false).await.unwrap();
    }
    let day: Day = "2026-10-01".parse().unwrap();
    let mut connection = service.pool.acquire().await.unwrap();
    let listed = store::simulation_input::list_contacts(&mut connection, day, day, 10).await;
    let times = listed.unwrap().into_iter().map(|it| it.at.to_string());
    assert_eq!(
        times.collect::<Vec<_>>(),
        [
            "2026-10-01T10:00:00Z",
            "2026-10-01T11:00:00Z",
            "2026-10-01T12:00:00Z"
        ]
    );
}

#[tokio::test]
async fn a_contract_is_one_whichever_of_the_two_new_terms_name() {
    let service = start().await;
    service.write_customers(&[patch("ada")]).await;
    service
        .write_contracts(&[contract("ada-2", "k", "2026-01-01", 1, 700)])
        .await;
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    let terms = pb::Contract {
        effective_on: "2026-06-01".to_owned(),
        ..contract("ada", "k", "2026-01-01", 1, 950)
    };
    service.write_contracts(&[terms]).await;
    let contracts = service.customer("ada").await.contracts;
    let prices: Vec<_> = contracts.into_iter().map(|it| it.price).collect();
    assert_eq!(prices, [Some(money(950, "EUR"))]);
    assert_sound(&service).await;
}

#[tokio::test]
async fn a_profile_that_an_earlier_version_made_of_a_group_is_made_anew() {
    let service = start().await;
    service
        .write(&[purchase("ada", "1", "2026-01-05", 1_000)])
        .await;
    let alone: Vec<u8> =
        sqlx::query_scalar("SELECT packed FROM profiles WHERE customer_id = 'ada'")
            .fetch_one(&service.pool)
            .await
            .unwrap();
    service
        .write(&[purchase("ada-2", "1", "2026-01-05", 1_500)])
        .await;
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    for statement in [
        "UPDATE profiles SET packed = $1 WHERE customer_id = 'ada'",
        "UPDATE profile_fold SET version = 5 WHERE $1::bytea IS NOT NULL",
    ] {
        sqlx::query(statement)
            .bind(&alone)
            .execute(&service.pool)
            .await
            .unwrap();
    }
    let target = Target::parse(&service.database.url).unwrap();
    let service = service.pause().await;
    let clock = FixedClock::new(NOW.parse().unwrap());
    let migrated = migration::migrate(&target, clock.now()).await.unwrap();
    assert_eq!(migrated.refolded, 1);
    let service = service.resume().await;
    assert_eq!(net(&service, "ada").await, (2_500, 0));
    assert_sound(&service).await;
}
