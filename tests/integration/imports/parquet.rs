//! Parquet files, written by another program: see `make.py` next to them.

use std::io::Write as _;
use std::process::Stdio;

use patron::pb::attribute_value::Value;

use super::{Office, Printed};
use crate::support::messages::by_id;

const ORDERS: &[u8] = include_bytes!("../../reference/parquet/orders.parquet");
const ZSTD: &[u8] = include_bytes!("../../reference/parquet/orders_zstd.parquet");
const GZIP: &[u8] = include_bytes!("../../reference/parquet/orders_gzip.parquet");
const NESTED: &[u8] = include_bytes!("../../reference/parquet/nested.parquet");
/// Of two columns, of which the first one is compressed with Snappy.
const BROTLI: &[u8] = include_bytes!("../../reference/parquet/brotli.parquet");
const LZ4: &[u8] = include_bytes!("../../reference/parquet/lz4.parquet");
const INT96: &[u8] = include_bytes!("../../reference/parquet/int96.parquet");

const OPTIONS: [&str; 8] = [
    "--currency",
    "EUR",
    "--id-column",
    "order",
    "--amount-column",
    "amount",
    "--ignore",
    "quantity",
];

#[tokio::test]
async fn decimals_and_times_of_parquet_files_are_read_as_they_are() {
    let office = Office::open().await;
    for (name, bytes) in [
        ("orders.parquet", ORDERS),
        // Known by its first bytes.
        ("orders.export", ZSTD),
        ("gzip.parquet", GZIP),
    ] {
        let options = [&OPTIONS[..], &["--source", name, "--time-column", "utc_ms"]].concat();
        let printed = office.import("transactions", (name, bytes), &options).await;
        assert_eq!(printed.code, Some(1));
        assert!(
            printed.notes.contains("line 4: amount: is empty"),
            "{}",
            printed.notes
        );
        let summary = printed.summary();
        assert_eq!(summary["rows"], 4);
        assert_eq!(summary["written"], 3, "{name}");
    }
    let three_times = [
        "17850 2026-01-01 1990 EUR",
        "17850 2026-01-01 1234567890123 EUR",
        "17851 2026-01-01 -5 EUR",
    ]
    .map(|row| [row; 3]);
    assert_eq!(office.booked().await, three_times.concat());
    let rejected = std::fs::read_to_string(office.path("orders.parquet.rejected.csv")).unwrap();
    let row = "17852,A-4,,0.0,47.41,2025-12-31T23:30:00Z,";
    assert!(rejected.contains(row), "{rejected}");
}

#[tokio::test]
async fn a_time_in_utc_is_an_instant_and_one_without_is_local() {
    let office = Office::open().await;
    for (column, day) in [
        ("utc_ms", "2026-01-01"),
        ("utc_us", "2026-01-01"),
        ("utc_ns", "2026-01-01"),
        ("local_ms", "2025-12-31"),
        ("local_us", "2025-12-31"),
        ("local_ns", "2025-12-31"),
    ] {
        for (name, bytes) in [("orders.parquet", ORDERS), ("zstd.parquet", ZSTD)] {
            let options = [&OPTIONS[..], &["--time-column", column, "--dry-run"]].concat();
            let printed = office.import("transactions", (name, bytes), &options).await;
            let summary = printed.summary();
            assert_eq!(summary["first_day"], day, "{column}");
            assert_eq!(summary["last_day"], day, "{column}");
        }
    }
}

