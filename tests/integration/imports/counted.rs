//! How many customers of a file are new and how many are known.

use super::Office;
use crate::support::messages::{email, patch, phone, purchase};

const ROWS: &str = "customer,date,amount\nada@example.org,2026-03-01,5\nbea@example.org,2026-03-02,5\n\
                    ada@example.org,2026-03-03,5\ncem@example.org,2026-03-04,5\nboth@example.org,2026-03-04,5\n";

const OPTIONS: [&str; 8] = [
    "--customer-column",
    "customer",
    "--customer-by",
    "email",
    "--currency",
    "EUR",
    "--unknown-customer",
    "create",
];

#[tokio::test]
async fn new_and_known_customers_are_counted_before_and_after() {
    let office = Office::open().await;
    let mut known = patch("ada");
    known.add_identifiers = vec![email("ada@example.org"), phone("+493023125001")];
    let shared = ["one", "other"].map(|id| {
        let mut shared = patch(id);
        shared.add_identifiers = vec![email("both@example.org")];
        shared
    });
    office.service.write_customers(&[known]).await;
    office.service.write_customers(&shared).await;
    let counts = |summary: &serde_json::Value| {
        [
            "customers",
            "new_customers",
            "known_customers",
            "unclear_customers",
        ]
        .map(|key| summary[key].as_u64().unwrap())
    };
    let dry = [&OPTIONS[..], &["--dry-run"]].concat();
    let before = office
        .import("transactions", ("rows.csv", ROWS), &dry)
        .await;
    assert_eq!(before.code, Some(0), "{}", before.notes);
    assert_eq!(counts(&before.summary()), [4, 2, 1, 1]);
    // Without `create`, nobody is new: whom no customer is found for is refused, and the check says so.
    let refusing = [&OPTIONS[..6], &["--dry-run"]].concat();
    let refused = office
        .import("transactions", ("rows.csv", ROWS), &refusing)
        .await;
    let refused = refused.summary();
    assert_eq!(counts(&refused), [4, 0, 1, 1]);
    assert_eq!(refused["refused_customers"], 2);
    assert_eq!(refused["import_id"], serde_json::Value::Null);
    let written = office
        .import("transactions", ("rows.csv", ROWS), &OPTIONS)
        .await;
    assert_eq!(written.code, Some(1), "{}", written.notes);
    assert_eq!(written.summary()["written"], 4);
    assert_eq!(counts(&written.summary()), [4, 2, 1, 0]);
    let again = office
        .import("transactions", ("rows.csv", ROWS), &OPTIONS)
        .await;
    assert_eq!(again.summary()["duplicates"], 4);
    assert_eq!(counts(&again.summary()), [4, 0, 3, 0]);
    let dry = office
        .import("transactions", ("rows.csv", ROWS), &dry)
        .await;
    assert_eq!(counts(&dry.summary()), [4, 0, 3, 1]);
}

#[tokio::test]
async fn an_item_states_that_it_created_its_customer() {
    let office = Office::open().await;
    let created = |results: Vec<patron::pb::ItemResult>| -> Vec<bool> {
        results
            .iter()
            .map(|result| result.customer_created)
            .collect()
    };
    let bought = ["1", "2"].map(|id| purchase("ada", id, "2026-03-01", 100));
    assert_eq!(created(office.service.send(&bought).await), [true, false]);
    assert_eq!(created(office.service.send(&bought).await), [false, false]);
    let patches = [patch("ada"), patch("bea"), patch("bea")];
    let results = office.service.send_customers(&patches).await;
    assert_eq!(created(results), [false, true, false]);
    let contracts =
        ["1", "2"].map(|id| crate::support::messages::contract("cem", id, "2026-01-01", 12, 100));
    let results = office.service.send_contracts(&contracts).await;
    assert_eq!(created(results), [true, false]);
}

#[tokio::test]
async fn a_dry_run_without_a_server_counts_no_new_customers() {
    let office = Office::open().await;
    let path = office.path("rows.csv");
    std::fs::write(&path, ROWS).unwrap();
    let line = [
        "import",
        "transactions",
        &path,
        "--json",
        "--dry-run",
        "--endpoint",
        "http://127.0.0.1:9",
    ];
    let line = [&line[..], &OPTIONS].concat();
    let printed: super::Printed = crate::support::program::run(&line).await.into();
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    assert_eq!(printed.summary()["customers"], 4);
    assert_eq!(printed.summary()["new_customers"], serde_json::Value::Null);
}
