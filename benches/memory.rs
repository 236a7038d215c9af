//! What a customer takes in memory: 20,000 of them with three names each, as the service holds them.
//!
//! `cargo bench --bench memory` gives a service the 1,000 customers of the benchmark of lookups (20 purchase days, 20 contact days and 25
//! attributes each), and copies them in the database until there are 20,000. Then two processes load all there are into memory, as
//! `patron serve` does at its start, and answer Classify about each: one before the copies were made, one after. What the second has more in
//! use, as the kernel counts it, is divided by the customers that it has more. Beside it stand what packed profile and answer have in
//! bytes, and what the service itself accounts for, by which it decides how many it holds.
//!
//! It also takes the time of packing and of unpacking a profile, on one thread.
//!
//! Postgres is the one that `DATABASE_URL` names (in a database of its own, dropped at the end), else a temporary cluster; nothing is
//! installed. Takes about a minute.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "lookup/customers.rs"]
#[expect(dead_code, reason = "shared with the benchmark of lookups")]
mod customers;
#[path = "support/prepared.rs"]
mod prepared;
#[path = "support/service.rs"]
mod service;

use std::{
    fs,
    hint::black_box,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use patron::{
    app::run::App,
    domain::text::CustomerId,
    pb::{self, scoring_service_client::ScoringServiceClient, subject::Subject},
    store::profiles::{PackedProfile, list_packed, list_slice},
};
use prost::Message as _;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _,
    postgres::PgConnectOptions,
};
use tonic::transport::{Channel, Endpoint};

use crate::{
    customers::CUSTOMERS,
    prepared::prepare,
    service::{BenchDatabase, runtime, serve, serve_with},
};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Customers there are in the end, for each that was sent to the service.
const COPIES: usize = 20;
/// How often all of a sample are unpacked to take the time.
const ROUNDS: u32 = 50;

/// What one process came to, in bytes: in use, accounted for by profiles and by names, and of an answer.
#[derive(Debug, Clone, Copy)]
struct Loaded {
    resident: f64,
    profile: f64,
    name: f64,
    answer: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, url, directory, count] = &arguments[..]
        && mode == "load"
    {
        return load(url, directory, count.parse()?);
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("memory: measures only when run by `cargo bench --bench memory`");
        return Ok(());
    }
    let servers = runtime("bench-server")?;
    let database = BenchDatabase::create(&servers)?;
    let measured = measure(&servers, &database);
    database.drop(&servers)?;
    measured
}

fn measure(servers: &tokio::runtime::Runtime, database: &BenchDatabase) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().to_str().context("a path in UTF-8")?;
    let app = serve(servers, database, path)?;
    servers.block_on(prepare(&app.endpoint()))?;
    servers.block_on(app.stop())?;
    let few = in_a_process(&database.url, path, CUSTOMERS)?;
    let packed_bytes = servers.block_on(copy(&database.options))?;
    let many = in_a_process(&database.url, path, CUSTOMERS * COPIES)?;
    #[expect(clippy::cast_precision_loss, reason = "20,000")]
    let more = |of: fn(&Loaded) -> f64| (of(&many) - of(&few)) / (CUSTOMERS * (COPIES - 1)) as f64;
    let (resident, profile) = (more(|it| it.resident), more(|it| it.profile));
    let (name, answer) = (more(|it| it.name) / 3.0, many.answer);
    println!(
        "bytes a customer: {packed_bytes:.0} packed + {answer:.0} answer; {resident:.0} resident with three names, {:.2} of these; \
         accounted for {profile:.0} and {name:.0} a name",
        resident / (packed_bytes + answer),
    );
    servers.block_on(time_unpacking(&database.options))
}

/// Makes customers with the names of `CUSTOMERS` of them and others of the same length, all of whose facts are theirs too. Returns the bytes
/// of a packed profile.
async fn copy(options: &PgConnectOptions) -> anyhow::Result<f64> {
    let mut connection = PgConnection::connect_with(options).await?;
    let columns = connection
        .fetch_one(
            "SELECT string_agg(CASE attname WHEN 'customer_id' THEN 'customer_id || ''-'' || lpad(n::text, 2, ''0'')'
                                            ELSE quote_ident(attname) END, ', ' ORDER BY attnum)
             FROM pg_attribute
             WHERE attrelid = 'profiles'::regclass AND attnum > 0 AND NOT attisdropped",
        )
        .await?;
    let columns: String = columns.get(0);
    let last = COPIES - 1;
    let profiles = format!(
        "INSERT INTO profiles SELECT {columns} FROM profiles, generate_series(1, {last}) AS n"
    );
    let names = format!(
        "INSERT INTO identifier_owners (digest, kind, customer_id)
         SELECT sha256(digest || n::text::bytea), kind, customer_id || '-' || lpad(n::text, 2, '0')
         FROM identifier_owners, generate_series(1, {last}) AS n"
    );
    for statement in [profiles, names] {
        connection.execute(AssertSqlSafe(statement)).await?;
    }
    connection.execute("VACUUM ANALYZE").await?;
    let bytes = connection
        .fetch_one("SELECT avg(octet_length(packed))::double precision FROM profiles")
        .await?;
    Ok(bytes.get(0))
}