#[tokio::test]
async fn numbers_days_and_truth_values_keep_their_types() {
    let office = Office::open().await;
    let options = [
        "--attribute",
        "paid=paid:bool",
        "--attribute",
        "quantity=quantity:int",
        "--attribute",
        "born=day:day",
        "--attribute",
        "price=price:number",
    ];
    let printed = office
        .import("customers", ("orders.parquet", ORDERS), &options)
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    let customer = office.customer(by_id("17851")).await;
    let value = |name: &str| {
        let mut attributes = customer.attributes.iter();
        let found = attributes.find(|attribute| attribute.name == name);
        found.and_then(|attribute| attribute.value.clone())
    };
    assert_eq!(value("paid"), Some(Value::BoolValue(true)));
    assert_eq!(value("quantity"), Some(Value::IntValue(2)));
    assert_eq!(
        value("born"),
        Some(Value::DayValue("1969-12-31".to_owned()))
    );
    assert_eq!(value("price"), Some(Value::DoubleValue(0.05)));
    // Binary noise of a float is no digit, and small decimals are exact.
    for (column, sum) in [("price", "165.64"), ("small", "1.50")] {
        let options = [
            "--amount-column",
            column,
            "--time-column",
            "day",
            "--dry-run",
        ];
        let options = [&OPTIONS[..4], &OPTIONS[6..], &options].concat();
        let printed = office
            .import("transactions", ("orders.parquet", ORDERS), &options)
            .await;
        // Of the two rows with a day from 1970 on.
        let purchases = &printed.summary()["kinds"][0];
        assert_eq!(purchases["count"], 2);
        assert_eq!(purchases["sums"][0]["amount"], sum);
    }
}

#[tokio::test]
async fn what_cannot_be_a_cell_is_refused_by_the_name_of_its_column() {
    let office = Office::open().await;
    for (bytes, reason) in [
        (NESTED, "the column \"tags\" is nested"),
        (INT96, "the column \"time\" has times as INT96"),
        (
            BROTLI,
            "the column \"note\" is compressed with Brotli, which is not read\nhint: export the file with zstd",
        ),
        (LZ4, "the column \"note\" is compressed with LZ4"),
        (
            &ORDERS[..2_000],
            "its end is missing\nhint: copy or export the file again",
        ),
        (b"PAR1", "as Parquet: its end is missing"),
        (
            b"customer_id\na\n",
            "it does not begin as Parquet does\nhint: `--form csv`",
        ),
    ] {
        let printed = office
            .import("customers", ("wrong.parquet", bytes), &[])
            .await;
        assert_eq!(printed.code, Some(64), "{}", printed.notes);
        assert!(printed.notes.contains(reason), "{}", printed.notes);
    }
}

#[tokio::test]
async fn parquet_comes_from_standard_input_where_its_form_is_stated() {
    let office = Office::open().await;
    let through_pipe = async |form: &'static [&'static str]| -> Printed {
        let mut command = crate::support::program::patron();
        let endpoint = office.service.app.endpoint();
        command.current_dir(office.folder.path()).args([
            "import",
            "transactions",
            "-",
            "--json",
            "--time-column",
            "utc_ms",
            "--endpoint",
            &endpoint,
        ]);
        let mut child = command
            .args(OPTIONS)
            .args(form)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(ORDERS).unwrap();
        drop(stdin);
        let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
        output.await.unwrap().into()
    };
    let unstated = through_pipe(&[]).await;
    assert_eq!(unstated.code, Some(64));
    let hint = "set --form parquet";
    assert!(unstated.notes.contains(hint), "{}", unstated.notes);
    let stated = through_pipe(&["--form", "parquet"]).await;
    assert_eq!(stated.summary()["written"], 3, "{}", stated.notes);
}

#[tokio::test]
async fn inspect_reads_parquet() {
    let office = Office::open().await;
    let path = office.path("orders.parquet");
    std::fs::write(&path, ORDERS).unwrap();
    let endpoint = office.service.app.endpoint();
    let line = ["import", "inspect", &path, "--endpoint", &endpoint];
    let printed: Printed = crate::support::program::run(&line).await.into();
    let columns = "Columns  customer_id, order, amount, small,";
    assert!(printed.data.contains(columns), "{}", printed.data);
    assert!(!printed.data.contains("Delimiter"), "{}", printed.data);
}
