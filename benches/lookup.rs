//! What a lookup costs over an RPC that does nothing: cached Classify against a no-op echo of the same messages, in turn.
//!
//! `cargo bench --bench lookup` starts the service as `patron serve` does, gives it 1,000 customers with 20 purchase days, 20 contact
//! days and 25 attributes each, publishes `examples/definitions.yaml`, fits a model and asks for everybody once, so that nothing misses
//! the cache afterwards. Beside it runs a plain tonic server that answers a clone of one of those answers. Then four things are asked for
//! in turn, in windows of less than a second, by a closed loop, 4 connections with 16 calls in flight each, 64 with one each, and one call at a time:
//! `kept`, Classify without a day, whose finished answers are kept next to the profiles; `dated`, Classify with today's date, which is
//! answered with the same bytes; `computed`, Classify with tomorrow's date, which is assessed, explained and encoded at every call; and the
//! echo. Two more tables are about call arrival: `RouteContact` by phone number against Classify by phone number, and `/v1/route` as JSON
//! and as pairs, and Classify as JSON, against an empty handler of the same web framework that returns the JSON of `/v1/route`, over as many
//! connections as calls.
//!
//! How to read it: each line is the median over the rounds, and the last lines of each table are the medians of the ratios within a
//! round, with the least and the greatest beside them. What else runs on the machine changes req/s and p99 by factors, the ratios far less; of
//! these, `server us` (CPU time of the server's threads for each request) is the steadiest and the one to compare over time. Servers
//! and load share the process but not the threads: each has a runtime with a worker a core, and `process us` is all threads together.
//! All of them compete for the same cores, so req/s is not what a server reaches whose clients are elsewhere.
//! One call at a time measures mostly wake-ups. Both use mimalloc; the service logs at its default level, or
//! as `PATRON_LOG` says: with `warn`, calls have no span, which shows what that costs.
//!
//! Postgres is the one that `DATABASE_URL` names (in a database of its own, dropped at the end), else a temporary cluster; nothing is
//! installed. Takes less than a minute.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "lookup/customers.rs"]
mod customers;
#[path = "lookup/echo.rs"]
mod echo;
#[path = "lookup/load.rs"]
mod load;
#[path = "support/prepared.rs"]
mod prepared;
#[path = "support/service.rs"]
mod service;

use std::{fs, net::SocketAddr, time::Instant};

use anyhow::{Context as _, ensure};
use patron::{app::logging, pb};
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
};

use crate::{
    customers::{CUSTOMERS, number},
    load::Asked,
    prepared::{prepare, today},
    service::{BenchDatabase, runtime, serve},
};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("lookup: measures only when run by `cargo bench --bench lookup`");
        return Ok(());
    }
    let filter = std::env::var("PATRON_LOG");
    logging::init(
        logging::LogFormat::Text,
        filter.as_deref().unwrap_or("info"),
    )?;
    let (servers, loaders) = (runtime(load::SERVER_THREAD)?, runtime("bench-load")?);
    let database = BenchDatabase::create(&servers)?;
    let measured = measure(&servers, &loaders, &database);
    database.drop(&servers)?;
    measured
}

fn measure(servers: &Runtime, loaders: &Runtime, database: &BenchDatabase) -> anyhow::Result<()> {
    let start = Instant::now();
    let directory = tempfile::tempdir()?;
    let path = directory.path().to_str().context("a path in UTF-8")?;
    let app = serve(servers, database, path)?;
    let answers = loaders.block_on(prepare(&app.endpoint()))?;
    let bytes: usize = answers.iter().map(pb::ClassifyResponse::encoded_len).sum();
    println!(
        "{CUSTOMERS} customers; an answer has {} bytes; ready in {:.1} s; load {}",
        bytes / answers.len(),
        start.elapsed().as_secs_f64(),
        fs::read_to_string("/proc/loadavg")
            .unwrap_or_default()
            .trim(),
    );
    let echo = servers.block_on(echo::start(answers))?;
    let (service, today) = (app.endpoint(), today());
    let (today, tomorrow) = (today.to_string(), today.tomorrow()?.to_string());
    let way = |name, asked| load::Way { name, asked };
    let ways = [
        way("kept", Asked::Classify(&service, "")),
        way("dated", Asked::Classify(&service, &today)),
        way("computed", Asked::Classify(&service, &tomorrow)),
        way("echo", Asked::Classify(&echo, "")),
    ];
    let arrival = [
        way("route", Asked::Route(&service)),
        way("kept", Asked::ClassifyNumber(&service)),
    ];
    let http = app.http_address.context("HTTP is served")?;
    let (target, body) = ("/v1/route?number=", loaders.block_on(http_answer(http))?);
    let empty = servers.block_on(echo::start_http(body))?;
    let over_http = [
        way("json", Asked::Http(http, target)),
        way("kv", Asked::Http(http, "/v1/route?format=kv&number=")),
        way("classify", Asked::Json(http)),
        way("empty", Asked::Http(empty, target)),
    ];
    for (connections, in_flight) in [(4, 16), (64, 1), (1, 1)] {
        let shown = |table: String| println!("\n{connections} x {in_flight}\n{table}");
        let compared = load::compare(&ways, connections, in_flight);
        shown(loaders.block_on(compared)?.to_string());
        if connections > 4 {
            continue;
        }
        let compared = load::compare(&arrival, connections, in_flight);
        shown(loaders.block_on(compared)?.to_string());
        let compared = load::compare(&over_http, connections, in_flight);
        shown(loaders.block_on(compared)?.to_string());
    }
    servers.block_on(app.stop())?;
    Ok(())
}

/// The body of an answer over HTTP.
async fn http_answer(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let number = number(0).replace('+', "%2B");
    let request =
        format!("GET /v1/route?number={number} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no body")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
    Ok(body.to_owned())
}
