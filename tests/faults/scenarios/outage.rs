//! The database goes away for a while: customers in memory are answered as before, whatever else is asked.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use patron::{
    pb::{self, ingest_service_client::IngestServiceClient},
    postgres::cluster::Cluster,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinSet, spawn_local},
};

use super::Row;
use crate::{
    load::{Question, count, paced, permille},
    note,
    population::{self, id, purchase},
    program::Server,
    promise, window,
    wire::{self, CLASSIFY, Caller, Ended, framed},
};

/// Customers who call during the outage, each written to once before it.
const WARM: usize = 2_500;
/// Calls of these, a second.
const WARM_RATE: f64 = 500.0;
/// Calls of strangers, a second.
const STRANGERS_RATE: f64 = 1_500.0;
/// Within which facts are read anew once the database is back.
const RECOVERY: Duration = Duration::from_secs(2);

/// Time the database is away: `PATRON_FAULTS_OUTAGE_SECONDS`, else 60 s.
fn outage() -> Duration {
    let seconds = std::env::var("PATRON_FAULTS_OUTAGE_SECONDS");
    let seconds = seconds.ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(60))
}

pub(crate) async fn run(data: &Path) -> anyhow::Result<Vec<Row>> {
    let place = data.to_owned();
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&place)).await??;
    let proxy = Proxy::start(&cluster.url())?;
    let key = data.join("identifier.key");
    let server = Server::serve(&[
        "--database-url",
        &proxy.url,
        "--identifier-key-file",
        &key.to_string_lossy(),
        "--data-dir",
        &data.to_string_lossy(),
    ])?;
    population::warm(&server.address).await?;
    import(&server.address).await?;
    let mut warm_callers = [Caller::connect(&server.address).await?];
    let warm = warm_lookups();
    let before = paced(&mut warm_callers, &warm, WARM_RATE, window()).await;
    proxy.up.store(false, Ordering::SeqCst);
    let strangers = spawn_local(strangers(server.address.clone(), outage()));
    let during = paced(&mut warm_callers, &warm, WARM_RATE, outage()).await;
    let (refused, other) = strangers.await??;
    proxy.up.store(true, Ordering::SeqCst);
    let recovered = recovery(&server.address).await?;
    server.terminate()?;
    drop(proxy);
    tokio::task::spawn_blocking(move || cluster.stop()).await?;
    let asked = WARM_RATE * during.seconds;
    let failed =
        during.refused.len() + during.late + during.expired + during.failed + during.broken;
    Ok(vec![
        promise(
            format!(
                "warm lookups that failed in {:.0} s without the database",
                during.seconds
            ),
            format!("{failed} of {asked:.0}"),
            "0",
            failed == 0 && count(during.answered.len()) >= 0.99 * asked,
        ),
        note(
            "  p99 before, during us",
            format!(
                "{}, {}",
                permille(&before.answered, 990),
                permille(&during.answered, 990)
            ),
        ),
        note(
            "  strangers: refused at once (p50, p99 us); otherwise",
            format!(
                "{} ({}, {}); {other}",
                refused.len(),
                permille(&refused, 500),
                permille(&refused, 990)
            ),
        ),
        promise(
            "a stranger is answered once the database is back",
            format!("after {:.2} s", recovered.as_secs_f64()),
            "within 2 s",
            recovered <= RECOVERY,
        ),
    ])
}

/// One purchase of each warm customer, as a nightly import would bring.
async fn import(address: &str) -> anyhow::Result<()> {
    let source = format!("night-{}", std::process::id());
    let mut client = IngestServiceClient::connect(format!("http://{address}")).await?;
    for first in (0..WARM).step_by(500) {
        let transactions = (first..first + 500).map(|at| purchase(&id(at), &source, at));
        let request = pb::IngestTransactionsRequest {
            transactions: transactions.collect(),
            ..Default::default()
        };
        let results = client
            .ingest_transactions(request)
            .await?
            .into_inner()
            .results;
        let refused = pb::item_result::Outcome::Refused;
        ensure!(results.iter().all(|it| it.outcome() != refused), "refused");
    }
    Ok(())
}

