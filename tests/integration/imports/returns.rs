//! Refunds of other sources and customers, and those without their purchase.

use super::Office;

#[tokio::test]
async fn returns_name_what_another_source_sold_to_another_customer() {
    let office = Office::open().await;
    let returns = "customer_id,date,amount,transaction_id,original_transaction_id,original_source,original_customer_id
bob,2025-03-01,-10.00,r1,1,shop,ada
ada,2025-03-02,-5.00,r2,1,shop,
ada,2025-03-03,-1.00,r3,9,shop,
";
    let options = ["--source", "till", "--currency", "EUR"];
    let printed = office
        .import("transactions", ("returns.csv", returns), &options)
        .await;
    let summary = printed.summary();
    assert_eq!(summary["written"], 3, "{summary}");
    assert_eq!(summary["unmatched"], 3, "{summary}");
    let sales = "customer_id,date,amount,transaction_id\nada,2025-02-01,100.00,1\n";
    let options = ["--source", "shop", "--currency", "EUR"];
    let printed = office
        .import("transactions", ("sales.csv", sales), &options)
        .await;
    // Two of them have their purchase now.
    assert_eq!(printed.summary()["unmatched"], -2, "{}", printed.data);
    let ada = office.service.customer("ada").await;
    let day = ada.purchase_days[0].amount.clone().unwrap();
    assert_eq!(day.amount_minor, 8_500);
    assert_eq!(ada.unmatched_refund_count, 1);

    let wrong = "customer_id,date,amount,transaction_id,original_transaction_id,original_source
bob,2025-03-01,-10.00,r4,,shop
bob,2025-03-01,10.00,p1,1,shop
";
    let printed = office
        .import("transactions", ("wrong.csv", wrong), &options)
        .await;
    assert_eq!(printed.code, Some(1));
    assert!(
        printed
            .notes
            .contains("line 2: has the source or customer of an original transaction"),
        "{}",
        printed.notes
    );
    assert!(
        printed
            .notes
            .contains("line 3: a purchase has no original transaction"),
        "{}",
        printed.notes
    );
}
