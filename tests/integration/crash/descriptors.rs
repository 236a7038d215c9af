//! Few descriptors: callers, probes and the database have theirs however many clients are idle.

use std::time::Duration;

use patron::pb;
use patron::pb::scoring_service_client::ScoringServiceClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::database::TestDatabase;
use crate::support::messages::by_id;
use crate::support::server::Server;
use crate::support::{PATIENCE, place};

/// Status line of a page.
async fn probe(address: &str, page: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {page} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_clients_never_take_the_descriptors_of_the_database_and_the_probes() {
    const DESCRIPTORS: u32 = 240;
    let database = TestDatabase::create().await;
    let place = place();
    let data = place.path().to_str().unwrap();
    let arguments = ["--database-url", &*database.url, "--data-dir", data];
    let server = Server::start_with_descriptors(DESCRIPTORS, &arguments);
    // Lazily connected: nothing of the database was asked for yet.
    let mut client = ScoringServiceClient::connect(server.endpoint.clone())
        .await
        .unwrap();
    let address = server.endpoint.trim_start_matches("http://");
    let mut idle = vec![];
    for _ in 0..2 * DESCRIPTORS {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let mut half_open = vec![];
    for _ in 0..2 * DESCRIPTORS {
        let mut socket = TcpStream::connect(&server.admin).await.unwrap();
        // It may be closed by now, for a newer one.
        let _ = socket.write_all(b"GET /livez HT").await;
        half_open.push(socket);
    }
    for round in 0..50 {
        let request = pb::ClassifyRequest {
            subject: Some(by_id(&format!("stranger-{round}"))),
            as_of: String::new(),
            ..Default::default()
        };
        client.classify(request).await.unwrap();
        let answer = timeout(PATIENCE, probe(&server.admin, "/readyz")).await;
        assert_eq!(answer.unwrap(), "HTTP/1.1 200 OK");
    }
    // Those for whom there was no room were closed at once, not left in the queue.
    let mut newest = idle.pop().unwrap();
    let read = timeout(Duration::from_secs(20), newest.read(&mut [0; 8])).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    let (status, said) = server.terminate();
    assert_eq!(status.code(), Some(0), "{said:#?}");
}
