//! Kinds and names after an undoing: what others stated, or the default.

use patron::pb;
use tonic::Code;

use super::undo;
use crate::support::messages::{by_id, patch, purchase};
use crate::support::service::{Service, ServiceWithDatabase};

fn named(kind: pb::CustomerKind, name: Option<&str>) -> pb::CustomerPatch {
    pb::CustomerPatch {
        kind: kind.into(),
        display_name: name.map(str::to_owned),
        ..patch("ada")
    }
}

async fn send(service: &Service, import_id: &str, patch: pb::CustomerPatch) {
    let request = pb::IngestCustomersRequest {
        customers: vec![patch],
        import_id: import_id.to_owned(),
    };
    service.ingest().ingest_customers(request).await.unwrap();
}

async fn naming(service: &Service) -> (pb::CustomerKind, String) {
    let ada = service.customer("ada").await;
    (ada.kind(), ada.display_name)
}

#[tokio::test]
async fn a_customer_of_an_undone_import_with_facts_of_others_has_no_name_of_it() {
    use pb::CustomerKind::{Company, Person};
    let service = ServiceWithDatabase::start().await;
    send(&service, "wrong", named(Company, Some("Berlin"))).await;
    service
        .write(&[purchase("ada", "1", "2026-01-05", 100)])
        .await;
    undo(&service, "wrong", false).await.unwrap();
    assert_eq!(naming(&service).await, (Person, String::new()));
}

#[tokio::test]
async fn names_that_several_imports_stated_go_one_by_one() {
    use pb::CustomerKind::{Company, Employee, Person, Unspecified};
    let service = ServiceWithDatabase::start().await;
    send(&service, "a", named(Company, Some("A"))).await;
    send(&service, "b", named(Unspecified, Some("B"))).await;
    // States what is known already, and so does a further import.
    send(&service, "c", named(Company, None)).await;
    send(&service, "d", named(Unspecified, Some("B"))).await;
    undo(&service, "b", false).await.unwrap();
    assert_eq!(naming(&service).await, (Company, "B".to_owned()));
    undo(&service, "a", false).await.unwrap();
    assert_eq!(naming(&service).await, (Company, "B".to_owned()));
    undo(&service, "d", false).await.unwrap();
    assert_eq!(naming(&service).await, (Company, String::new()));
    send(&service, "e", named(Employee, Some("E"))).await;
    undo(&service, "c", false).await.unwrap();
    assert_eq!(naming(&service).await, (Employee, "E".to_owned()));
    send(&service, "", named(Person, None)).await;
    undo(&service, "e", false).await.unwrap();
    assert_eq!(naming(&service).await, (Person, String::new()));
}

#[tokio::test]
async fn a_customer_whom_an_import_and_a_call_name_stays() {
    let service = ServiceWithDatabase::start().await;
    send(&service, "a", patch("ada")).await;
    send(&service, "b", patch("ada")).await;
    undo(&service, "a", false).await.unwrap();
    assert!(service.find_customer(by_id("ada")).await.is_ok());
    let undone = undo(&service, "b", false).await.unwrap();
    assert_eq!(undone.removed_customer_count, 1);
    let gone = service.find_customer(by_id("ada")).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    // With a kind that the first fact stated.
    let company = pb::Transaction {
        customer_kind: pb::CustomerKind::Company.into(),
        ..purchase("ada", "1", "2026-01-05", 100)
    };
    let request = pb::IngestTransactionsRequest {
        transactions: vec![company],
        import_id: "c".to_owned(),
        ..Default::default()
    };
    service.ingest().ingest_transactions(request).await.unwrap();
    send(&service, "", patch("ada")).await;
    assert_eq!(naming(&service).await.0, pb::CustomerKind::Company);
    undo(&service, "c", false).await.unwrap();
    assert_eq!(naming(&service).await.0, pb::CustomerKind::Person);
}
