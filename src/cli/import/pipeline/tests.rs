//! Imports against a server of our own that keeps facts in memory and can be told to be away.

mod streams;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::*;
use crate::cli::import::send::{Batch, fake};
use crate::cli::output::Captured;
use crate::cli::{Cli, Command};
use crate::pb;
use crate::pb::ingest_service_server::{IngestService, IngestServiceServer};

/// Facts by customer and id.
type Facts = HashMap<(String, String), pb::Transaction>;

#[derive(Default)]
struct Server {
    transactions: Mutex<Facts>,
    customers: Mutex<Vec<pb::CustomerPatch>>,
    contacts: Mutex<Vec<pb::Contact>>,
    /// How many calls are still answered UNAVAILABLE.
    away: AtomicU32,
    /// Number of facts of each call.
    calls: Mutex<Vec<usize>>,
    contracts: Mutex<Vec<pb::Contract>>,
    /// The calls, by their place, that are answered UNAVAILABLE.
    breaks: Mutex<Vec<usize>>,
    /// How many streams are still left without an answer.
    silent: AtomicU32,
}

fn result(outcome: Outcome) -> pb::ItemResult {
    pb::ItemResult {
        outcome: outcome.into(),
        ..Default::default()
    }
}

#[derive(Clone)]
struct Handle(Arc<Server>);

impl Handle {
    fn come_in(&self, facts: usize) -> Result<(), Status> {
        let mut calls = self.0.calls.lock().unwrap();
        let breaks = self.0.breaks.lock().unwrap().contains(&calls.len());
        calls.push(facts);
        let left = self.0.away.load(Ordering::SeqCst);
        if left == 0 && !breaks {
            return Ok(());
        }
        self.0.away.store(left.saturating_sub(1), Ordering::SeqCst);
        let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(1)));
        Err(Status::with_error_details(
            tonic::Code::Unavailable,
            "the database is away",
            details,
        ))
    }

    /// Refuses amounts of 666.00 and takes everything else.
    fn take(&self, position: usize, fact: pb::Transaction) -> pb::ItemResult {
        if fact.amount.as_ref().unwrap().amount_minor == 66_600 {
            return pb::ItemResult {
                outcome: Outcome::Refused.into(),
                violations: vec![pb::Violation {
                    field: format!("transactions[{position}].amount"),
                    description: "is not liked here".into(),
                    reason: "TEST".into(),
                }],
                ..Default::default()
            };
        }
        let key = (fact.customer_id.clone(), fact.transaction_id.clone());
        match self.0.transactions.lock().unwrap().insert(key, fact) {
            Some(_) => result(Outcome::Duplicate),
            None => result(Outcome::Written),
        }
    }
}

impl Handle {
    fn write(&self, batch: Batch) -> Result<Vec<pb::ItemResult>, Status> {
        let all_written = |facts: usize| vec![result(Outcome::Written); facts];
        match batch {
            Batch::Customers(batch) => {
                self.come_in(batch.customers.len())?;
                let results = all_written(batch.customers.len());
                self.0.customers.lock().unwrap().extend(batch.customers);
                Ok(results)
            }
            Batch::Transactions(batch) => {
                self.come_in(batch.transactions.len())?;
                let facts = batch.transactions.into_iter().enumerate();
                Ok(facts.map(|(at, fact)| self.take(at, fact)).collect())
            }
            Batch::Contacts(batch) => {
                self.come_in(batch.contacts.len())?;
                let results = all_written(batch.contacts.len());
                self.0.contacts.lock().unwrap().extend(batch.contacts);
                Ok(results)
            }
            Batch::Contracts(batch) => {
                self.come_in(batch.contracts.len())?;
                let results = all_written(batch.contracts.len());
                self.0.contracts.lock().unwrap().extend(batch.contracts);
                Ok(results)
            }
            Batch::Rates(_) => Err(Status::unimplemented("this server takes no rates")),
        }
    }
}

#[tonic::async_trait]
impl IngestService for Handle {
    async fn ingest_customers(
        &self,
        _: Request<pb::IngestCustomersRequest>,
    ) -> Result<Response<pb::IngestCustomersResponse>, Status> {
        Err(Status::unimplemented("an import sends streams"))
    }

    async fn ingest_transactions(
        &self,
        _: Request<pb::IngestTransactionsRequest>,
    ) -> Result<Response<pb::IngestTransactionsResponse>, Status> {
        Err(Status::unimplemented("an import sends streams"))
    }

    async fn ingest_contacts(
        &self,
        _: Request<pb::IngestContactsRequest>,
    ) -> Result<Response<pb::IngestContactsResponse>, Status> {
        Err(Status::unimplemented("an import sends streams"))
    }

