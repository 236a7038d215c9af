//! Shops, payments and opportunities.

use super::Office;

const SHOPIFY: &str = "\
Name,Email,Financial Status,Paid at,Currency,Subtotal,Total,Refunded Amount,Lineitem quantity,Lineitem name,Lineitem price,Created at,Id
#1001,ada@example.org,paid,2026-01-05 10:12:33 -0500,EUR,32.60,32.60,0.00,2,Grinder burr,16.30,2026-01-05 10:12:30 -0500,5001
#1002,bea@example.org,partially_refunded,2026-01-06 23:30:00 -0500,EUR,48.90,48.90,16.30,2,Grinder burr,16.30,2026-01-06 23:29:58 -0500,5002
#1002,bea@example.org,,,,,,,1,Filter,16.30,2026-01-06 23:29:58 -0500,
#1003,ada@example.org,voided,,EUR,16.30,16.30,0.00,1,Filter,16.30,2026-01-07 09:00:00 -0500,5003
#1004,cem@example.org,refunded,2026-01-08 09:00:00 -0500,EUR,16.30,16.30,16.30,1,Filter,16.30,2026-01-08 08:59:00 -0500,5004
#1005,,paid,2026-01-09 09:00:00 -0500,EUR,16.30,16.30,0.00,1,Filter,16.30,2026-01-09 08:59:00 -0500,5005
";

#[tokio::test]
async fn orders_of_shopify_are_purchases_and_refunds_by_email() {
    let office = Office::open().await;
    let printed = office
        .import(
            "transactions",
            ("shopify.csv", SHOPIFY),
            &["--preset", "shopify"],
        )
        .await;
    assert_eq!(printed.code, Some(1), "{}", printed.notes);
    assert!(
        printed.notes.contains("line 7: Email: is empty"),
        "{}",
        printed.notes
    );
    let summary = printed.summary();
    assert_eq!(summary["rows"], 6);
    assert_eq!(summary["written"], 5);
    assert_eq!(summary["left_out_reasons"]["Financial Status voided"], 1);
    assert_eq!(summary["refused"], 1);
    assert_eq!(summary["customers"], 3);
    assert_eq!(
        (&summary["first_day"], &summary["last_day"]),
        (&"2026-01-05".into(), &"2026-01-08".into())
    );
    let [ada, bea, cem] = [
        office.with_email("ada@example.org").await,
        office.with_email("bea@example.org").await,
        office.with_email("cem@example.org").await,
    ];
    let mut expected = vec![
        format!("{ada} 2026-01-05 3260 EUR"),
        format!("{bea} 2026-01-07 4890 EUR"),
        format!("{bea} 2026-01-07 -1630 EUR"),
        format!("{cem} 2026-01-08 1630 EUR"),
        format!("{cem} 2026-01-08 -1630 EUR"),
    ];
    let mut booked = office.booked().await;
    expected.sort();
    booked.sort();
    assert_eq!(booked, expected);
    // Again, nothing; and the order without a customer where it is wanted.
    let again = office
        .import(
            "transactions",
            ("shopify.csv", SHOPIFY),
            &[
                "--preset",
                "shopify",
                "--guest-column",
                "Id",
                "--guest-by",
                "external:shopify-order",
            ],
        )
        .await;
    assert_eq!(again.code, Some(0), "{}", again.notes);
    assert_eq!(again.summary()["written"], 1);
    assert_eq!(again.summary()["duplicates"], 5);
}

const STRIPE: &str = "\
id,Created (UTC),Amount,Amount Refunded,Currency,Status,Customer ID,Customer Email
py_1,2026-02-01 23:30,\"1,299.00\",0.00,eur,Paid,cus_1,ada@example.org
py_2,2026-02-02 08:15,20.00,20.00,eur,Refunded,cus_2,bea@example.org
py_3,2026-02-03 08:15,99.00,0.00,eur,Failed,cus_3,cem@example.org
py_4,2026-02-04 08:15,50.00,12.50,eur,Paid,cus_1,ada@example.org
";