/// Loads all customers in a process of its own.
fn in_a_process(url: &str, directory: &str, count: usize) -> anyhow::Result<Loaded> {
    let own = std::env::current_exe()?;
    let output = Command::new(own)
        .args(["load", url, directory, &count.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "could not load: {output:?}");
    let printed = String::from_utf8(output.stdout)?;
    let numbers: Result<Vec<f64>, _> = printed.split_whitespace().map(str::parse).collect();
    let [resident, profile, name, answer] = numbers?[..] else {
        anyhow::bail!("not four numbers: {printed:?}");
    };
    Ok(Loaded {
        resident,
        profile,
        name,
        answer,
    })
}

/// Serves as `patron serve` does until all customers, their names and their answers are in memory. Prints what that takes.
fn load(url: &str, directory: &str, count: usize) -> anyhow::Result<()> {
    let servers = runtime("bench-server")?;
    let options = ["--warm-start-customers", &count.to_string()];
    let app = serve_with(&servers, (url, &url.parse()?), directory, &options)?;
    let answer_bytes = servers.block_on(fill(&app, url, count))?;
    let kib: f64 = fs::read_to_string("/proc/self/status")?
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .context("no VmRSS")?
        .parse()?;
    let metrics = &app.metrics;
    let (profiles, names) = (
        metrics.profile_cache.weighted_bytes.get(),
        metrics.identifier_cache.weighted_bytes.get(),
    );
    println!("{} {profiles} {names} {answer_bytes}", kib * 1024.0);
    servers.block_on(app.stop())?;
    Ok(())
}

/// Waits for the start to load all customers, and has them answered. Returns the bytes of an answer.
async fn fill(app: &App, url: &str, count: usize) -> anyhow::Result<f64> {
    let (profiles, names) = (&app.metrics.profile_cache, &app.metrics.identifier_cache);
    let is_loaded = || {
        let (profiles, names) = (profiles.loaded_ahead.get(), names.loaded_ahead.get());
        (profiles, names) == (count as u64, 3 * count as u64)
    };
    wait_until("the customers are loaded", is_loaded).await?;
    let options: PgConnectOptions = url.parse()?;
    let mut connection = PgConnection::connect_with(&options).await?;
    let ids: Vec<String> = sqlx::query_scalar("SELECT customer_id FROM profiles")
        .fetch_all(&mut connection)
        .await?;
    let channel = Endpoint::from_shared(app.endpoint())?.connect().await?;
    let asked = stream::iter(ids).map(|id| classify(channel.clone(), id));
    let bytes: Vec<usize> = asked.buffer_unordered(16).try_collect().await?;
    #[expect(clippy::cast_precision_loss, reason = "some thousand")]
    let mean = bytes.iter().sum::<usize>() as f64 / bytes.len() as f64;
    // The gauges follow in five seconds.
    let weights = || (profiles.weighted_bytes.get(), names.weighted_bytes.get());
    let before = weights();
    wait_until("the weights are taken", || weights() != before).await?;
    Ok(mean)
}

async fn classify(channel: Channel, id: String) -> anyhow::Result<usize> {
    let request = pb::ClassifyRequest {
        subject: Some(pb::Subject {
            subject: Some(Subject::CustomerId(id)),
        }),
        ..Default::default()
    };
    let answer = ScoringServiceClient::new(channel).classify(request).await?;
    Ok(answer.into_inner().encoded_len())
}

async fn wait_until(what: &str, is_so: impl Fn() -> bool) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        ensure!(Instant::now() < end, "not in a minute: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Takes the time of packing and unpacking the profiles of a thousand customers.
async fn time_unpacking(options: &PgConnectOptions) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(options).await?;
    let profiles = list_slice(&mut connection, None, 1_000).await?;
    let ids: Vec<CustomerId> = profiles.iter().map(|one| one.customer_id.clone()).collect();
    let packed = list_packed(&mut connection, &ids).await?;
    let per_profile = |elapsed: Duration| elapsed.as_secs_f64() * 1e6 / f64::from(ROUNDS) / 1e3;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        for profile in packed.values() {
            black_box(profile.unpack()?);
        }
    }
    let unpacking = per_profile(start.elapsed());
    let start = Instant::now();
    for _ in 0..ROUNDS {
        for profile in &profiles {
            black_box(PackedProfile::from_profile(profile));
        }
    }
    let packing = per_profile(start.elapsed());
    println!("us a profile: {unpacking:.2} to unpack, {packing:.2} to pack");
    Ok(())
}
