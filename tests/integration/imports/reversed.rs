//! Orders that an export calls a sale, and a later one does not.

use super::Office;
use crate::support::messages::{by_email, by_id};

const HEADER: &str =
    "order_id,order_date,status,customer_id,billing_email,order_total,order_currency\n";
const FIRST: &str = "\
701,2026-03-01 09:00:00,processing,11,ada@example.org,25.00,EUR
702,2026-03-02 09:00:00,processing,11,ada@example.org,40.00,EUR
703,2026-03-03 09:00:00,processing,0,bea@example.org,60.00,EUR
";
const LATER: &str = "\
701,2026-03-01 09:00:00,completed,11,ada@example.org,25.00,EUR
702,2026-03-02 09:00:00,cancelled,11,ada@example.org,40.00,EUR
703,2026-03-03 09:00:00,failed,0,bea@example.org,,EUR
704,2026-03-04 09:00:00,cancelled,0,cem@example.org,80.00,EUR
705,2026-03-05 09:00:00,cancelled,13,dag@example.org,90.00,EUR
706,2026-03-05 09:00:00,pending,13,dag@example.org,90.00,EUR
707,,failed,13,dag@example.org,,EUR
";

async fn import(office: &Office, rows: &str, more: &[&str]) -> super::Printed {
    let text = format!("{HEADER}{rows}");
    let options = [&["--preset", "woocommerce"], more].concat();
    office
        .import("transactions", ("woo.csv", text), &options)
        .await
}

#[tokio::test]
async fn an_order_that_is_no_sale_any_more_is_taken_back_and_one_that_never_was_leaves_no_trace() {
    let office = Office::open().await;
    let first = import(&office, FIRST, &[]).await;
    assert_eq!(first.code, Some(0), "{}", first.notes);
    let bea = office.with_email("bea@example.org").await;
    // A check sends nothing, and does not count them as anything.
    let checked = import(&office, LATER, &["--dry-run"]).await;
    assert_eq!(checked.summary()["left_out"], 6, "{}", checked.data);
    let later = import(&office, LATER, &[]).await;
    assert_eq!(later.code, Some(0), "{}", later.notes);
    let summary = later.summary();
    assert_eq!(
        (
            &summary["written"],
            &summary["duplicates"],
            &summary["left_out"]
        ),
        (&2.into(), &1.into(), &4.into()),
        "{summary}"
    );
    let reversals = summary["kinds"].as_array().unwrap().iter();
    let reversals = reversals.filter(|kind| kind["kind"] == "Reversals");
    assert_eq!(
        reversals.map(|kind| kind["count"].as_u64()).next(),
        Some(Some(2))
    );
    assert_eq!(summary["unmatched"], 0);
    let mut expected = vec![
        "11 2026-03-01 2500 EUR".to_owned(),
        "11 2026-03-02 4000 EUR".to_owned(),
        "11 2026-03-02 -4000 EUR".to_owned(),
        format!("{bea} 2026-03-03 6000 EUR"),
        format!("{bea} 2026-03-03 0 EUR"),
    ];
    let sorted = |mut booked: Vec<String>| {
        booked.sort();
        booked
    };
    expected.sort();
    assert_eq!(sorted(office.booked().await), expected);
    let ada = office.customer(by_id("11")).await;
    assert_eq!(ada.purchase_days.len(), 1, "{:?}", ada.purchase_days);
    for nobody in [by_id("13"), by_email("cem@example.org")] {
        let found = office.service.find_customer(nobody).await;
        assert_eq!(found.unwrap_err().code(), tonic::Code::NotFound);
    }
    // The same again changes nothing.
    let again = import(&office, LATER, &[]).await;
    let summary = again.summary();
    assert_eq!(
        (
            &summary["written"],
            &summary["duplicates"],
            &summary["left_out"]
        ),
        (&0.into(), &3.into(), &4.into()),
        "{summary}"
    );
    assert_eq!(sorted(office.booked().await), expected);
}

#[tokio::test]
async fn a_reversal_finds_its_order_with_another_customer_and_an_unknown_one_has_none() {
    let office = Office::open().await;
    import(&office, FIRST, &[]).await;
    let moved = "702,2026-03-02 09:00:00,cancelled,12,ada@example.org,40.00,EUR\n";
    let refused = import(&office, moved, &[]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.notes.contains("11"), "{}", refused.notes);
    assert_eq!(refused.summary()["refused"], 1);
    // Where unknown customers are refused, an unknown customer has nothing to take back.
    let unknown = "704,2026-03-04 09:00:00,cancelled,0,cem@example.org,80.00,EUR\n";
    let skipped = import(&office, unknown, &["--unknown-customer", "refuse"]).await;
    assert_eq!(skipped.code, Some(0), "{}", skipped.notes);
    assert_eq!(skipped.summary()["left_out_reasons"]["status cancelled"], 1);
    // Choices by other columns still hold.
    let other = "702,2026-03-02 09:00:00,cancelled,11,ada@example.org,40.00,EUR\n";
    let outside = import(&office, other, &["--only", "order_currency=CHF"]).await;
    assert_eq!(
        outside.summary()["left_out_reasons"]["order_currency EUR"],
        1
    );
    assert_eq!(office.booked().await.len(), 3);
}