#[tokio::test]
async fn payments_of_stripe_are_dated_in_the_deployments_zone_and_their_refunds_grow() {
    let office = Office::open().await;
    let printed = office
        .import(
            "transactions",
            ("stripe.csv", STRIPE),
            &["--preset", "stripe"],
        )
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    let summary = printed.summary();
    assert_eq!(summary["left_out_reasons"]["Status Failed"], 1);
    let first = [
        "cus_1 2026-02-02 129900 EUR",
        "cus_1 2026-02-04 5000 EUR",
        "cus_1 2026-02-04 -1250 EUR",
        "cus_2 2026-02-02 2000 EUR",
        "cus_2 2026-02-02 -2000 EUR",
    ];
    assert_eq!(office.booked().await, first);
    // A later export, in which more was paid back.
    let later = STRIPE.replace("50.00,12.50", "50.00,50.00");
    let grown = office
        .import(
            "transactions",
            ("stripe.csv", &later),
            &["--preset", "stripe"],
        )
        .await;
    assert_eq!(grown.summary()["written"], 1, "{}", grown.notes);
    let mut expected = first.to_vec();
    // A total, of which the first is a part.
    expected.insert(3, "cus_1 2026-02-04 -5000 EUR");
    assert_eq!(office.booked().await, expected);
    // Either export again changes nothing.
    for text in [STRIPE, &later] {
        let again = office
            .import(
                "transactions",
                ("stripe.csv", text),
                &["--preset", "stripe"],
            )
            .await;
        assert_eq!(again.code, Some(0), "{}", again.notes);
        assert_eq!(again.summary()["written"], 0);
    }
    assert_eq!(office.booked().await, expected);
    // And the later one alone comes to the same total.
    let other = Office::open().await;
    other
        .import(
            "transactions",
            ("stripe.csv", &later),
            &["--preset", "stripe"],
        )
        .await;
    let booked = other.booked().await;
    assert!(
        booked.contains(&"cus_1 2026-02-04 -5000 EUR".to_owned()),
        "{booked:?}"
    );
}

const WOOCOMMERCE: &str = "\
order_id,order_date,status,customer_id,billing_email,order_total,order_currency
701,2026-03-01 09:00:00,completed,11,ada@example.org,25.00,EUR
702,2026-03-02 09:00:00,cancelled,11,ada@example.org,40.00,EUR
703,2026-03-03 09:00:00,failed,12,bea@example.org,60.00,EUR
704,2026-03-04 09:00:00,refunded,12,bea@example.org,30.00,EUR
705,2026-03-05 09:00:00,completed,0,guest1@example.org,15.00,EUR
706,2026-03-06 09:00:00,completed,0,guest2@example.org,18.00,EUR
";

#[tokio::test]
async fn guests_of_woocommerce_are_customers_of_their_own() {
    let office = Office::open().await;
    let printed = office
        .import(
            "transactions",
            ("woo.csv", WOOCOMMERCE),
            &["--preset", "woocommerce"],
        )
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    assert_eq!(printed.summary()["left_out"], 2);
    let guests = [
        office.with_email("guest1@example.org").await,
        office.with_email("guest2@example.org").await,
    ];
    assert_ne!(guests[0], guests[1]);
    let mut expected = vec![
        "11 2026-03-01 2500 EUR".to_owned(),
        "12 2026-03-04 3000 EUR".to_owned(),
        "12 2026-03-04 -3000 EUR".to_owned(),
        format!("{} 2026-03-05 1500 EUR", guests[0]),
        format!("{} 2026-03-06 1800 EUR", guests[1]),
    ];
    let mut booked = office.booked().await;
    expected.sort();
    booked.sort();
    assert_eq!(booked, expected);
}

