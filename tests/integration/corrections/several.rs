//! Several imports undone: what stays depends on which, not on their order.

use patron::pb;

use super::{counts, undo};
use crate::rates::rate;
use crate::support::messages::{call, contract, purchase, refund};
use crate::support::service::{Service, ServiceWithDatabase};

async fn send(service: &Service, import_id: &str, transactions: Vec<pb::Transaction>) {
    let request = pb::IngestTransactionsRequest {
        transactions,
        import_id: import_id.to_owned(),
        ..Default::default()
    };
    service.ingest().ingest_transactions(request).await.unwrap();
}

/// A wrong purchase, contact and contract of one import, each corrected by the other.
async fn write_wrong_and_corrected(service: &Service) {
    service
        .write(&[purchase("ada", "1", "2026-01-01", 5_000)])
        .await;
    send(
        service,
        "wrong",
        vec![purchase("ada", "2", "2026-01-05", 7_000)],
    )
    .await;
    let contact = pb::IngestContactsRequest {
        contacts: vec![call("ada", "c", "2026-01-05")],
        import_id: "wrong".to_owned(),
        ..Default::default()
    };
    service.ingest().ingest_contacts(contact).await.unwrap();
    for (import_id, price) in [("wrong", 100), ("correction", 200)] {
        let terms = pb::IngestContractsRequest {
            contracts: vec![contract("ada", "k", "2026-01-01", 12, price)],
            import_id: import_id.to_owned(),
            ..Default::default()
        };
        service.ingest().ingest_contracts(terms).await.unwrap();
    }
    send(
        service,
        "correction",
        vec![refund("ada", "3", "2", "2026-01-07", 1_000)],
    )
    .await;
}

#[tokio::test]
async fn a_fact_that_was_kept_goes_with_the_import_that_corrected_it() {
    let service = ServiceWithDatabase::start().await;
    write_wrong_and_corrected(&service).await;
    let wrong = undo(&service, "wrong", false).await.unwrap();
    let wrong = wrong.import.unwrap();
    assert_eq!(
        counts(&wrong),
        [
            ("transaction", 1, 0, 1),
            ("contact", 1, 1, 0),
            ("contract", 1, 0, 1)
        ]
    );
    assert_eq!(service.customer("ada").await.purchase_days.len(), 2);
    let correction = undo(&service, "correction", false).await.unwrap();
    let ada = service.customer("ada").await;
    assert_eq!(ada.purchase_days.len(), 1);
    assert_eq!(ada.contracts.len(), 0);
    // It took two facts of the other import with it, which has none left.
    assert_eq!(
        counts(&correction.import.unwrap()),
        [("transaction", 1, 2, 0), ("contract", 1, 2, 0)]
    );
    let listed = service
        .corrections()
        .list_imports(pb::ListImportsRequest::default())
        .await;
    let listed = listed.unwrap().into_inner().imports;
    let wrong = listed.iter().find(|it| it.import_id == "wrong").unwrap();
    assert_eq!(
        counts(wrong),
        [
            ("transaction", 1, 1, 0),
            ("contact", 1, 1, 0),
            ("contract", 1, 1, 0)
        ]
    );
}

#[tokio::test]
async fn imports_undone_at_the_same_time_leave_nothing_of_each_other() {
    let service = ServiceWithDatabase::start().await;
    write_wrong_and_corrected(&service).await;
    let (one, other) = tokio::join!(
        undo(&service, "wrong", false),
        undo(&service, "correction", false)
    );
    one.unwrap();
    other.unwrap();
    let ada = service.customer("ada").await;
    assert_eq!(
        (ada.purchase_days.len(), ada.contracts.len()),
        (1, 0),
        "{ada:?}"
    );
}

async fn current_rate(service: &Service) -> Option<String> {
    let request = pb::ListRatesRequest::default();
    let answer = service.ingest().list_rates(request).await.unwrap();
    let rates = answer.into_inner().rates.into_iter();
    let mut current = rates.filter(|it| it.current);
    current.next().map(|it| it.rate.unwrap().rate)
}

#[tokio::test]
async fn the_rate_of_a_day_is_the_last_that_was_not_undone_in_every_order() {
    let stated = [("", "0.5"), ("a", "0.6"), ("b", "0.7"), ("c", "0.8")];
    let orders = [
        (["a", "b"], Some("0.8")),
        (["b", "a"], Some("0.8")),
        (["a", "c"], Some("0.7")),
        (["c", "a"], Some("0.7")),
        (["b", "c"], Some("0.6")),
        (["c", "b"], Some("0.6")),
    ];
    for (order, expected) in orders {
        let service = ServiceWithDatabase::start().await;
        for (import_id, value) in stated {
            let request = pb::IngestRatesRequest {
                rates: vec![rate("USD", "EUR", ("2026-01-01", value))],
                import_id: import_id.to_owned(),
            };
            service.ingest().ingest_rates(request).await.unwrap();
        }
        for import_id in order {
            undo(&service, import_id, false).await.unwrap();
        }
        assert_eq!(
            current_rate(&service).await.as_deref(),
            expected,
            "{order:?}"
        );
        let last = ["a", "b", "c"].into_iter().find(|it| !order.contains(it));
        undo(&service, last.unwrap(), false).await.unwrap();
        assert_eq!(current_rate(&service).await.as_deref(), Some("0.5"));
    }
}
