//! The demo against a server of our own that remembers what it is sent and answers gold for everybody.

mod fake;
mod ingest;
mod models;

use jiff::civil::date;

use self::fake::Fake;
use super::*;
use crate::cli::output::Captured;

fn options(seed: u64, as_of: Date) -> DemoOptions {
    DemoOptions {
        seed,
        customers: 500,
        as_of,
    }
}

#[tokio::test]
async fn a_first_run_loads_fits_and_prints_and_a_later_one_only_prints() {
    let fake = Fake::default();
    let endpoint = fake.serve().await;
    let (mut output, data, _) = Captured::output();
    let first = options(1, date(2024, 6, 30));
    let report = run_demo(&endpoint, None, first, &mut output).await.unwrap();
    let loaded = report.loaded.unwrap();
    assert!(loaded.written > 2_000, "{loaded:?}");
    assert_eq!(loaded.duplicates, 0);
    assert!(report.fitted);
    assert!(report.published);
    assert_eq!(report.everybody.tiers.rated(), 500);
    let everybody = &report.everybody;
    assert_eq!(everybody.segments.members("profitability/profitable"), 500);
    let said = data.text();
    assert!(said.contains("123.45 EUR"), "{said}");
    let commands = said.lines().filter(|line| line.contains(&endpoint));
    // Nobody holds the second tier of this server, so nobody is shown what the next better one takes.
    assert_eq!(commands.count(), 6, "{said}");

    let writes = fake.writes();
    let later = options(1, date(2024, 7, 15));
    let report = run_demo(&endpoint, None, later, &mut output).await.unwrap();
    assert_eq!(report.options, first);
    assert_eq!((report.loaded, report.fitted), (None, false));
    assert!(!report.published);
    assert_eq!(fake.writes(), writes);

    let other = run_demo(&endpoint, None, options(2, first.as_of), &mut output).await;
    let error = other.unwrap_err();
    assert!(error.to_string().contains("another population"), "{error}");
}

#[tokio::test]
async fn an_interrupted_load_is_finished_with_the_same_population_on_another_day() {
    let fake = Fake::default();
    let endpoint = fake.serve().await;
    let (mut output, _, _) = Captured::output();
    let first = options(1, date(2024, 6, 30));
    fake.0.lock().unwrap().last_write = Some(4);
    let stopped = run_demo(&endpoint, None, first, &mut output).await;
    assert!(matches!(stopped, Err(CliError::Rpc { .. })));
    fake.0.lock().unwrap().last_write = None;
    let later = options(1, date(2024, 7, 15));
    let report = run_demo(&endpoint, None, later, &mut output).await.unwrap();
    assert_eq!(report.options, first);
    let loaded = report.loaded.unwrap();
    // The note, the rates, 500 customers and, of the transactions that were under way together, the first batch had arrived: a little less
    // than 1,000, since it ends with a customer. Others may have been on their way.
    let transactions = loaded.duplicates - 501 - foreign_currency::rates(first).len();
    assert!(transactions >= 950, "{transactions}");
    assert!(loaded.written > 0);
}

#[tokio::test]
async fn the_check_calls_everything_and_names_every_wrong_answer() {
    let fake = Fake::default();
    let endpoint = fake.serve().await;
    let (mut output, data, _) = Captured::output();
    let empty = check::check(&endpoint, &mut output).await.unwrap_err();
    assert!(
        empty
            .to_string()
            .contains("the demo on the server is incomplete")
    );
    run_demo(&endpoint, None, options(1, date(2024, 6, 30)), &mut output)
        .await
        .unwrap();
    let error = check::check(&endpoint, &mut output).await.unwrap_err();
    let (said, wrong) = (data.text(), error.to_string());
    for rpc in [
        "IngestCustomers",
        "IngestContacts",
        "ListModels",
        "GetRevision",
    ] {
        assert!(said.contains(&format!("ok    {rpc}: ")), "{rpc} in\n{said}");
        assert!(!wrong.contains(rpc), "{rpc} in\n{wrong}");
    }
    for rpc in [
        "IngestTransactions",
        "GetCustomer",
        "FitModel",
        "GetModel",
        "ActivateModel",
        "Classify",
        "BatchClassify",
        "ScoreLifetimeValue",
        "BatchScoreLifetimeValue",
        "ValidateDefinitions",
        "PublishDefinitions",
        "ListRevisions",
        "RollbackDefinitions",
        "ExplainSegment",
    ] {
        assert!(said.contains(&format!("WRONG {rpc}: ")), "{rpc} in\n{said}");
        assert!(wrong.contains(&format!("\n  {rpc}: ")), "{rpc} in\n{wrong}");
    }
    assert_eq!(error.exit_code(), 1);
}
