//! `patron bench`: every call that was due is accounted for.

use std::path::PathBuf;

use patron::pb;
use tempfile::TempDir;

use crate::support::messages::{patch, phone};
use crate::support::place;
use crate::support::program::{run, run_json};
use crate::support::service::ServiceWithDatabase;

/// 40 calls a second for half a second, with more time for each than it takes on a busy machine.
const LOAD: [&str; 9] = [
    "bench",
    "--rate",
    "40",
    "--duration",
    "500ms",
    "--warm-up",
    "50ms",
    "--timeout",
    "30s",
];

fn subjects(text: &str) -> (TempDir, PathBuf) {
    let folder = place();
    let file = folder.path().join("subjects.csv");
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

#[tokio::test]
async fn every_call_that_was_due_is_accounted_for() {
    let service = ServiceWithDatabase::start().await;
    let numbers: Vec<String> = (0..20).map(|at| format!("+4930231250{at:02}")).collect();
    let patches = numbers.iter().zip(0..);
    let patches = patches.map(|(number, at)| pb::CustomerPatch {
        add_identifiers: vec![phone(number)],
        ..patch(&format!("c-{at}"))
    });
    service.write_customers(&patches.collect::<Vec<_>>()).await;
    let (_folder, file) = subjects(&format!("number\n{}\n", numbers.join("\n")));
    let endpoint = service.app.endpoint();
    let whom = [
        "--subjects",
        file.to_str().unwrap(),
        "--subject-by",
        "phone",
    ];
    let load = [&LOAD[..], &whom, &["--endpoint", &endpoint]].concat();
    let hot = ["--hot-subjects", "0.1", "--hot-calls", "0.9"];
    let mixed = ["--mix", "classify,route,score", "--json"];
    let report = run_json(&[&load[..], &hot, &mixed].concat()).await;
    assert_eq!(report["subjects"], 20);
    let calls = report["calls"].as_array().unwrap();
    let due = calls.iter().map(|it| it["due"].as_u64().unwrap());
    assert_eq!(due.sum::<u64>(), 20);
    assert_eq!(calls.len(), 3);
    for call in calls {
        // A server on a busy machine may refuse a call that waited too long.
        let failed = call["failed"].as_array().unwrap();
        let mut refused = 0;
        for it in failed {
            assert_eq!(it["status"], "UNAVAILABLE", "{call}");
            refused += it["count"].as_u64().unwrap();
        }
        let count = |name: &str| call[name].as_u64().unwrap();
        assert_eq!(count("answered") + refused, count("due"), "{call}");
        if count("answered") > 0 {
            let latency = |name: &str| call["latency_ms"][name].as_f64().unwrap();
            assert!(latency("p50") <= latency("p99") && latency("p99") <= latency("max"));
            assert!(latency("p50") > 0.0);
        }
    }
    let output = run(&load).await;
    assert_eq!(output.status.code(), Some(0));
    let page = String::from_utf8(output.stdout).unwrap();
    let head = "40 calls/s for 0.5 s over 4 connections, about 20 customers\n";
    assert!(page.starts_with(head), "{page}");
}

#[tokio::test]
async fn a_file_of_nobody_and_a_server_without_answers_fail() {
    let service = ServiceWithDatabase::start().await;
    let endpoint = service.app.endpoint();
    for (text, code, expected) in [
        ("id\n", 64, "the file of subjects has no rows"),
        ("id\nc-1\n", 1, "no call was answered"),
    ] {
        service.database.take_away().await;
        let (_folder, file) = subjects(text);
        let whom = [
            "--subjects",
            file.to_str().unwrap(),
            "--endpoint",
            &endpoint,
        ];
        let output = run(&[&LOAD[..], &whom].concat()).await;
        let noted = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{noted}");
        assert!(noted.contains(expected), "{noted}");
    }
}
