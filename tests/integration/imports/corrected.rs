//! Facts whose customers are named as their source knows them.

use super::Office;
use crate::support::messages::{external, patch};

#[tokio::test]
async fn customers_are_named_by_identifiers_that_are_refused_or_created_where_unknown() {
    let office = Office::open().await;
    let ada = patron::pb::CustomerPatch {
        add_identifiers: vec![external("shop", "77")],
        ..patch("ada")
    };
    office.service.write_customers(&[ada]).await;
    let text = "customer,date,amount\n77,2026-01-01,5\n78,2026-01-01,6\n";
    let by_shop = ["--currency", "EUR", "--customer-by", "external:shop"];
    let printed = office
        .import("transactions", ("f.csv", text), &by_shop)
        .await;
    assert_eq!(printed.code, Some(1));
    assert!(printed.notes.contains("line 3: "), "{}", printed.notes);
    assert_eq!(office.booked().await, ["ada 2026-01-01 500 EUR"]);
    let create = [&by_shop[..], &["--unknown-customer", "create"]].concat();
    let printed = office
        .import("transactions", ("f.csv", text), &create)
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    assert_eq!(printed.summary()["written"], 1);
    assert_eq!(printed.summary()["duplicates"], 1);
    let calls = "customer,date\n+49 30 23125001,2026-01-01\n";
    let by_phone = [
        "--channel",
        "phone",
        "--customer-by",
        "phone",
        "--unknown-customer",
        "create",
    ];
    let printed = office.import("contacts", ("f.csv", calls), &by_phone).await;
    assert_eq!(printed.summary()["written"], 1, "{}", printed.notes);
    let contracts = "customer,contract_id,started_on,period,price\nc@example.org,A-1,2026-01-01,1,5\nC@example.org,A-1,2026-01-01,1,6\n";
    let by_email = [
        "--currency",
        "EUR",
        "--customer-by",
        "email",
        "--unknown-customer",
        "create",
    ];
    let printed = office
        .import("contracts", ("f.csv", contracts), &by_email)
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    office.with_email("c@example.org").await;
}
