//! Files that `patron import inspect` has to make something of, whatever their columns are called.

use super::{Office, Printed};
use crate::support::program::{find_shared, patron, run};

/// Inspects a file. Its command is that of the program under test, as a shell runs it.
async fn inspect(office: &Office, path: &str) -> (Printed, Option<String>) {
    let endpoint = office.service.app.endpoint();
    let line = ["import", "inspect", path, "--endpoint", &endpoint];
    let printed: Printed = run(&line).await.into();
    let mut lines = printed.data.lines();
    let command = lines.find_map(|line| line.strip_prefix("Command").map(str::trim));
    let program = patron().get_program().to_string_lossy().into_owned();
    let command = command.and_then(|command| command.strip_prefix("patron "));
    let command =
        command.map(|command| format!("{program} {command} --json --endpoint {endpoint}"));
    (printed, command)
}

/// Runs a command as a person pastes it.
async fn paste(office: &Office, command: String) -> Printed {
    let folder = office.folder.path().to_owned();
    let ran = tokio::task::spawn_blocking(move || {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &command]).current_dir(folder).output()
    });
    ran.await.unwrap().unwrap().into()
}

#[tokio::test]
async fn a_file_is_read_by_what_stands_in_its_columns() {
    let office = Office::open().await;
    for (name, text, parts) in [
        (
            "log.csv",
            "Id,Date,Price\n1,2005-01-02,230.3\n1,2005-09-06,84.39\n2,2006-01-18,131.07\n",
            &[
                "--customer-column Id --amount-column Price",
                "line 2: 1 2005-01-02 purchase 230.30 EUR",
            ][..],
        ),
        (
            "covariates.csv",
            "Id,Cov.Date,High.Season\n1,2005-01-02,0\n1,2005-01-09,1\n",
            &[
                "import customers",
                "--observed-column Cov.Date",
                "'high_season=High.Season:int'",
            ],
        ),
        (
            "midnight.csv",
            "customer_id,since,seen\nk1,2026-03-01T00:00:00+01:00,2026-11-21T00:30:00+01:00\n",
            &["since 2026-03-01", "seen 2026-11-21"],
        ),
        (
            "orders.csv",
            "Order ID,Email,Created,Total,Currency\nA-1,a@example.org,3/14/2026 4:05 PM,5.00,CHF\n",
            &[
                "--customer-by email --unknown-customer create",
                "--date-format '%m/%d/%Y %I:%M %p'",
                "--id-column 'Order ID'",
                "purchase 5.00 CHF; id A-1",
            ],
        ),
        (
            "people.csv",
            "Kundennummer;Vorname;Nachname;E-Mail;Mobil;Punkte\n007;Ada;Ahrens;ada@example.org;+49 30 23125001;12\n",
            &[
                "--customer-column Kundennummer",
                "name Ada Ahrens",
                "+493023125001 ada@example.org",
                "punkte 12",
            ],
        ),
    ] {
        let path = office.path(name);
        std::fs::write(&path, text).unwrap();
        let (printed, command) = inspect(&office, &path).await;
        let said = format!("{}\n{}", printed.data, printed.notes);
        assert_eq!(printed.code, Some(0), "{name}: {said}");
        for part in parts {
            let part = part.trim_matches('\'');
            assert!(
                said.replace('\'', "").contains(&part.replace('\'', "")),
                "{name}: {part} in\n{said}"
            );
        }
        assert!(
            office.booked().await.is_empty() || name != "log.csv",
            "nothing was sent"
        );
        let imported = paste(&office, command.unwrap()).await;
        assert_eq!(imported.code, Some(0), "{name}: {}", imported.notes);
        assert_eq!(
            imported.summary()["written"],
            text.lines().count() - 1,
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_a_file_lacks_is_stated() {
    let office = Office::open().await;
    for (text, reason) in [
        ("x,y\n1,2\n", "no column looks like the id of a customer"),
        (
            "cust,date\n1,2006-01-01\n2,2006-01-01\n2,2006-12-19\n",
            "every purchase needs one",
        ),
        (
            "date,amount\n2006-01-01,5\n",
            "no column looks like the id or the address of a customer",
        ),
    ] {
        let path = office.path("unknown.csv");
        std::fs::write(&path, text).unwrap();
        let (printed, command) = inspect(&office, &path).await;
        assert_eq!((printed.code, command), (Some(1), None), "{}", printed.data);
        assert!(printed.notes.contains(reason), "{}", printed.notes);
    }
}

#[tokio::test]
async fn every_shared_case_and_public_log_is_understood() {
    let Some(shared) = find_shared() else {
        eprintln!("not run: the data sets are not here");
        return;
    };
    let office = Office::open().await;
    for (file, rows) in [
        ("data/apparel_trans.csv", 3_187),
        ("data/cdnow_sample_log.csv", 6_919),
        ("cases/imports/local_midnight.csv", 2),
        ("cases/imports/zendesk_tickets.csv", 3),
    ] {
        let from = shared.join(file);
        let path = office.path(from.file_name().unwrap().to_str().unwrap());
        std::fs::copy(&from, &path).unwrap();
        let (printed, command) = inspect(&office, &path).await;
        assert_eq!(printed.code, Some(0), "{file}: {}", printed.notes);
        let imported = paste(&office, command.unwrap()).await;
        assert_eq!(imported.code, Some(0), "{file}: {}", imported.notes);
        let summary = imported.summary();
        let facts = summary["written"].as_u64().unwrap() + summary["duplicates"].as_u64().unwrap();
        assert_eq!(facts, rows, "{file}");
    }
}
