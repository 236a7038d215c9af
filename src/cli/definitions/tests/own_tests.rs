//! Tests that a file brings along.

use super::{EXAMPLE, WRONG, file, run_line};
use crate::cli::error::CliError;

/// The example, of which a test fails.
fn failing() -> String {
    EXAMPLE.replacen(
        "tier: bronze\n      segments",
        "tier: silver\n      segments",
        1,
    )
}

#[tokio::test]
async fn tests_of_a_file_are_run_and_a_failure_is_shown_where_it_is_expected() {
    let sound = file(EXAMPLE);
    let path = sound.path().to_str().unwrap();
    let (said, _, result) = run_line(&["test", path]).await;
    result.unwrap();
    assert!(
        said.ends_with(&format!("\n{path}: 5 tests passed\n")),
        "{said}"
    );
    assert_eq!(said.matches("ok     ").count(), 5, "{said}");

    let file = file(&failing());
    let path = file.path().to_str().unwrap();
    let (said, _, result) = run_line(&["test", path]).await;
    assert_eq!(result.unwrap_err().exit_code(), 1);
    let place = failing()
        .lines()
        .position(|line| line.trim() == "tier: silver")
        .unwrap()
        + 1;
    for part in [
        "FAILED visits that cost more",
        &format!("{path}:{place}:13: TEST_FAILED: "),
        "the tier is bronze, expected silver",
        "= help: the value is 40.00 EUR",
        &format!("{path}: 1 of 5 tests failed"),
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (said, _, result) = run_line(&["test", path, "--json"]).await;
    assert_eq!(result.unwrap_err().exit_code(), 1);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&4.into(), &1.into()));
    let failed = &json["tests"][2];
    assert_eq!(failed["passed"], false);
    assert_eq!(failed["problems"][0]["line"], place);
    assert_eq!(failed["problems"][0]["reason"], "TEST_FAILED");
    assert!(json["tests"][1].get("problems").is_none(), "{json}");

    // Neither a check nor a publication lets it through.
    let (said, _, result) = run_line(&["check", path]).await;
    assert_eq!(result.unwrap_err().exit_code(), 1);
    assert!(
        said.contains("TEST_FAILED") && said.ends_with(": 1 problem\n"),
        "{said}"
    );
    let line = ["publish", path, "--endpoint", "http://127.0.0.1:1"];
    let (_, notes, result) = run_line(&line).await;
    assert!(matches!(result, Err(CliError::Reported)));
    assert!(notes.contains("TEST_FAILED"), "{notes}");
}

#[tokio::test]
async fn a_file_without_tests_or_with_mistakes_does_not_pass() {
    let (without, _) = EXAMPLE.split_once("tests:\n").unwrap();
    let without = file(without);
    let (_, _, result) = run_line(&["test", without.path().to_str().unwrap()]).await;
    let error = result.unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().contains("has no tests"), "{error}");
    let wrong = file(WRONG);
    let path = wrong.path().to_str().unwrap();
    let (said, _, result) = run_line(&["test", path]).await;
    assert!(matches!(result, Err(CliError::Reported)));
    assert!(said.contains("UNKNOWN_NAME"), "{said}");
    let (said, _, result) = run_line(&["test", path, "--json"]).await;
    assert!(matches!(result, Err(CliError::Reported)));
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(json["tests"], serde_json::json!([]));
    assert!(!json["problems"].as_array().unwrap().is_empty(), "{json}");
}
