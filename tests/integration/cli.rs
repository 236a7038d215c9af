//! The program as a shell sees it, where no server is needed: help, exit codes, what goes to which stream.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn patron(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_patron"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("PATRON_ENDPOINT")
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8")
}

/// An address where nobody listens: a port that was free a moment ago.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("a bound port has an address");
    format!("http://{address}")
}

#[test]
fn the_help_lists_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let output = patron(folder.path(), &["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stdout),
        "\
Who a customer is, what they are worth and how to treat them

Usage: patron <COMMAND>

Commands:
  serve           Run the server
  demo            Try everything on a generated customer base, on this machine, in one command
  migrate         Migrate an external database to the schema of this version; stop its server first
  import          Import customers, transactions, contacts, contracts or exchange rates from a file
  rates           List recorded exchange rates
  customer        Show stored customers
  model           Fit, backtest and activate value models
  definitions     Check, publish and show definitions: attributes, tiers, segments, treatments
  classify        Look up a customer: identity, tier, segments and treatment
  route           Route a call: who calls, and how to treat the call, whatever is known
  simulate        Try out definitions on recorded contacts
  explain         Explain why a customer is or is not in a segment or tier
  score           Estimate the lifetime value of a customer, or of every customer in a file
  cost-to-serve   Show what the contacts of a customer or a group cost, next to what they bring
  channel-policy  Keep, limit or redirect a channel of a customer, by what it costs and brings
  service         Run the service desk: figures, outcomes, tickets, topics
  token           Create, list and revoke the tokens of callers
  doctor          Check whether what is stored is consistent
  bench           Measure how fast a running server answers, at a given rate of calls
  api             Describe the API for other programs: OpenAPI, descriptors
  help            Print this message or the help of the given subcommand(s)

Options:
  -h, --help     Print help
  -V, --version  Print version

Start with `patron demo`. `patron help COMMAND` describes a command. Exit codes: 0 done, 1 failed, 2
not exactly one customer found, 64 wrong usage or configuration.
"
    );
}

#[test]
fn wrong_usage_exits_with_64_and_says_why_on_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f.csv"), "sample_id,date,dollars\n").unwrap();
    for (arguments, part) in [
        (&["classify"][..], "SUBJECT"),
        (&["classify", "+12"], "not a phone number"),
        (&["classify", "a", "--timeout", "soon"], "for example 10s"),
        (&["score", "--subjects", "none.csv"], "cannot open none.csv"),
        (&["classify", "a", "--endpoint", "ftp://h:1"], "scheme ftp"),
        (
            &["import", "transactions", "f.csv", "--currency", "EURO"],
            "not a currency",
        ),
        (
            &["import", "transactions", "f.csv", "--currency", "EUR"],
            "hint: set the column with --customer-column",
        ),
        (
            &[
                "import",
                "transactions",
                "f.csv",
                "--customer-column",
                "sampleid",
            ],
            "hint: did you mean \"sample_id\"?",
        ),
    ] {
        let output = patron(folder.path(), arguments);
        let notes = text(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {notes}");
        assert!(notes.starts_with("error: "), "{arguments:?}: {notes}");
        assert!(notes.contains(part), "{arguments:?}: {part} in {notes}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_variable_can_allow_other_addresses_by_any_usual_word() {
    let folder = tempfile::tempdir().unwrap();
    for (word, allowed) in [("1", true), ("true", true), ("0", false), ("off", false)] {
        // The filter cannot be read, so the server never starts.
        let output = Command::new(env!("CARGO_BIN_EXE_patron"))
            .args(["serve", "--listen", "0.0.0.0:0", "--log", "patron=loud"])
            .current_dir(folder.path())
            .env("PATRON_INSECURE", word)
            .output()
            .expect("the program starts");
        let notes = text(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{word}: {notes}");
        assert_eq!(!notes.contains("--listen"), allowed, "{word}: {notes}");
    }
}

#[test]
fn without_a_server_every_client_command_fails_with_1_and_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("f.csv"),
        "customer_id,date,amount\nc,2024-01-01,5\n",
    )
    .unwrap();
    let endpoint = nobody();
    for arguments in [
        &["classify", "c"][..],
        &["score", "c"],
        &["score", "--subjects", "f.csv", "--json"],
        &["customer", "show", "c"],
        &["model", "list"],
        &["model", "show"],
        &["model", "fit"],
        &["model", "activate", "1"],
        &["import", "transactions", "f.csv", "--currency", "EUR"],
    ] {
        let arguments = [arguments, &["--endpoint", &endpoint]].concat();
        let output = patron(folder.path(), &arguments);
        let notes = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {notes}");
        assert!(
            notes.starts_with(&format!("error: no server responds at {endpoint}")),
            "{notes}"
        );
        assert!(notes.contains("hint: start a server with `patron serve`"));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_dry_run_needs_no_server_and_reports_refused_rows() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("f.csv"),
        "customer_id,date,amount\nc,2024-01-01,5\nc,2024-01-01,\"1,234.50\"\n",
    )
    .unwrap();
    let arguments = [
        "import",
        "transactions",
        "f.csv",
        "--currency",
        "EUR",
        "--dry-run",
    ];
    let output = patron(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let notes = text(&output.stderr);
    assert!(
        notes.contains("line 3: amount: \"1,234.50\" has thousands separators"),
        "{notes}"
    );
    assert!(text(&output.stdout).contains("Valid       1 (dry run: nothing was sent)"));
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 1, "a dry run writes no file");
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f.csv"), "customer_id,date,amount\n").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_patron"))
        .args([
            "import",
            "transactions",
            "f.csv",
            "--currency",
            "EUR",
            "--dry-run",
        ])
        .current_dir(folder.path())
        .stdout(closed_pipe())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The writing end of a pipe whose reader is gone.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe can be made");
    drop(reader);
    writer.into()
}
