//! An undoing in steps, and by the program.

use patron::pb;
use patron::pb::import::State;
use tonic::{Code, Request};

use super::{counts, undo};
use crate::support::PATIENCE;
use crate::support::messages::{by_id, purchase};
use crate::support::program::{run, run_json};
use crate::support::service::ServiceWithDatabase;

#[tokio::test]
async fn an_undoing_that_was_interrupted_goes_on_where_it_stopped() {
    let service = ServiceWithDatabase::start().await;
    let transactions: Vec<pb::Transaction> = (0..700)
        .map(|at| purchase(&format!("c-{at:03}"), "1", "2026-01-05", 100))
        .collect();
    let request = pb::IngestTransactionsRequest {
        transactions,
        import_id: "large".to_owned(),
        ..Default::default()
    };
    service.ingest().ingest_transactions(request).await.unwrap();
    // A customer of the second slice is being written to for longer than the caller waits.
    let mut writer = service.pool.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(7, hashtext('c-600'))")
        .execute(&mut *writer)
        .await
        .unwrap();
    let mut request = Request::new(pb::UndoImportRequest {
        import_id: "large".to_owned(),
        validate_only: false,
    });
    request.set_timeout(PATIENCE / 10);
    let late = service
        .corrections()
        .undo_import(request)
        .await
        .unwrap_err();
    assert!(
        // The client's own clock may be first.
        matches!(
            late.code(),
            Code::DeadlineExceeded | Code::Unavailable | Code::Cancelled
        ),
        "{late:?}"
    );
    writer.rollback().await.unwrap();
    let listed = service
        .corrections()
        .list_imports(pb::ListImportsRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(listed.imports[0].state(), State::Undoing);
    assert_eq!(counts(&listed.imports[0]), [("transaction", 700, 500, 0)]);
    let undone = undo(&service, "large", false).await.unwrap();
    assert_eq!(undone.customer_count, 200);
    assert_eq!(
        counts(&undone.import.unwrap()),
        [("transaction", 700, 700, 0)]
    );
    for at in [0, 499, 500, 699] {
        let gone = service.find_customer(by_id(&format!("c-{at:03}"))).await;
        assert_eq!(gone.unwrap_err().code(), Code::NotFound);
    }
}

#[tokio::test]
async fn a_run_of_patron_import_is_listed_and_undone_by_the_program() {
    let service = ServiceWithDatabase::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.csv");
    let rows = "customer_id,date,amount,id\nada,2026-01-05,10.00,1\nada,2026-01-05,-4.00,2\n";
    std::fs::write(&file, rows).unwrap();
    let endpoint = format!("http://{}", service.app.address);
    let file = file.to_str().unwrap();
    let import = [
        "import",
        "transactions",
        file,
        "--currency",
        "EUR",
        "--json",
        "--endpoint",
        &endpoint,
    ];
    let summary = run_json(&import).await;
    let id = summary["import_id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("orders.csv-"), "{id}");
    // The same file again writes nothing, and is an import too: what it repeats stays until it is undone as well.
    let again = run_json(&import).await;
    let listed = run_json(&["import", "list", "--json", "--endpoint", &endpoint]).await;
    let listed = listed["imports"].as_array().unwrap();
    let ids: Vec<&str> = listed
        .iter()
        .map(|it| it["importId"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [again["import_id"].as_str().unwrap(), &id]);
    let other = ids[0].to_owned();
    run_json(&["import", "undo", &other, "--json", "--endpoint", &endpoint]).await;
    let undone = run_json(&[
        "import",
        "undo",
        &id,
        "--dry-run",
        "--json",
        "--endpoint",
        &endpoint,
    ])
    .await;
    assert_eq!(
        (
            &undone["import"]["state"],
            &undone["import"]["counts"][0]["withdrawnCount"]
        ),
        (&"STATE_ACTIVE".into(), &"2".into())
    );
    let undone = run(&["import", "undo", &id, "--endpoint", &endpoint]).await;
    let page = String::from_utf8(undone.stdout).unwrap();
    assert!(page.contains("Withdrawn  2 transactions"), "{page}");
    let gone = service.find_customer(by_id("ada")).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}
