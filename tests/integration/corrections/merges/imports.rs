//! Imports that are undone while customers are merged, and after.

use patron::pb;
use patron::pb::item_result::Outcome;

use super::super::undo;
use super::{NUMBER, assert_sound, city, merge, purchase, said, said_of_both, unmerge};
use crate::support::messages::{by_id, email, patch, phone};
use crate::support::service::{Service, ServiceWithDatabase, assert_outcomes};

/// Writes to both under an import.
async fn import(service: &Service, id: &str) {
    let import_id = || id.to_owned();
    let facts = pb::IngestTransactionsRequest {
        transactions: vec![
            purchase("ada", "w1", "2026-03-01", 77_700),
            purchase("ada-2", "w2", "2026-03-02", 88_800),
            purchase("ada-2", "2", "2026-02-05", 2_000),
        ],
        import_id: import_id(),
        ..Default::default()
    };
    let sent = service.ingest().ingest_transactions(facts).await.unwrap();
    assert_outcomes(&sent.into_inner().results[..2], Outcome::Written);
    let patches = pb::IngestCustomersRequest {
        customers: vec![pb::CustomerPatch {
            display_name: Some("Wrong".to_owned()),
            kind: pb::CustomerKind::Company.into(),
            add_identifiers: vec![email("wrong@example.org")],
            end_identifiers: vec![phone(NUMBER)],
            attributes: vec![city("Nowhere", "2026-03-01")],
            ..patch("ada-2")
        }],
        import_id: import_id(),
    };
    let sent = service.ingest().ingest_customers(patches).await.unwrap();
    assert_outcomes(&sent.into_inner().results, Outcome::Written);
}

/// Both, known before, with the number of both.
async fn start() -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[
            purchase("ada", "1", "2026-01-05", 1_000),
            purchase("ada-2", "2", "2026-02-05", 2_000),
        ])
        .await;
    let patches = ["ada", "ada-2"].map(|id| pb::CustomerPatch {
        display_name: Some(format!("Name of {id}")),
        add_identifiers: vec![phone(NUMBER)],
        attributes: vec![city("Berlin", "2026-02-01")],
        ..patch(id)
    });
    service.write_customers(&patches).await;
    service
}

#[tokio::test]
async fn what_was_imported_before_a_merge_is_undone_while_it_lasts() {
    let service = start().await;
    let apart = said_of_both(&service).await;
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    let together = said_of_both(&service).await;
    unmerge(&service, "ada-2", false).await.unwrap();
    import(&service, "wrong").await;
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    assert_ne!(said_of_both(&service).await, together);
    let undone = undo(&service, "wrong", false).await.unwrap();
    assert_eq!(
        (undone.customer_count, undone.removed_customer_count),
        (2, 0)
    );
    assert_eq!(said_of_both(&service).await, together);
    assert_sound(&service).await;
    unmerge(&service, "ada-2", false).await.unwrap();
    assert_eq!(said_of_both(&service).await, apart);
    assert_sound(&service).await;
}

#[tokio::test]
async fn what_was_imported_during_a_merge_is_undone_while_it_lasts_and_after() {
    for during in [true, false] {
        let service = start().await;
        let apart = said_of_both(&service).await;
        merge(&service, ("ada", "ada-2"), false).await.unwrap();
        let together = said_of_both(&service).await;
        import(&service, "wrong").await;
        assert_ne!(said_of_both(&service).await, together);
        if during {
            let preview = undo(&service, "wrong", true).await.unwrap();
            let undone = undo(&service, "wrong", false).await.unwrap();
            let counts = |undone: &pb::UndoImportResponse| undone.import.clone().unwrap().counts;
            assert_eq!(counts(&preview), counts(&undone));
            assert_eq!(said_of_both(&service).await, together);
            assert_sound(&service).await;
            unmerge(&service, "ada-2", false).await.unwrap();
        } else {
            unmerge(&service, "ada-2", false).await.unwrap();
            assert_sound(&service).await;
            undo(&service, "wrong", false).await.unwrap();
        }
        assert_eq!(said_of_both(&service).await, apart, "during: {during}");
        assert_sound(&service).await;
    }
}

#[tokio::test]
async fn a_customer_whom_only_an_import_named_stays_known_while_merged() {
    let service = start().await;
    let facts = pb::IngestTransactionsRequest {
        transactions: vec![purchase("new", "w", "2026-03-01", 100)],
        import_id: "wrong".to_owned(),
        ..Default::default()
    };
    service.ingest().ingest_transactions(facts).await.unwrap();
    let before = said(&service, by_id("ada"), None).await;
    merge(&service, ("ada", "new"), false).await.unwrap();
    let undone = undo(&service, "wrong", false).await.unwrap();
    assert_eq!(
        (undone.customer_count, undone.removed_customer_count),
        (1, 0)
    );
    assert_eq!(said(&service, by_id("ada"), None).await, before);
    assert_eq!(service.customer("new").await.customer_id, "ada");
    unmerge(&service, "new", false).await.unwrap();
    assert_eq!(service.customer("new").await.purchase_days, []);
    assert_sound(&service).await;
}
