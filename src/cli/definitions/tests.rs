//! The commands over files, and over a server of our own that keeps what is published.

mod own_tests;

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use super::*;
use crate::cli::output::Captured;
use crate::pb::definition_service_server::{DefinitionService, DefinitionServiceServer};

const EXAMPLE: &str = include_str!("../../../examples/definitions.yaml");

/// Eight mistakes of six kinds.
const WRONG: &str = r#"value:
  currency: EUR
  horizon_months: 12
  monthly_discount: 1 %
  basis: revenue
  margin: 40 %
channels:
  phone: { cost: 7.50 EUR }
attributes:
  employees:
    family: firmographic
    type: number_of_people
    description: { en: Number of employees }
  branches: { family: firmographic, type: whole, description: { en: Branches } }
tiers:
  - { name: gold, at_least: 600 EUR }
  - { name: bronze }
schemes:
  size:
    mode: exclusive
    description: { en: How large they are }
    segments:
      - name: large
        title: { en: Large }
        when: branchs >= 250
      - name: active
        title: { en: Active }
        when: spend(days(365)) > 400
      - name: foreign
        title: { en: Foreign }
        when: clv > money("5000 USD")
      - name: talkative
        title: { en: Talkative }
        when: contacts(days(30), "fax") > 4
treatments:
  tiers:
    gold: { sla: { response: 1 h }, queue: service_plus }
    bronze: { sla: { response: 1 d }, queue: service, channels: [fax] }
    silver: { sla: { response: 4 h }, queue: service }
    UNRATED: { sla: { response: 8 h }, queue: first_contact, skils: [patience] }
"#;

#[derive(Default, Clone)]
struct Fake(Arc<Mutex<Vec<pb::Revision>>>);

impl Fake {
    async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tonic::transport::Server::builder()
            .add_service(DefinitionServiceServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        endpoint
    }
}

#[tonic::async_trait]
impl DefinitionService for Fake {
    async fn validate_definitions(
        &self,
        _: Request<pb::ValidateDefinitionsRequest>,
    ) -> Result<Response<pb::ValidateDefinitionsResponse>, Status> {
        Err(Status::unimplemented("the command line checks by itself"))
    }

    async fn publish_definitions(
        &self,
        request: Request<pb::PublishDefinitionsRequest>,
    ) -> Result<Response<pb::PublishDefinitionsResponse>, Status> {
        let pb::PublishDefinitionsRequest {
            document,
            note,
            expected_revision,
        } = request.into_inner();
        let active = self.0.lock().unwrap().len();
        if expected_revision.is_some_and(|it| usize::try_from(it).unwrap() != active) {
            return Err(Status::failed_precondition("another one is active"));
        }
        if note == "refuse" {
            let problem = pb::DefinitionProblem {
                line: 3,
                column: 5,
                reason: "NEW_RULE".into(),
                description: "only a later version refuses this".into(),
                ..Default::default()
            };
            return Ok(Response::new(pb::PublishDefinitionsResponse {
                revision: None,
                problems: vec![problem],
                ..Default::default()
            }));
        }
        let mut revisions = self.0.lock().unwrap();
        for known in revisions.iter_mut() {
            known.active = false;
        }
        let revision = pb::Revision {
            revision: i64::try_from(revisions.len()).unwrap() + 1,
            active: true,
            publish_time: Some(prost_types::Timestamp::default()),
            note,
            document,
        };
        revisions.insert(0, revision.clone());
        Ok(Response::new(pb::PublishDefinitionsResponse {
            revision: Some(revision),
            ..Default::default()
        }))
    }

    async fn rollback_definitions(
        &self,
        request: Request<pb::RollbackDefinitionsRequest>,
    ) -> Result<Response<pb::RollbackDefinitionsResponse>, Status> {
        let number = request.into_inner().revision;
        let mut revisions = self.0.lock().unwrap();
        for known in revisions.iter_mut() {
            known.active = known.revision == number;
        }
        let found = revisions.iter().find(|known| known.active).cloned();
        Ok(Response::new(pb::RollbackDefinitionsResponse {
            revision: Some(found.ok_or_else(|| Status::not_found("none"))?),
        }))
    }

    async fn get_revision(
        &self,
        request: Request<pb::GetRevisionRequest>,
    ) -> Result<Response<pb::GetRevisionResponse>, Status> {
        let number = request.into_inner().revision;
        let revisions = self.0.lock().unwrap();
        let asked =
            |known: &&pb::Revision| known.revision == number || (number == 0 && known.active);
        let built_in = pb::Revision {
            active: true,
            ..Default::default()
        };
        let found = revisions.iter().find(asked).cloned();
        Ok(Response::new(pb::GetRevisionResponse {
            revision: Some(found.unwrap_or(built_in)),
        }))
    }

    async fn list_revisions(
        &self,
        request: Request<pb::ListRevisionsRequest>,
    ) -> Result<Response<pb::ListRevisionsResponse>, Status> {
        // One revision a page, so that the client must turn pages.
        let skip: usize = request.into_inner().page_token.parse().unwrap_or(0);
        let revisions = self.0.lock().unwrap();
        let more = skip + 1 < revisions.len();
        Ok(Response::new(pb::ListRevisionsResponse {
            revisions: revisions.iter().skip(skip).take(1).cloned().collect(),
            next_page_token: if more {
                (skip + 1).to_string()
            } else {
                String::new()
            },
        }))
    }
}

