//! Streams that break, and a server that is not there.

use super::*;

#[tokio::test]
async fn a_stream_that_breaks_is_opened_again_and_its_batches_keep_their_order() {
    let world = World::new().await;
    // Contracts have one lane. The server refuses its 3rd and its 13th batch for a moment, when others are on their way behind them.
    *world.server.breaks.lock().unwrap() = vec![2, 12];
    let rows = (0..15_500).map(|row| format!("c-{row},{row},2024-01-01,yearly,5"));
    let header = "customer_id,contract_id,started_on,period,price".to_owned();
    let rows: Vec<String> = std::iter::once(header).chain(rows).collect();
    let path = world.file(rows.join("\n").as_bytes());
    let said = world
        .import("contracts", &path, "--currency EUR --json")
        .await;
    assert!(said.result.is_ok(), "{}", said.notes);
    let summary: serde_json::Value = serde_json::from_str(&said.data).unwrap();
    assert_eq!(summary["written"], 15_500);
    assert_eq!(summary["retried_calls"], 2);
    let contracts = world.server.contracts.lock().unwrap().clone();
    let ids: Vec<u32> = contracts
        .iter()
        .map(|contract| contract.contract_id.parse().unwrap())
        .collect();
    assert_eq!(ids, (0..15_500).collect::<Vec<u32>>());
}

#[tokio::test]
async fn a_server_that_acknowledges_nothing_in_time_is_asked_again() {
    let world = World::new().await;
    world.server.silent.store(2, Ordering::SeqCst);
    let path = world.file(b"customer_id,date,amount\nc-1,2024-01-01,5\n");
    let said = world
        .import(
            "transactions",
            &path,
            "--currency EUR --json --timeout 200ms",
        )
        .await;
    assert!(said.result.is_ok(), "{}", said.notes);
    let summary: serde_json::Value = serde_json::from_str(&said.data).unwrap();
    assert_eq!(summary["written"], 1);
    assert_eq!(summary["retried_calls"], 2);
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_said_before_a_row_is_read() {
    let world = World::new().await;
    let path = world.file(b"customer_id,date,amount\nc-1,never,5\n");
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let lonely = World {
        endpoint: gone,
        ..world
    };
    let said = lonely.import("transactions", &path, "--currency EUR").await;
    assert!(matches!(said.result, Err(CliError::Unreachable { .. })));
    assert_eq!(said.notes, "");
}
