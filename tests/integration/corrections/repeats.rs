//! Facts that several imports sent stay until the last of these is undone.

use patron::pb;
use patron::pb::item_result::Outcome;
use tonic::Code;

use super::{DOCUMENT, answers, counts, undo, write_known, wrong_file};
use crate::support::messages::{by_id, purchase, reason};
use crate::support::service::{Service, ServiceWithDatabase};

async fn send(service: &Service, import_id: &str, id: &str) -> Outcome {
    let request = pb::IngestTransactionsRequest {
        transactions: vec![purchase("eve", id, "2026-06-04", 100)],
        import_id: import_id.to_owned(),
        ..Default::default()
    };
    let answer = service.ingest().ingest_transactions(request).await.unwrap();
    answer.into_inner().results[0].outcome()
}

#[tokio::test]
async fn a_file_that_was_imported_twice_is_gone_when_both_are_undone() {
    for order in [["first", "second"], ["second", "first"]] {
        let service = ServiceWithDatabase::start().await;
        write_known(&service).await;
        service.publish(DOCUMENT).await;
        let before = answers(&service).await;
        let file = wrong_file();
        file.send(&service, "first").await.unwrap();
        let imported = answers(&service).await;
        let outcomes = file.send(&service, "second").await.unwrap();
        assert!(
            outcomes.iter().all(|it| *it == Outcome::Duplicate),
            "{outcomes:?}"
        );
        let undone = undo(&service, order[0], false).await.unwrap();
        if order[0] == "first" {
            assert_eq!(
                counts(&undone.import.unwrap()),
                [
                    ("transaction", 5, 0, 5),
                    ("contact", 2, 0, 2),
                    ("contract", 2, 0, 2),
                    ("customer", 3, 0, 0),
                    ("rate", 2, 0, 2),
                    ("attribute", 0, 0, 3),
                    ("identifier", 0, 0, 3),
                ]
            );
        }
        assert_eq!(answers(&service).await, imported, "{order:?}");
        let undone = undo(&service, order[1], false).await.unwrap();
        assert_eq!(undone.removed_customer_count, 2, "{order:?}");
        assert_eq!(answers(&service).await, before, "{order:?}");
        let checked = service
            .customers()
            .check_profiles(pb::CheckProfilesRequest::default())
            .await;
        assert_eq!(checked.unwrap().into_inner().differences, vec![]);
    }
}

#[tokio::test]
async fn what_a_call_without_an_import_repeats_stays_for_good() {
    let service = ServiceWithDatabase::start().await;
    assert_eq!(send(&service, "a", "1").await, Outcome::Written);
    assert_eq!(send(&service, "", "1").await, Outcome::Duplicate);
    assert_eq!(send(&service, "b", "1").await, Outcome::Duplicate);
    for import_id in ["a", "b"] {
        // The second of them repeated what stays anyway, so it is no import.
        if let Err(refused) = undo(&service, import_id, false).await {
            assert_eq!(reason(&refused), "IMPORT_NOT_FOUND");
            assert_eq!(import_id, "b");
        }
        assert_eq!(service.customer("eve").await.purchase_days[0].count, 1);
    }
}

#[tokio::test]
async fn a_repetition_in_the_same_import_is_undone_with_it() {
    let service = ServiceWithDatabase::start().await;
    for _ in 0..2 {
        send(&service, "a", "1").await;
    }
    undo(&service, "a", false).await.unwrap();
    let gone = service.find_customer(by_id("eve")).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    // An undone import takes no repetitions either.
    send(&service, "b", "1").await;
    let request = pb::IngestTransactionsRequest {
        transactions: vec![purchase("eve", "1", "2026-06-04", 100)],
        import_id: "a".to_owned(),
        ..Default::default()
    };
    let refused = service.ingest().ingest_transactions(request).await;
    assert_eq!(reason(&refused.unwrap_err()), "IMPORT_UNDONE");
}

#[tokio::test]
async fn notes_of_an_export_that_comes_every_night_do_not_grow() {
    let service = ServiceWithDatabase::start().await;
    let night = |number: usize| format!("night-{number}");
    for number in 0..8 {
        send(&service, &night(number), "1").await;
        send(&service, &night(number), "1").await;
    }
    let notes: Vec<i64> = sqlx::query_scalar("SELECT import FROM import_repeats ORDER BY import")
        .fetch_all(&service.pool)
        .await
        .unwrap();
    assert_eq!(notes.len(), 4, "{notes:?}");
    assert_eq!(notes[0], 0, "it stays for good: {notes:?}");
    for number in 0..4 {
        undo(&service, &night(number), false).await.unwrap();
    }
    assert_eq!(service.customer("eve").await.purchase_days[0].count, 1);
}
