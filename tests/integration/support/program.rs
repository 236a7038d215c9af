//! The program itself, run as a shell would run it.

use std::path::PathBuf;
use std::process::{Command, Output};

/// A command of the program, without what the environment of the tests would tell it.
pub(crate) fn patron() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patron"));
    let told = std::env::vars_os().map(|(name, _)| name);
    for name in told.filter(|name| name.to_string_lossy().starts_with("PATRON_")) {
        command.env_remove(name);
    }
    command.env_remove("DATABASE_URL");
    command
}

/// Runs a client command against a server that may live in this process.
pub(crate) async fn run(arguments: &[&str]) -> Output {
    let mut command = patron();
    command.args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// Runs a client command that must succeed and returns the JSON that it prints.
pub(crate) async fn run_json(arguments: &[&str]) -> serde_json::Value {
    let output = run(arguments).await;
    let notes = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {notes}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The folder with whole data sets and their reference values: `PATRON_SHARED`, or the nearest `shared` with data beside or above the
/// checkout. They are too large for the repository; without them the tests on them say that they did not run.
pub(crate) fn find_shared() -> Option<PathBuf> {
    let named = std::env::var_os("PATRON_SHARED").map(PathBuf::from);
    let above = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let candidates = named.into_iter().chain(above.map(|it| it.join("shared")));
    let mut found = candidates.filter(|it| it.join("data/cdnow_sample_log.csv").is_file());
    found.next()
}
