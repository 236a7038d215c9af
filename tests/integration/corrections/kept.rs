//! What an undoing leaves alone: what was corrected since, and what others wrote.

use patron::pb;
use tonic::Code;

use super::{File, city, counts, undo, write_known, wrong_file};
use crate::support::messages::{by_id, call, contract, money, patch, phone, purchase, refund};
use crate::support::service::ServiceWithDatabase;

#[tokio::test]
async fn what_was_corrected_since_stays_and_is_counted() {
    let service = ServiceWithDatabase::start().await;
    write_known(&service).await;
    let file = wrong_file();
    file.send(&service, "wrong").await.unwrap();
    // A refund of a refund's purchase, a retraction, a later state, another value for the day, a number that ended, another name.
    service
        .write(&[refund("bob", "900", "101", "2026-07-01", 100)])
        .await;
    let retraction = pb::Contact {
        retracts_contact_id: "101".to_owned(),
        channel: String::new(),
        duration_seconds: None,
        cost: None,
        ..call("ada", "900", "2026-06-03")
    };
    service.write_contacts(&[retraction]).await;
    service
        .write_contracts(&[contract("ada", "100", "2026-02-01", 1, 6)])
        .await;
    let corrected = pb::CustomerPatch {
        display_name: Some("Ada Lovelace".to_owned()),
        end_identifiers: vec![phone("+4930999999")],
        attributes: vec![city("Paris", "2026-03-01")],
        ..patch("ada")
    };
    let named = pb::CustomerPatch {
        display_name: Some("Fay".to_owned()),
        ..patch("fay")
    };
    service.write_customers(&[corrected, named]).await;
    let undone = undo(&service, "wrong", false).await.unwrap();
    assert_eq!(
        counts(&undone.import.unwrap()),
        [
            ("transaction", 5, 4, 1),
            ("contact", 2, 1, 1),
            ("contract", 2, 1, 1),
            // The name that was given since stays, and the kind is as before.
            ("customer", 3, 1, 0),
            ("rate", 2, 2, 0),
            // What holds of a day or a number are the later statements, whether these are there or not.
            ("attribute", 0, 3, 0),
            ("identifier", 0, 3, 0),
        ]
    );
    // Eve goes; Fay has a name by now.
    assert_eq!(undone.removed_customer_count, 1);
    let ada = service.customer("ada").await;
    assert_eq!(ada.display_name, "Ada Lovelace");
    assert_eq!(ada.contact_days.len(), 1);
    assert_eq!(service.customer("fay").await.purchase_days.len(), 0);
    let bob = service.customer("bob").await;
    assert_eq!(bob.purchase_days[0].amount, Some(money(777_600, "EUR")));
}

#[tokio::test]
async fn a_customer_of_two_imports_goes_with_the_last_of_them() {
    let service = ServiceWithDatabase::start().await;
    let file = |id: &str| File {
        customers: vec![],
        transactions: vec![purchase("eve", id, "2026-06-04", 1)],
        contacts: vec![],
        contracts: vec![],
        rates: vec![],
    };
    for (import_id, id) in [("a", "1"), ("b", "2")] {
        let request = pb::IngestTransactionsRequest {
            transactions: file(id).transactions,
            import_id: import_id.to_owned(),
            ..Default::default()
        };
        service.ingest().ingest_transactions(request).await.unwrap();
    }
    undo(&service, "a", false).await.unwrap();
    assert_eq!(service.customer("eve").await.purchase_days[0].count, 1);
    undo(&service, "b", false).await.unwrap();
    let gone = service.find_customer(by_id("eve")).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    // Versions go on, so that no answer of before is taken for one of now.
    service
        .write(&[purchase("eve", "3", "2026-06-04", 1)])
        .await;
    assert_eq!(service.customer("eve").await.profile_version, 5);
}
