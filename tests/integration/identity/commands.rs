//! `patron token`, and tokens that commands bring.

use std::path::Path;
use std::process::Output;

use patron::pb;

use super::{known, service, wanted};
use crate::support::database::TestDatabase;
use crate::support::place;
use crate::support::program::{patron, run};
use crate::support::until;

/// Runs a command with variables.
async fn run_with(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = patron();
    command.args(arguments).envs(variables.iter().copied());
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A file with a token.
fn write(folder: &Path, token: &str) -> String {
    let file = folder.join("token");
    std::fs::write(&file, token).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_token_is_made_in_the_database_and_others_by_it() {
    let service = service().await;
    let url = [("DATABASE_URL", &*service.database.url)];
    let first = [
        "token",
        "create",
        "--direct",
        "--role",
        "operator",
        "--description",
        "first",
    ];
    let created = run_with(&first, &url).await;
    assert_eq!(created.status.code(), Some(0), "{}", text(&created.stderr));
    let token = text(&created.stdout).trim().to_owned();
    assert!(
        token.starts_with("patron_") && !token.contains('\n'),
        "{token}"
    );
    assert!(text(&created.stderr).contains("only time"));
    let (folder, endpoint) = (place(), service.app.endpoint());
    let file = write(folder.path(), &token);
    let at = ["--endpoint", &endpoint, "--token-file", &file];
    until("the service knows it", async || {
        run(&[&["token", "list"], &at[..]].concat())
            .await
            .status
            .success()
    })
    .await;
    let second = [
        "token",
        "create",
        "--role",
        "agent",
        "--description",
        "second",
        "--json",
    ];
    let created = run(&[&second, &at[..]].concat()).await;
    assert_eq!(created.status.code(), Some(0), "{}", text(&created.stderr));
    let created: serde_json::Value = serde_json::from_slice(&created.stdout).unwrap();
    let id = created["token"]["tokenId"].as_str().unwrap().to_owned();
    let listed = text(&run(&[&["token", "list"], &at[..]].concat()).await.stdout);
    assert!(
        listed.contains("second") && listed.contains(&id),
        "{listed}"
    );
    let (_, secret) = token.split_once('.').unwrap();
    assert!(!listed.contains(secret), "{listed}");
    let revoked = run(&[&["token", "revoke", &id], &at[..]].concat()).await;
    assert!(
        text(&revoked.stdout).starts_with("revoked: token"),
        "{revoked:?}"
    );
}

#[tokio::test]
async fn a_command_brings_its_token_by_file_or_variable() {
    let service = service().await;
    let token = known(&service, wanted(&[pb::Role::Importer])).await;
    let token = token.trim_start_matches("Bearer ");
    let endpoint = service.app.endpoint();
    let list = ["rates", "list", "--endpoint", &endpoint];
    let without = run(&list).await;
    assert_eq!(without.status.code(), Some(1));
    let notes = text(&without.stderr);
    assert!(
        notes.contains("UNAUTHENTICATED") && notes.contains("--token-file"),
        "{notes}"
    );
    let by_variable = run_with(&list, &[("PATRON_TOKEN", token)]).await;
    assert_eq!(
        by_variable.status.code(),
        Some(0),
        "{}",
        text(&by_variable.stderr)
    );
    let folder = place();
    let file = write(folder.path(), token);
    let by_file = run(&[&list[..], &["--token-file", &file]].concat()).await;
    assert_eq!(by_file.status.code(), Some(0), "{}", text(&by_file.stderr));
    // A stream brings it as well.
    let rows = folder.path().join("orders.csv");
    std::fs::write(&rows, "customer,time,amount,id\nanna,2026-01-02,10,t-1\n").unwrap();
    let import = [
        "import",
        "transactions",
        rows.to_str().unwrap(),
        "--currency",
        "EUR",
        "--customer-column",
        "customer",
        "--time-column",
        "time",
        "--amount-column",
        "amount",
        "--id-column",
        "id",
        "--endpoint",
        &endpoint,
        "--token-file",
        &file,
    ];
    let imported = run(&import).await;
    assert_eq!(
        imported.status.code(),
        Some(0),
        "{}",
        text(&imported.stderr)
    );
}

#[tokio::test]
async fn a_database_of_another_schema_is_refused() {
    let database = TestDatabase::create_empty().await;
    let list = ["token", "list", "--direct"];
    let refused = run_with(&list, &[("DATABASE_URL", &database.url)]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("patron migrate"),
        "{refused:?}"
    );
}