const SALESFORCE: &str = "\
Id,AccountId,StageName,CloseDate,Amount,CurrencyIsoCode,CreatedDate
006AA000000001AAA,001AA000000001AAA,Closed Won,2026-01-31,12500,EUR,2025-12-01T23:30:00.000Z
006AA000000002AAA,001AA000000001AAA,Closed Lost,2026-02-15,8000,EUR,2025-12-02T08:00:00.000+0000
006AA000000003AAA,001AA000000002AAA,Closed Won,2026-02-20,1.25E+4,EUR,2025-12-03T08:00:00.000Z
006AA000000004AAA,001AA000000002AAA,Prospecting,2026-09-30,,EUR,2025-12-04T08:00:00.000Z
";

#[tokio::test]
async fn only_opportunities_that_were_won_are_purchases() {
    let office = Office::open().await;
    let printed = office
        .import(
            "transactions",
            ("opportunities.csv", SALESFORCE),
            &["--preset", "salesforce"],
        )
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    assert_eq!(printed.summary()["left_out"], 2);
    assert_eq!(
        office.booked().await,
        [
            "001AA000000001AAA 2026-01-31 1250000 EUR",
            "001AA000000002AAA 2026-02-20 1250000 EUR",
        ]
    );
}

const SAP: &str = "\
Kunde;Belegdatum;Beleg;Betrag;Waehrung
0000100017;31.12.2025;90001;1.250,00;EUR
0000100017;20260115;90002;120,00-;EUR
0000100018;05.02.2026;90003;-0,00;EUR
";

#[tokio::test]
async fn documents_of_sap_keep_their_zeros_and_read_the_minus_behind_an_amount() {
    let office = Office::open().await;
    let printed = office
        .import("transactions", ("sap.csv", SAP), &["--preset", "sap"])
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    assert_eq!(printed.summary()["left_out_reasons"]["a refund of 0"], 1);
    assert_eq!(
        office.booked().await,
        [
            "0000100017 2025-12-31 125000 EUR",
            "0000100017 2026-01-15 -12000 EUR",
        ]
    );
}

const ONLINE_RETAIL: &str = "\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
700001,A1,Mug red,6,12/1/2010 8:26,2.55,17850.0,United Kingdom
C700002,A1,Mug red,-1,12/2/2010 9:41,2.55,17850.0,United Kingdom
700003,A3,Bag,3,12/3/2010 10:00,1.85,,United Kingdom
700004,A4,Lamp,1,12/3/2010 11:00,0,13047.0,Germany
700001,A2,Mug blue,2,12/1/2010 8:26,3.39,17850.0,United Kingdom
";

#[tokio::test]
async fn lines_of_an_order_are_one_purchase_wherever_they_stand() {
    let office = Office::open().await;
    let printed = office
        .import(
            "transactions",
            ("retail.csv", ONLINE_RETAIL),
            &["--preset", "online-retail"],
        )
        .await;
    assert_eq!(printed.code, Some(1), "{}", printed.notes);
    assert!(
        printed.notes.contains("line 4: CustomerID: is empty"),
        "{}",
        printed.notes
    );
    assert_eq!(printed.summary()["refused"], 1);
    assert_eq!(
        office.booked().await,
        [
            "13047 2010-12-03 0 GBP",
            "17850 2010-12-01 2208 GBP",
            "17850 2010-12-02 -255 GBP",
        ]
    );
    // One wrong line refuses its order: a part of it would be a wrong sum.
    let wrong = ONLINE_RETAIL.replace("700001,A2,Mug blue,2", "700001,A2,Mug blue,two");
    let other = Office::open().await;
    let printed = other
        .import(
            "transactions",
            ("retail.csv", wrong),
            &["--preset", "online-retail"],
        )
        .await;
    assert_eq!(printed.summary()["refused"], 3, "{}", printed.notes);
    assert!(
        printed.notes.contains("with 1 more of its order"),
        "{}",
        printed.notes
    );
    assert_eq!(other.booked().await.len(), 2);
    let rejected = std::fs::read_to_string(other.path("retail.rejected.csv")).unwrap();
    assert_eq!(rejected.lines().count(), 4, "{rejected}");
}
