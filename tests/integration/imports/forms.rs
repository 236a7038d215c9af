//! Bytes, numbers and days as programs write them.

use super::Office;

#[tokio::test]
async fn german_excel_files_are_read_in_both_of_their_encodings() {
    let rows =
        "Kunde;Datum;Betrag\r\nM\u{fc}ller;03.02.2026;19,90\r\n\u{d8}ster;04.02.2026;20,10\r\n";
    let latin: Vec<u8> = format!("sep=;\r\n{rows}")
        .chars()
        .map(|letter| u8::try_from(u32::from(letter)).unwrap())
        .collect();
    let tabs = rows.replace(';', "\t");
    let utf_16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(tabs.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let office = Office::open().await;
    for (name, bytes) in [("excel.csv", latin), ("excel.txt", utf_16)] {
        let printed = office
            .import(
                "transactions",
                (name, bytes),
                &["--preset", "excel-de", "--source", name],
            )
            .await;
        assert_eq!(printed.code, Some(0), "{}", printed.notes);
        assert_eq!(printed.summary()["written"], 2);
    }
    // What is refused can be corrected and imported with the same options.
    let wrong: Vec<u8> = b"sep=;\r\nKunde;Datum;Betrag\r\nM\xfcller;30.02.2026;1,00\r\n".to_vec();
    let options = ["--preset", "excel-de", "--source", "again"];
    let printed = office
        .import("transactions", ("wrong.csv", wrong), &options)
        .await;
    assert_eq!(printed.code, Some(1));
    assert!(printed.notes.contains("line 3: Datum"), "{}", printed.notes);
    let rejected = std::fs::read_to_string(office.path("wrong.rejected.csv")).unwrap();
    let corrected = rejected.replace("30.02.", "28.02.");
    let printed = office
        .import("transactions", ("right.csv", corrected), &options)
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    assert_eq!(
        office.booked().await,
        [
            "M\u{fc}ller 2026-02-03 1990 EUR",
            "M\u{fc}ller 2026-02-03 1990 EUR",
            "M\u{fc}ller 2026-02-28 100 EUR",
            "\u{d8}ster 2026-02-04 2010 EUR",
            "\u{d8}ster 2026-02-04 2010 EUR",
        ]
    );
}

const NOISE: &str = "customer_id,date,amount\nk1,2026-03-01,118.22999999999999\nk1,2026-03-02,47.410000000000004\nk2,2026-03-03,118.234\n";

#[tokio::test]
async fn noise_is_no_digit_and_digits_are_rounded_only_where_asked() {
    let office = Office::open().await;
    let printed = office
        .import("transactions", ("noise.csv", NOISE), &["--currency", "EUR"])
        .await;
    assert_eq!(printed.code, Some(1));
    assert!(printed.notes.contains("--round"), "{}", printed.notes);
    let kept = ["k1 2026-03-01 11823 EUR", "k1 2026-03-02 4741 EUR"];
    assert_eq!(office.booked().await, kept);
    let rounded = office
        .import(
            "transactions",
            ("noise.csv", NOISE),
            &["--currency", "EUR", "--round"],
        )
        .await;
    assert_eq!(rounded.code, Some(0), "{}", rounded.notes);
    assert_eq!(office.booked().await[2], "k2 2026-03-03 11823 EUR");
}

#[tokio::test]
async fn a_column_of_every_currency_is_imported_at_once() {
    let office = Office::open().await;
    let table =
        "Date,USD,JPY,CYP,\n2026-05-04,1.0845,163.2,N/A,\n2007-12-31,1.4721,164.93,0.585274,\n";
    let printed = office
        .import("rates", ("eurofxref-hist.csv", table), &["--preset", "ecb"])
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    assert_eq!(printed.summary()["written"], 5);
    assert_eq!(printed.summary()["rows"], 2);
}

#[tokio::test]
async fn compressed_json_lines_and_standard_input_say_the_same_as_a_file() {
    use std::io::Write as _;
    use std::process::Stdio;

    let office = Office::open().await;
    let json = "{\"customer_id\": \"k1\", \"date\": 1772323200, \"amount\": \"5 \u{20ac}\"}\n";
    let zstd = zstd::encode_all(json.as_bytes(), 1).unwrap();
    let options = ["--date-format", "epoch", "--currency-in-cells"];
    let printed = office
        .import("transactions", ("facts.jsonl.zst", zstd), &options)
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    // 1772323200 is the midnight at which 1 March begins in UTC, in Berlin an hour into that day.
    assert_eq!(office.booked().await, ["k1 2026-03-01 500 EUR"]);
    let endpoint = office.service.app.endpoint();
    let mut command = crate::support::program::patron();
    command.current_dir(office.folder.path()).args([
        "import",
        "transactions",
        "-",
        "--form",
        "jsonl",
        "--json",
        "--endpoint",
        &endpoint,
    ]);
    let mut child = command
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(json.as_bytes()).unwrap();
    drop(stdin);
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
        .await
        .unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["duplicates"], 1);
}

#[tokio::test]
async fn rows_of_a_query_are_read_from_postgres() {
    let office = Office::open().await;
    let url = &*office.service.database.url;
    let query = "SELECT 'k' || n AS customer_id, timestamptz '2026-03-01 00:00+01' AS date, n * 1.5 AS amount, NULL AS channel, \
                 'O-' || n / 2 AS \"order\" FROM generate_series(1, 3) AS n;";
    let endpoint = &*office.service.app.endpoint();
    let line = [
        "import",
        "transactions",
        "--from-sql",
        url,
        "--query",
        query,
        "--currency",
        "EUR",
        "--json",
        "--endpoint",
        endpoint,
        "--ignore",
        "order",
        "--rejected",
        &office.path("rejected.csv"),
    ];
    let printed: super::Printed = crate::support::program::run(&line).await.into();
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    assert_eq!(printed.summary()["written"], 3);
    assert_eq!(office.booked().await[0], "k1 2026-03-01 150 EUR");
    // Lines of orders are read twice, also those of a query.
    let lines = [
        &line[..],
        &[
            "--order-column",
            "order",
            "--customer-column",
            "order",
            "--source",
            "lines",
        ],
    ]
    .concat();
    let printed: super::Printed = crate::support::program::run(&lines).await.into();
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    assert_eq!(printed.summary()["written"], 2);
    // The session can only read, and a query that fails is no empty file.
    for (query, part) in [
        ("DELETE FROM customers RETURNING customer_id", "read-only"),
        ("SELECT nothing", "nothing"),
    ] {
        let line = [
            "import",
            "transactions",
            "--from-sql",
            url,
            "--query",
            query,
            "--endpoint",
            endpoint,
        ];
        let printed: super::Printed = crate::support::program::run(&line).await.into();
        assert_ne!(printed.code, Some(0));
        assert!(printed.notes.contains(part), "{query}: {}", printed.notes);
    }
}

#[tokio::test]
async fn a_public_purchase_log_is_imported_without_a_refused_row() {
    let Some(shared) = crate::support::program::find_shared() else {
        eprintln!("not run: the data sets are not here");
        return;
    };
    let office = Office::open().await;
    let log = std::fs::read(shared.join("data/apparel_trans.csv")).unwrap();
    let options = [
        "--customer-column",
        "Id",
        "--amount-column",
        "Price",
        "--currency",
        "EUR",
    ];
    let printed = office
        .import("transactions", ("apparel_trans.csv", log), &options)
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    let summary = printed.summary();
    assert_eq!(
        (&summary["rows"], &summary["written"]),
        (&3_187.into(), &3_187.into())
    );
}
