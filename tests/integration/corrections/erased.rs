//! Customers who are erased: everything about them is deleted.

use patron::pb;
use patron::pb::item_result::Outcome;
use tonic::{Code, Status};

use super::moved::{orders, outcomes, purchase, send, send_as};
use super::undo;
use crate::support::messages::{by_email, by_id, call, contract, email, patch};
use crate::support::service::{Service, ServiceWithDatabase};

/// The tables in which a customer's id stands in any column. An id of hexadecimal digits would be found in random keys and owners too.
async fn tables_with(service: &ServiceWithDatabase, customer: &str) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations' ORDER BY 1",
    )
    .fetch_all(&service.pool)
    .await
    .unwrap();
    let mut found = vec![];
    for table in tables {
        let statement =
            format!("SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%' || $1 || '%'");
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(customer)
            .fetch_one(&service.pool)
            .await
            .unwrap();
        if rows > 0 {
            found.push(table);
        }
    }
    found
}

async fn erase(
    service: &Service,
    customer: &str,
    (allow_return, validate_only): (bool, bool),
) -> Result<pb::EraseCustomerResponse, Status> {
    let request = pb::EraseCustomerRequest {
        customer_id: customer.to_owned(),
        allow_return,
        validate_only,
    };
    let answer = service.corrections().erase_customer(request).await;
    answer.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn an_erased_customer_is_gone_from_every_table_and_does_not_come_back() {
    let service = ServiceWithDatabase::start().await;
    let zoe = pb::CustomerPatch {
        display_name: Some("Zoe".to_owned()),
        add_identifiers: vec![email("zoe@example.org")],
        ..patch("zoe")
    };
    service.write_customers(std::slice::from_ref(&zoe)).await;
    let order = purchase("zoe", "1", "2026-01-05", 100);
    send_as(&service, std::slice::from_ref(&order), "file").await;
    send(&service, &[purchase("zoe", "2", "2026-01-05", 100)]).await;
    send_as(
        &service,
        &[purchase("zoe", "3", "2026-01-05", 100)],
        "wrong",
    )
    .await;
    undo(&service, "wrong", false).await.unwrap();
    service
        .write_contacts(&[call("zoe", "1", "2026-01-05")])
        .await;
    service
        .write_contracts(&[contract("zoe", "1", "2026-01-05", 1, 900)])
        .await;

    let preview = erase(&service, "zoe", (false, true)).await.unwrap();
    assert_eq!((preview.transaction_count, preview.withdrawn_count), (2, 1));
    assert_eq!(orders(&service, "zoe").await, (2, 200));
    let erased = erase(&service, "zoe", (false, false)).await.unwrap();
    assert_eq!((erased.identifier_count, erased.contract_count), (1, 1));
    assert!(erased.erase_time.is_some());
    assert!(service.find_customer(by_id("zoe")).await.is_err());
    assert!(
        service
            .find_customer(by_email("zoe@example.org"))
            .await
            .is_err()
    );
    // Only the id is left, with the version and the time, and in the log of changes.
    assert_eq!(
        tables_with(&service, "zoe").await,
        ["change_log", "former_customers"]
    );
    let again = send(&service, std::slice::from_ref(&order)).await;
    assert_eq!(again[0].violations[0].reason, "CUSTOMER_ERASED");
    let request = pb::IngestCustomersRequest {
        customers: vec![zoe],
        ..Default::default()
    };
    let answer = service.ingest().ingest_customers(request).await.unwrap();
    let results = answer.into_inner().results;
    assert_eq!(results[0].violations[0].reason, "CUSTOMER_ERASED");
    // Others are not concerned, and may have the facts that were the customer's.
    let other = send(&service, &[purchase("bob", "1", "2026-01-05", 100)]).await;
    assert_eq!(outcomes(&other), [Outcome::Written]);

    let twice = erase(&service, "zoe", (false, false)).await.unwrap();
    assert_eq!(twice.erase_time, erased.erase_time);
    erase(&service, "zoe", (true, false)).await.unwrap();
    let results = send(&service, &[purchase("zoe", "4", "2026-01-05", 100)]).await;
    assert_eq!(outcomes(&results), [Outcome::Written]);
    assert_eq!(orders(&service, "zoe").await, (1, 100));
    let nobody = erase(&service, "nobody", (false, false)).await.unwrap_err();
    assert_eq!(nobody.code(), Code::NotFound);
}
