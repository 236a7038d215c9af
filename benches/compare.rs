//! What a lookup costs beside servers that look nothing up, and beside other ways to get the same bytes: `make bench-compare`.
//!
//! The service runs in this process as `patron serve` starts it, with the customers of the `lookup` benchmark, all in memory. Every other server
//! is a process of its own and returns the bytes of one of those answers: a stock tonic server (`#[tokio::main]`, one multi-threaded runtime),
//! Redis `GET`, `pgbench` with one prepared point `SELECT`, Python `grpc.aio` and Node `grpc-js`. Those that are not installed are named and
//! left out; so is everything without `h2load` (Debian: nghttp2-client), which is the load over gRPC.
//!
//! How to read it: servers are asked in turn, and which is first changes from round to round. A line is the median of the rounds, with the least
//! and the greatest; the ratio is the median of the ratios to the stock server within a round. Load and server share the cores of the machine.
//! `h2load` sends one body: all calls of a window are about one customer. The service is also started with TLS and with lookups on threads of
//! their own, each time on a database of its own. `cpu us` is the processor time of the server's process for each
//! answer; that of Postgres, which is many processes, is not counted.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "lookup/customers.rs"]
#[expect(dead_code, reason = "shared with the benchmark of lookups")]
mod customers;
#[path = "lookup/echo.rs"]
#[expect(dead_code, reason = "shared with the benchmark of lookups")]
mod echo;
#[path = "compare/load.rs"]
mod load;
#[path = "compare/peers.rs"]
mod peers;
#[path = "support/prepared.rs"]
mod prepared;
#[path = "support/service.rs"]
mod service;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use patron::app::{logging, run::App};
use patron::pb::subject::Subject;
use prost::Message as _;

use crate::load::{Load, Measured};
use crate::peers::Peer;
use crate::service::{BenchDatabase, runtime, serve, serve_with};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rounds of a comparison; odd, so that a median is one that was measured.
const ROUNDS: usize = 5;
/// Time in which one server is asked, a round.
const WINDOW: Duration = Duration::from_secs(2);
/// The argument with which this program is the stock server.
const ECHO: &str = "--echo";

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some(ECHO) {
        let answer = arguments.next().context("a file with an answer")?;
        return peers::echo(&std::fs::read(answer)?);
    }
    if first.as_deref() != Some("--bench") && !arguments.any(|argument| argument == "--bench") {
        println!("compare: measures only when run by `make bench-compare`");
        return Ok(());
    }
    logging::init(logging::LogFormat::Text, "warn")?;
    ensure!(
        peers::is_installed("h2load"),
        "h2load is not installed: apt-get install nghttp2-client"
    );
    let runtime = runtime("bench-server")?;
    let database = BenchDatabase::create(&runtime)?;
    let others = [
        BenchDatabase::create(&runtime)?,
        BenchDatabase::create(&runtime)?,
    ];
    let measured = measure(&runtime, &database, &others);
    database.drop(&runtime)?;
    for database in others {
        database.drop(&runtime)?;
    }
    measured
}

/// A service with further options, on a database that it was filled in without them.
fn serve_otherwise(
    runtime: &tokio::runtime::Runtime,
    database: &BenchDatabase,
    directory: &str,
    options: &[&str],
) -> anyhow::Result<App> {
    let app = serve(runtime, database, directory)?;
    runtime.block_on(prepared::prepare(&app.endpoint()))?;
    runtime.block_on(app.stop())?;
    serve_with(
        runtime,
        (&database.url, &database.options),
        directory,
        options,
    )
}

/// A certificate for this machine that nobody vouches for, and its key, as files.
fn certificate(directory: &Path) -> anyhow::Result<[String; 2]> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let files = [
        ("tls.crt", pem("CERTIFICATE", certified.cert.der())),
        (
            "tls.key",
            pem("PRIVATE KEY", &certified.signing_key.serialize_der()),
        ),
    ];
    let mut paths = [String::new(), String::new()];
    for ((name, text), path) in files.iter().zip(&mut paths) {
        let file = directory.join(name);
        std::fs::write(&file, text)?;
        file.to_str().context("a path in UTF-8")?.clone_into(path);
    }
    Ok(paths)
}

