//! What a stream of facts is worth: the same transactions by unary calls and by streams, in turn.
//!
//! `cargo bench --bench ingest` starts the service as `patron serve` does and sends purchases of 20,000 customers, as an export has them: by
//! day, so that a batch names nearly as many customers as it has facts. Both ways use four lanes on one connection, each with customers of its
//! own, as `patron import` does; the unary lanes send the next call when the one before is answered, the streams send ahead. Every round has
//! new facts, and the ways take turns in going first. `FACTS` and `ROUNDS` in the environment change how much is sent.
//!
//! How to read it: facts per second of each round, and the median of the ratios within a round, which the load of the machine changes least.
//! Client, server and Postgres share the cores.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "support/service.rs"]
mod service;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use patron::{
    app::logging,
    pb::{
        self, ingest_service_client::IngestServiceClient, item_result::Outcome,
        stream_facts_request,
    },
};
use tokio_stream::StreamExt as _;
use tonic::transport::{Channel, Endpoint};

use crate::service::{BenchDatabase, runtime, serve};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CUSTOMERS: usize = 20_000;
const LANES: usize = 4;
const BATCH: usize = 1_000;

/// How facts are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Unary,
    Stream,
}

fn main() -> anyhow::Result<()> {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("ingest: measures only when run by `cargo bench --bench ingest`");
        return Ok(());
    }
    logging::init(logging::LogFormat::Text, "warn")?;
    let (servers, clients) = (runtime("bench-server")?, runtime("bench-load")?);
    let database = BenchDatabase::create(&servers)?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().to_str().context("a path in UTF-8")?;
    let app = serve(&servers, &database, path)?;
    let measured = clients.block_on(measure(app.endpoint()));
    drop(app);
    database.drop(&servers)?;
    measured
}

async fn measure(endpoint: String) -> anyhow::Result<()> {
    let (facts, rounds) = (number("FACTS", 100_000)?, number("ROUNDS", 5)?);
    let channel = Endpoint::from_shared(endpoint)?.connect().await?;
    let client = IngestServiceClient::new(channel);
    println!("{facts} transactions of {CUSTOMERS} customers each time, {LANES} lanes");
    println!("round  unary facts/s  stream facts/s  ratio");
    let mut ratios = vec![];
    for round in 0..rounds {
        let mut speeds = [0.0; 2];
        let ways = [Way::Unary, Way::Stream];
        for turn in 0..2 {
            let way = ways[(round + turn) % 2];
            let source = format!("{way:?}-{round}");
            speeds[way as usize] = speed(&client, way, &source, facts).await?;
        }
        let ratio = speeds[1] / speeds[0];
        ratios.push(ratio);
        println!(
            "{round:>5} {:>14.0} {:>15.0} {ratio:>6.2}",
            speeds[0], speeds[1]
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "ratio: median {:.2}, least {:.2}, greatest {:.2}",
        ratios[ratios.len() / 2],
        ratios[0],
        ratios[ratios.len() - 1]
    );
    Ok(())
}

fn number(name: &str, default: usize) -> anyhow::Result<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text}")),
        Err(_) => Ok(default),
    }
}

/// Sends facts and returns how many of them a second were written.
async fn speed(
    client: &IngestServiceClient<Channel>,
    way: Way,
    source: &str,
    facts: usize,
) -> anyhow::Result<f64> {
    let mut lanes: [Vec<pb::Transaction>; LANES] = Default::default();
    for at in 0..facts {
        let customer = at * 7_919 % CUSTOMERS;
        lanes[customer % LANES].push(transaction(customer, source, at));
    }
    let start = Instant::now();
    let sent = lanes.map(|facts| {
        let batches: Vec<_> = facts.chunks(BATCH).map(<[_]>::to_vec).collect();
        let client = client.clone();
        async move {
            match way {
                Way::Unary => unary(client, batches).await,
                Way::Stream => stream(client, batches).await,
            }
        }
    });
    let written: usize = try_join_all(sent).await?.into_iter().sum();
    let time: Duration = start.elapsed();
    ensure!(written == facts, "{written} of {facts} were written");
    #[expect(clippy::cast_precision_loss, reason = "a count of facts")]
    Ok(facts as f64 / time.as_secs_f64())
}

async fn unary(
    mut client: IngestServiceClient<Channel>,
    batches: Vec<Vec<pb::Transaction>>,
) -> anyhow::Result<usize> {
    let mut written = 0;
    for transactions in batches {
        let request = pb::IngestTransactionsRequest {
            transactions,
            ..Default::default()
        };
        let answer = client.ingest_transactions(request).await?;
        written += count(&answer.into_inner().results);
    }
    Ok(written)
}

async fn stream(
    mut client: IngestServiceClient<Channel>,
    batches: Vec<Vec<pb::Transaction>>,
) -> anyhow::Result<usize> {
    let requests = tokio_stream::iter(batches).map(|transactions| {
        let batch = pb::IngestTransactionsRequest {
            transactions,
            ..Default::default()
        };
        pb::StreamFactsRequest {
            batch: Some(stream_facts_request::Batch::Transactions(batch)),
        }
    });
    let mut answers = client.stream_facts(requests).await?.into_inner();
    let mut written = 0;
    while let Some(answer) = answers.message().await? {
        let batches = answer.batches.iter();
        written += batches.map(|batch| count(&batch.results)).sum::<usize>();
    }
    Ok(written)
}

fn count(results: &[pb::ItemResult]) -> usize {
    let written = results.iter().filter(|it| it.outcome() == Outcome::Written);
    written.count()
}

fn transaction(customer: usize, source: &str, at: usize) -> pb::Transaction {
    let day = 1 + at / 4_000 % 28;
    pb::Transaction {
        customer_id: format!("c{customer}"),
        source: source.to_owned(),
        transaction_id: at.to_string(),
        kind: pb::transaction::Kind::Purchase.into(),
        when: Some(pb::transaction::When::OccurredOn(format!(
            "2026-01-{day:02}"
        ))),
        amount: Some(pb::Money {
            amount_minor: 1_999,
            currency: "EUR".to_owned(),
        }),
        ..Default::default()
    }
}
