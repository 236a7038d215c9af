//! What is refused, warned of and guessed before anything is sent.

use std::process::Command;

use super::{Office, Printed};
use crate::support::program::{patron, run};

fn local(folder: &std::path::Path, text: &str, arguments: &[&str]) -> Printed {
    std::fs::write(folder.join("f.csv"), text).unwrap();
    let mut command: Command = patron();
    command.current_dir(folder).args(arguments);
    command.output().unwrap().into()
}

#[test]
fn two_columns_of_one_meaning_and_two_of_one_name_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let import = [
        "import",
        "transactions",
        "f.csv",
        "--currency",
        "EUR",
        "--dry-run",
    ];
    for (header, parts) in [
        (
            "customer_id,date,amount,total",
            &["\"amount\" and \"total\"", "--amount-column"][..],
        ),
        (
            "customer_id,customer,date,amount",
            &["\"customer_id\" and \"customer\"", "--customer-column"],
        ),
        (
            "customer_id,date,amount,amount",
            &["two columns \"amount\"", "the 3. and the 4."],
        ),
        ("customer_id,date,price", &["--amount-column"]),
    ] {
        let printed = local(folder.path(), &format!("{header}\n"), &import);
        assert_eq!(printed.code, Some(64), "{header}: {}", printed.notes);
        for part in parts {
            assert!(
                printed.notes.contains(part),
                "{header}: {part} in {}",
                printed.notes
            );
        }
    }
}

#[test]
fn a_column_that_may_decide_about_sales_is_warned_of_until_an_option_uses_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = "customer_id,date,amount,Order Status\nc,2026-01-01,5,cancelled\n";
    let import = [
        "import",
        "transactions",
        "f.csv",
        "--currency",
        "EUR",
        "--dry-run",
        "--endpoint",
        "127.0.0.1:1",
    ];
    let warned = local(folder.path(), text, &import);
    assert!(
        warned
            .notes
            .contains("warning: no option uses the column \"Order Status\""),
        "{}",
        warned.notes
    );
    assert!(warned.data.contains("Unused"), "{}", warned.data);
    for options in [
        ["--skip", "Order Status=Cancelled"],
        ["--ignore", "Order Status"],
    ] {
        let printed = local(folder.path(), text, &[&import[..], &options].concat());
        assert_eq!(printed.code, Some(0), "{}", printed.notes);
        assert!(!printed.notes.contains("warning"), "{}", printed.notes);
        let skipped =
            printed.data.contains("Skipped") && printed.data.contains("Order Status cancelled");
        assert_eq!(skipped, options[0] == "--skip", "{}", printed.data);
    }
}

#[test]
fn a_dry_run_shows_what_a_file_means_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let text = "customer_id,date,amount,note\na,2026-01-02,5.00,x\nb,2026-01-01T23:30:00Z,-2.50,y\na,2026-03-01,1,z\na,2026-02-01,1,\n";
    let import = [
        "import",
        "transactions",
        "f.csv",
        "--currency",
        "EUR",
        "--dry-run",
        "--endpoint",
        "127.0.0.1:1",
    ];
    let printed = local(folder.path(), text, &import);
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    for part in [
        "Valid       4 (dry run: nothing was sent)",
        "Customers   2",
        "Days        2026-01-01 to 2026-03-01",
        "Purchases   3: 7.00 EUR",
        "Refunds     1: 2.50 EUR",
        "First rows  line 2: a 2026-01-02 purchase 5.00 EUR",
        "Time zone",
        "Unused      note",
    ] {
        assert!(printed.data.contains(part), "{part} in\n{}", printed.data);
    }
}

#[test]
fn a_preset_can_be_explained_and_belongs_to_one_command() {
    let folder = tempfile::tempdir().unwrap();
    let explained = local(
        folder.path(),
        "a\n",
        &["import", "--preset", "shopify", "--explain"],
    );
    assert_eq!(explained.code, Some(0), "{}", explained.notes);
    assert!(
        explained.data.contains("--order-column Name"),
        "{}",
        explained.data
    );
    let wrong = local(
        folder.path(),
        "a\n",
        &["import", "customers", "f.csv", "--preset", "ecb"],
    );
    assert_eq!(wrong.code, Some(64));
    assert!(
        wrong.notes.contains("patron import rates --preset ecb"),
        "{}",
        wrong.notes
    );
}

#[tokio::test]
async fn inspect_prints_a_command_that_imports_what_it_showed() {
    let office = Office::open().await;
    let endpoint = &*office.service.app.endpoint();
    for (name, bytes, parts) in [
        (
            "plain.csv",
            &b"customer;date;amount\nM\xfcller;25/02/2026;1.250,50\n"[..],
            &["--delimiter ';'", "--encoding windows-1252", "--date-format %d/%m/%Y", "--decimal-comma", "--thousands .", "1250.50 EUR"][..],
        ),
        (
            "stripe.csv",
            b"id,Created (UTC),Amount,Amount Refunded,Currency,Status,Customer ID\npy_1,2026-02-01 23:30,\"1,299.00\",0.00,eur,Paid,cus_1\n",
            &["--preset stripe", "cus_1 2026-02-02 purchase 1299.00 EUR; id py_1"],
        ),
    ] {
        let path = office.path(name);
        std::fs::write(&path, bytes).unwrap();
        let printed: Printed = run(&["import", "inspect", &path, "--endpoint", endpoint]).await.into();
        assert_eq!(printed.code, Some(0), "{name}: {}", printed.notes);
        for part in parts {
            assert!(printed.data.contains(part), "{name}: {part} in\n{}", printed.data);
        }
    }
    assert!(office.booked().await.is_empty(), "nothing was sent");
    let unknown = office.path("unknown.csv");
    std::fs::write(&unknown, "x,y\n1,2\n").unwrap();
    let printed: Printed = run(&["import", "inspect", &unknown]).await.into();
    assert_eq!(printed.code, Some(1), "{}", printed.data);
}

#[tokio::test]
async fn the_exit_code_tells_one_customer_from_none_and_several_and_a_hint_finds_one() {
    use crate::support::messages::{patch, phone};

    let office = Office::open().await;
    let with_phone = |id: &str, number: &str| patron::pb::CustomerPatch {
        add_identifiers: vec![phone(number)],
        ..patch(id)
    };
    let patches = [
        with_phone("ada", "+493023125001"),
        with_phone("bob", "+493023125002"),
        with_phone("cem", "+493023125002"),
    ];
    office.service.write_customers(&patches).await;
    let endpoint = &*office.service.app.endpoint();
    for (command, subject, code, hint) in [
        ("classify", "ada", 0, ""),
        ("classify", "+493023125002", 2, ""),
        ("classify", "493023125001", 2, "write +493023125001"),
        ("classify", "dag", 2, ""),
        ("score", "ada", 0, ""),
        ("score", "dag", 2, ""),
    ] {
        let printed: Printed = run(&[command, subject, "--endpoint", endpoint])
            .await
            .into();
        assert_eq!(
            printed.code,
            Some(code),
            "{command} {subject}: {}",
            printed.notes
        );
        assert!(printed.notes.contains(hint), "{subject}: {}", printed.notes);
        assert_eq!(
            printed.notes.is_empty(),
            hint.is_empty(),
            "{}",
            printed.notes
        );
    }
}