/// What is written in a file of certificates and keys (RFC 7468); lines may be long.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn measure(
    runtime: &tokio::runtime::Runtime,
    database: &BenchDatabase,
    others: &[BenchDatabase; 2],
) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let folder = path.to_str().context("a path in UTF-8")?;
    let app = serve(runtime, database, folder)?;
    let [certificate, key] = certificate(path)?;
    let tls = ["--tls-certificate", &certificate, "--tls-key", &key];
    let encrypted = serve_otherwise(runtime, &others[0], folder, &tls)?;
    let threads = ["--lookup-threads", "2"];
    let threaded = serve_otherwise(runtime, &others[1], folder, &threads)?;
    let answers = runtime.block_on(prepared::prepare(&app.endpoint()))?;
    let answer = answers[0].encode_to_vec();
    std::fs::write(path.join("answer"), &answer)?;
    let mut servers = services([&app, &encrypted, &threaded], path)?;
    servers.push(Peer::stock(path)?);
    println!(
        "an answer has {} bytes; {ROUNDS} rounds of {} s a server; load {}",
        answer.len(),
        WINDOW.as_secs(),
        std::fs::read_to_string("/proc/loadavg")?.trim(),
    );
    for (name, peer) in peers::others(path, &answer, &database.url) {
        match peer {
            Ok(peer) => servers.push(peer),
            Err(why) => println!("without {name}: {why:#}"),
        }
    }
    for load in [Load::new(4, 16), Load::new(64, 1), Load::new(1, 1)] {
        let mut rounds = vec![];
        for round in 0..ROUNDS {
            let mut measured = vec![Measured::default(); servers.len()];
            for turn in 0..servers.len() {
                let at = (round + turn) % servers.len();
                measured[at] = servers[at].ask(load, WINDOW)?;
            }
            rounds.push(measured);
        }
        println!("\n{load}\n{}", table(&servers, &rounds));
    }
    drop(servers);
    for app in [app, encrypted, threaded] {
        runtime.block_on(app.stop())?;
    }
    Ok(())
}

/// The service with each way to name a customer, then with TLS and with lookups on threads of their own.
fn services([app, encrypted, threaded]: [&App; 3], directory: &Path) -> anyhow::Result<Vec<Peer>> {
    let by = customers::request_of;
    let by_id = customers::request_for(0, "");
    let ways = [
        (app, "by id", by_id.clone()),
        (app, "by phone", customers::number_request(0)),
        (app, "by e-mail", by(Subject::Email(customers::address(0)))),
        (
            app,
            "by ext. id",
            by(Subject::ExternalId(customers::external(0))),
        ),
        (encrypted, "id, TLS", by_id.clone()),
        (threaded, "id, threads", by_id),
    ];
    let peers = ways
        .iter()
        .map(|(app, name, request)| Peer::service(&app.endpoint(), name, directory, request));
    peers.collect()
}

/// Medians with least and greatest, and ratios to the stock server.
fn table(servers: &[Peer], rounds: &[Vec<Measured>]) -> String {
    let stock = servers.iter().position(Peer::is_stock).unwrap_or(0);
    let heads = [
        "req/s", "ratio", "cpu us", "ratio", "p50 us", "p99 us", "ratio",
    ];
    let mut text = format!("{:12}", "");
    for head in heads {
        let _ = write!(text, "{head:>24}");
    }
    for (at, server) in servers.iter().enumerate() {
        let of = |value: fn(&Measured) -> Option<f64>| {
            spread(rounds.iter().map(|round| value(&round[at])))
        };
        let ratio = |value: fn(&Measured) -> Option<f64>| {
            spread(
                rounds
                    .iter()
                    .map(|round| Some(value(&round[at])? / value(&round[stock])?)),
            )
        };
        let _ = write!(text, "\n{:12}", server.name());
        let cells = [
            of(|it| it.rate),
            ratio(|it| it.rate),
            of(|it| it.cpu_micros),
            ratio(|it| it.cpu_micros),
            of(|it| it.p50_micros),
            of(|it| it.p99_micros),
            ratio(|it| it.p99_micros),
        ];
        for cell in cells {
            let _ = write!(text, "{cell:>24}");
        }
    }
    text
}

/// The median with the least and the greatest; a dash for what was not measured.
fn spread(values: impl Iterator<Item = Option<f64>>) -> String {
    let mut values: Vec<f64> = values.flatten().collect();
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(greatest)) = (values.first(), values.last()) else {
        return "-".to_owned();
    };
    let median = values[values.len() / 2];
    let digits = if median < 10.0 {
        2
    } else {
        usize::from(median < 1_000.0)
    };
    format!("{median:.digits$} ({least:.digits$}-{greatest:.digits$})")
}