    async fn ingest_rates(
        &self,
        _: Request<pb::IngestRatesRequest>,
    ) -> Result<Response<pb::IngestRatesResponse>, Status> {
        Err(Status::unimplemented("an import sends streams"))
    }

    async fn list_rates(
        &self,
        _: Request<pb::ListRatesRequest>,
    ) -> Result<Response<pb::ListRatesResponse>, Status> {
        Err(Status::unimplemented("this server knows no rates"))
    }

    async fn get_time_zone(
        &self,
        _: Request<pb::GetTimeZoneRequest>,
    ) -> Result<Response<pb::GetTimeZoneResponse>, Status> {
        let time_zone = "Europe/Berlin".to_owned();
        Ok(Response::new(pb::GetTimeZoneResponse { time_zone }))
    }

    async fn ingest_contracts(
        &self,
        _: Request<pb::IngestContractsRequest>,
    ) -> Result<Response<pb::IngestContractsResponse>, Status> {
        Err(Status::unimplemented("an import sends streams"))
    }

    type StreamFactsStream = fake::Answers;

    async fn stream_facts(
        &self,
        request: Request<tonic::Streaming<pb::StreamFactsRequest>>,
    ) -> Result<Response<Self::StreamFactsStream>, Status> {
        let left = self.0.silent.load(Ordering::SeqCst);
        if left > 0 {
            self.0.silent.store(left - 1, Ordering::SeqCst);
            return Ok(Response::new(Box::pin(tokio_stream::pending())));
        }
        let handle = self.clone();
        let write = move |batch| handle.write(batch);
        Ok(Response::new(fake::acknowledge(
            request.into_inner(),
            write,
        )))
    }
}

/// A server and a folder for files.
struct World {
    server: Arc<Server>,
    endpoint: String,
    folder: tempfile::TempDir,
}

/// What an import said.
struct Report {
    result: Result<(), CliError>,
    data: String,
    notes: String,
}