/// Runs a command line; returns what it said on standard output and standard error, and how it ended.
async fn run_line(words: &[&str]) -> (String, String, Result<(), CliError>) {
    let line = ["patron", "definitions"].iter().chain(words);
    let parsed = crate::cli::Cli::try_parse_from(line).unwrap();
    let crate::cli::Command::Definitions(command) = parsed.command else {
        panic!("another command");
    };
    let (mut output, data, notes) = Captured::output();
    let result = run(&command, &mut output).await;
    (data.text(), notes.text(), result)
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[tokio::test]
async fn a_sound_file_is_summed_up_in_one_line() {
    let file = file(EXAMPLE);
    let path = file.path().to_str().unwrap();
    let (said, _, result) = run_line(&["check", path]).await;
    result.unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.starts_with(&format!("{path}: no problems: ")),
        "{said}"
    );
    assert!(said.contains(" 4 tiers, 4 schemes, "), "{said}");
    let (said, _, result) = run_line(&["check", path, "--json"]).await;
    result.unwrap();
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&json["sound"], &json["tiers"]), (&true.into(), &4.into()));
    assert_eq!(json["problems"], serde_json::json!([]));
}

#[tokio::test]
async fn all_mistakes_are_reported_at_once_with_line_column_and_caret() {
    let file = file(WRONG);
    let path = file.path().to_str().unwrap();
    let (said, notes, result) = run_line(&["check", path]).await;
    let error = result.unwrap_err();
    assert_eq!((error.exit_code(), error.lines().len()), (1, 0));
    assert!(notes.is_empty(), "{notes}");
    assert_eq!(
        said.replace(path, "f.yaml"),
        include_str!("tests/wrong.report.txt")
    );
    let (said, _, result) = run_line(&["check", path, "--json"]).await;
    assert_eq!(result.unwrap_err().exit_code(), 1);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(json["sound"], false);
    let problem = json["problems"].as_array().unwrap().iter();
    let places: Vec<(i64, i64, &str)> = problem
        .map(|one| {
            let number = |key: &str| one[key].as_i64().unwrap();
            (
                number("line"),
                number("column"),
                one["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(places.contains(&(25, 15, "UNKNOWN_NAME")), "{places:?}");
}

#[tokio::test]
async fn a_file_with_mistakes_never_reaches_a_server() {
    let file = file(WRONG);
    let path = file.path().to_str().unwrap();
    // Nobody listens there: the command would fail with another error if it called.
    let line = ["publish", path, "--endpoint", "http://127.0.0.1:1"];
    let (said, notes, result) = run_line(&line).await;
    assert!(matches!(result, Err(CliError::Reported)));
    assert!(said.is_empty(), "{said}");
    assert!(notes.contains("UNKNOWN_NAME"), "{notes}");
    assert!(notes.ends_with("error: nothing was published\n"), "{notes}");
}

#[tokio::test]
async fn revisions_are_published_listed_shown_and_rolled_back() {
    let endpoint = Fake::default().serve().await;
    let at = ["--endpoint", &endpoint];
    let with = |words: &[&'static str]| [words, &at[..]].concat();
    let (_, _, nothing) = run_line(&with(&["show"])).await;
    let nothing = nothing.unwrap_err();
    assert!(
        nothing.to_string().contains("no definitions are published"),
        "{nothing}"
    );

    let (first, second) = (file(EXAMPLE), file(&format!("{EXAMPLE}# changed\n")));
    for (file, note) in [(&first, "begin"), (&second, "change")] {
        let path = file.path().to_str().unwrap();
        let line = [&["publish", path, "--note", note], &at[..]].concat();
        run_line(&line).await.2.unwrap();
    }
    let path = first.path().to_str().unwrap();
    let late = [&["publish", path, "--expected-revision", "1"], &at[..]].concat();
    let refused = run_line(&late).await.2.unwrap_err();
    assert!(
        refused.to_string().contains("another one is active"),
        "{refused}"
    );
    let (said, _, _) = run_line(&with(&["list"])).await;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(
        lines[1].contains("2  active") && lines[1].ends_with("change"),
        "{said}"
    );
    assert!(
        !lines[2].contains("in force") && lines[2].ends_with("begin"),
        "{said}"
    );

    let (said, _, _) = run_line(&with(&["show", "1"])).await;
    assert_eq!(said, EXAMPLE);
    let (said, _, _) = run_line(&with(&["rollback", "1"])).await;
    assert_eq!(
        said,
        "revision 1 is active, published 1970-01-01T00:00:00Z: begin\n"
    );
    let (said, _, _) = run_line(&with(&["show", "--json"])).await;
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&json["revision"], &json["document"]),
        (&1.into(), &EXAMPLE.into())
    );
}

#[tokio::test]
async fn what_only_the_server_refuses_is_reported_too() {
    let endpoint = Fake::default().serve().await;
    let file = file(EXAMPLE);
    let path = file.path().to_str().unwrap();
    let line = ["publish", path, "--note", "refuse", "--endpoint", &endpoint];
    let (_, notes, result) = run_line(&line).await;
    assert!(matches!(result, Err(CliError::Reported)));
    assert!(
        notes.contains("3:5: NEW_RULE: only a later version"),
        "{notes}"
    );
}

#[tokio::test]
async fn the_language_is_printed_with_the_attributes_of_a_file() {
    let (said, _, _) = run_line(&["language"]).await;
    assert!(
        said.contains("orders(days(n))") && !said.contains("Attributes"),
        "{said}"
    );
    let file = file(EXAMPLE);
    let (said, _, result) = run_line(&["language", file.path().to_str().unwrap()]).await;
    result.unwrap();
    assert!(
        said.contains("Attributes") && said.contains("potential_class"),
        "{said}"
    );
}