fn warm_lookups() -> Question {
    let message = |at| {
        framed(&pb::ClassifyRequest {
            subject: Some(population::by_id(at)),
            as_of: String::new(),
            ..Default::default()
        })
    };
    Question {
        path: CLASSIFY,
        messages: std::rc::Rc::new((0..WARM).map(message).collect()),
        deadline: Duration::from_millis(500),
    }
}

/// Calls of people nobody knows; how long refusals took, and how many calls ended otherwise.
async fn strangers(address: String, window: Duration) -> anyhow::Result<(Vec<u32>, usize)> {
    let mut callers = [Caller::connect(&address).await?];
    let message = |at| {
        framed(&pb::ClassifyRequest {
            subject: Some(population::by_phone(&format!("+4930{:07}", 1_000_000 + at))),
            as_of: String::new(),
            ..Default::default()
        })
    };
    let question = Question {
        path: CLASSIFY,
        messages: std::rc::Rc::new((0..100_000).map(message).collect()),
        deadline: Duration::from_millis(500),
    };
    let outcome = paced(&mut callers, &question, STRANGERS_RATE, window).await;
    let other =
        outcome.answered.len() + outcome.late + outcome.expired + outcome.failed + outcome.broken;
    Ok((outcome.refused, other))
}

/// How long it takes until somebody who is not in memory is answered.
async fn recovery(address: &str) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut caller = wire::Caller::connect(address).await?;
    for at in 0.. {
        let subject = Some(population::by_phone(&format!("+4940{:07}", 1_000_000 + at)));
        let as_of = String::new();
        let message = framed(&pb::ClassifyRequest {
            subject,
            as_of,
            ..Default::default()
        });
        let ended = caller
            .call(CLASSIFY, message, Duration::from_millis(500))
            .await;
        if matches!(ended, Ended::Answered(_)) {
            break;
        }
        ensure!(
            start.elapsed() < Duration::from_secs(60),
            "it does not recover: {ended:?}"
        );
        tokio::task::yield_now().await;
    }
    Ok(start.elapsed())
}

/// A way to the database that can be cut: connections end and new ones are refused. On a thread of its own, so that it is there while
/// the measurement waits for a process.
struct Proxy {
    url: String,
    up: Arc<AtomicBool>,
}

impl Proxy {
    fn start(database: &str) -> anyhow::Result<Self> {
        let target: sqlx::postgres::PgConnectOptions = database.parse()?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let up = Arc::new(AtomicBool::new(true));
        let state = Arc::clone(&up);
        let user = target.get_username().to_owned();
        let name = target.get_database().context("a database")?.to_owned();
        let runtime = crate::runtime()?;
        std::thread::spawn(move || runtime.block_on(pass(listener, state, target)));
        Ok(Self {
            url: format!("postgres://{user}@127.0.0.1:{port}/{name}?sslmode=disable"),
            up,
        })
    }
}

/// Passes connections on to `target` while it is up, for as long as the process lives.
async fn pass(
    listener: std::net::TcpListener,
    up: Arc<AtomicBool>,
    target: sqlx::postgres::PgConnectOptions,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let socket = target
        .get_socket()
        .map(|folder| folder.join(format!(".s.PGSQL.{}", target.get_port())));
    let host = format!("{}:{}", target.get_host(), target.get_port());
    let mut open = JoinSet::new();
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted
                && up.load(Ordering::SeqCst)
            {
                open.spawn(forward(stream, socket.clone(), host.clone()));
            },
            _ = tick.tick() => if !up.load(Ordering::SeqCst) {
                open.abort_all();
            },
        }
    }
}

async fn forward(mut client: TcpStream, socket: Option<std::path::PathBuf>, host: String) {
    let joined: io::Result<_> = async {
        match socket {
            Some(path) => {
                let mut server = tokio::net::UnixStream::connect(path).await?;
                copy_bidirectional(&mut client, &mut server).await
            }
            None => {
                let mut server = TcpStream::connect(host).await?;
                copy_bidirectional(&mut client, &mut server).await
            }
        }
    }
    .await;
    drop(joined);
}