impl World {
    async fn new() -> Self {
        let server = Arc::new(Server::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let service = IngestServiceServer::new(Handle(Arc::clone(&server)));
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Self {
            server,
            endpoint,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, text: &[u8]) -> PathBuf {
        let path = self.folder.path().join("facts.csv");
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn import(&self, facts: &str, path: &Path, options: &str) -> Report {
        let path = path.to_str().unwrap();
        let line = [
            "patron",
            "import",
            facts,
            path,
            "--endpoint",
            &self.endpoint,
        ];
        let line = line.into_iter().chain(options.split_whitespace());
        let Command::Import(args) = Cli::try_parse_from(line).unwrap().command else {
            panic!("not an import");
        };
        let (mut output, data, notes) = Captured::output();
        let result = Box::pin(crate::cli::import::run(*args, &mut output)).await;
        Report {
            result,
            data: data.text(),
            notes: notes.text(),
        }
    }
}

#[tokio::test]
async fn an_import_in_batches_writes_every_row_and_a_second_one_adds_nothing() {
    let world = World::new().await;
    // Every row occurs with others of the same content.
    let rows = (0..2_500).map(|row| format!("c-{},2024-01-{:02},9.99", row % 40, row % 7 + 1));
    let rows: Vec<String> = std::iter::once("customer_id,date,amount".to_owned())
        .chain(rows)
        .collect();
    let path = world.file(rows.join("\n").as_bytes());
    let first = world
        .import("transactions", &path, "--currency EUR --json")
        .await;
    assert!(first.result.is_ok(), "{}", first.notes);
    let summary: serde_json::Value = serde_json::from_str(&first.data).unwrap();
    assert_eq!(summary["rows"], 2_500);
    assert_eq!(summary["written"], 2_500);
    assert_eq!(summary["duplicates"], 0);
    // Four lanes, each with customers of its own.
    let calls = world.server.calls.lock().unwrap().clone();
    assert_eq!(calls.len(), 4, "{calls:?}");
    assert_eq!(calls.iter().sum::<usize>(), 2_500);
    assert!(calls.iter().all(|&rows| rows <= 1_000), "{calls:?}");

    let second = world
        .import("transactions", &path, "--currency EUR --json")
        .await;
    let summary: serde_json::Value = serde_json::from_str(&second.data).unwrap();
    assert_eq!(summary["written"], 0);
    assert_eq!(summary["duplicates"], 2_500);
    assert_eq!(world.server.transactions.lock().unwrap().len(), 2_500);
}

#[tokio::test]
async fn refused_rows_are_listed_with_line_and_reason_and_written_to_a_file() {
    let world = World::new().await;
    let path = world.file(
        b"customer_id,date,amount\nc-1,2024-01-01,5\nc-2,01/02/2024,5\nc-3,2024-01-01,666\nc-4,2024-01-01\n\xff,2024-01-01,5\n",
    );
    let said = world.import("transactions", &path, "--currency EUR").await;
    assert!(matches!(said.result, Err(CliError::Reported)));
    assert_eq!(said.result.unwrap_err().exit_code(), 1);
    for part in [
        "line 3: date: \"01/02/2024\" is ambiguous",
        "line 4: amount: is not liked here",
        "line 5: has 2 cells, the header has 3",
        "line 6: is not UTF-8",
    ] {
        assert!(said.notes.contains(part), "{part} in\n{}", said.notes);
    }
    let rejected = world.folder.path().join("facts.rejected.csv");
    assert!(said.data.contains("Written     1\n"), "{}", said.data);
    assert!(
        said.data
            .contains(&format!("4 (see {})", rejected.display()))
    );
    let bytes = std::fs::read(&rejected).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.starts_with("customer_id,date,amount,line,reason\n"));
    assert!(text.contains("c-3,2024-01-01,666,4,amount: is not liked here\n"));
    assert_eq!(text.lines().count(), 5);

    let path = world.file(b"customer_id,date,amount\nc-1,2024-01-01,5\n");
    let said = world.import("transactions", &path, "--currency EUR").await;
    assert!(said.result.is_ok());
    assert!(!rejected.exists());
}

#[tokio::test]
async fn a_dry_run_finds_the_same_problems_and_sends_nothing() {
    let world = World::new().await;
    let path = world.file(b"customer_id,date,amount\nc-1,2024-01-01,5\n,2024-01-01,x\n");
    let said = world
        .import("transactions", &path, "--currency EUR --dry-run --json")
        .await;
    assert!(matches!(said.result, Err(CliError::Reported)));
    assert!(said.notes.contains(
        "line 3: customer_id: is empty: see --guest-column; amount: \"x\" is not a number"
    ));
    let summary: serde_json::Value = serde_json::from_str(&said.data).unwrap();
    assert_eq!(summary["sound"], 1);
    assert_eq!(summary["written"], 0);
    assert_eq!(summary["refused"], 1);
    assert!(world.server.calls.lock().unwrap().is_empty());
    assert!(!world.folder.path().join("facts.rejected.csv").exists());
}

#[tokio::test]
async fn a_database_that_is_away_for_a_moment_is_asked_again() {
    let world = World::new().await;
    world.server.away.store(3, Ordering::SeqCst);
    let path = world.file(b"customer_id,date,amount\nc-1,2024-01-01,5\n");
    let said = world
        .import("transactions", &path, "--currency EUR --json")
        .await;
    assert!(said.result.is_ok(), "{}", said.notes);
    let summary: serde_json::Value = serde_json::from_str(&said.data).unwrap();
    assert_eq!(summary["retried_calls"], 3);
    assert_eq!(summary["written"], 1);
}

#[tokio::test]
async fn a_database_that_stays_away_ends_the_import_with_its_answer() {
    let world = World::new().await;
    world.server.away.store(u32::MAX, Ordering::SeqCst);
    let path = world.file(b"customer_id,date,amount\nc-1,2024-01-01,5\nc-1,never,5\n");
    let said = world.import("transactions", &path, "--currency EUR").await;
    let error = said.result.unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert_eq!(
        error.lines()[0],
        "error: the database is away (UNAVAILABLE)"
    );
    assert!(said.notes.contains("import the file again"));
    assert!(!world.folder.path().join("facts.rejected.csv").exists());
    assert_eq!(world.server.calls.lock().unwrap().len(), 10);
}

#[tokio::test]
async fn customers_and_contacts_take_the_same_way() {
    let world = World::new().await;
    let path = world.file(b"\xef\xbb\xbfcustomer_id;name;phone\nc-1;Ada;+49 30 23125001\n");
    let said = world
        .import("customers", &path, "--delimiter ; --kind company")
        .await;
    assert!(said.result.is_ok(), "{}", said.notes);
    let customers = world.server.customers.lock().unwrap().clone();
    assert_eq!(customers[0].display_name.as_deref(), Some("Ada"));
    assert_eq!(customers[0].kind(), pb::CustomerKind::Company);
    let path = world.file(b"customer_id,date\nc-1,2024-01-01T10:00:00Z\n");
    let said = world.import("contacts", &path, "--channel phone").await;
    assert!(said.result.is_ok(), "{}", said.notes);
    let contacts = world.server.contacts.lock().unwrap().clone();
    assert!(matches!(
        contacts[0].when,
        Some(pb::contact::When::OccurredTime(_))
    ));
}
