//! The load, and what it costs: a closed loop that measures latencies at the client and CPU time of this process by thread.

use std::{
    fmt, fs, io,
    time::{Duration, Instant},
};

use anyhow::ensure;
use patron::pb::scoring_service_client::ScoringServiceClient;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

use crate::customers::{CUSTOMERS, request_for};

/// Name of the servers' threads; the kernel keeps 15 bytes of a name.
pub(crate) const SERVER_THREAD: &str = "bench-server";
/// Rounds of a comparison; odd, so that a median is one that was measured.
const ROUNDS: usize = 7;
/// Time in which one server is asked, a round. Long enough for some thousand answers, short enough that both see the same machine.
const WINDOW: Duration = Duration::from_millis(800);
/// Time in which a server is asked beforehand.
const WARM_UP: Duration = Duration::from_millis(400);
/// What is measured, in this order everywhere.
const MEASURES: [&str; 5] = ["req/s", "p50 us", "p99 us", "server us", "process us"];

type Client = ScoringServiceClient<Channel>;

/// One window: requests a second, latencies, and CPU time for each request.
type Measured = [f64; MEASURES.len()];

/// Windows of both servers, by round.
pub(crate) struct Comparison(Vec<(Measured, Measured)>);

/// Asks both servers in turn; who is first alternates.
pub(crate) async fn compare(
    classify: &str,
    echo: &str,
    connections: usize,
    in_flight: usize,
) -> anyhow::Result<Comparison> {
    let classify = connect(classify, connections).await?;
    let echo = connect(echo, connections).await?;
    for clients in [&classify, &echo] {
        ask(clients, in_flight, WARM_UP).await?;
    }
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        rounds.push(if round % 2 == 0 {
            let first = ask(&classify, in_flight, WINDOW).await?;
            (first, ask(&echo, in_flight, WINDOW).await?)
        } else {
            let first = ask(&echo, in_flight, WINDOW).await?;
            (ask(&classify, in_flight, WINDOW).await?, first)
        });
    }
    Ok(Comparison(rounds))
}

async fn connect(endpoint: &str, connections: usize) -> anyhow::Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections {
        let channel = Endpoint::from_shared(endpoint.to_owned())?
            .connect()
            .await?;
        clients.push(Client::new(channel));
    }
    Ok(clients)
}

/// Keeps `in_flight` calls under way on each connection for a while.
async fn ask(clients: &[Client], in_flight: usize, window: Duration) -> anyhow::Result<Measured> {
    let before = CpuTime::read()?;
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..clients.len() * in_flight {
        let client = clients[caller % clients.len()].clone();
        // Every caller begins elsewhere, and all of them meet every customer.
        callers.spawn(call(client, caller * 61, start + window));
    }
    let mut latencies = vec![];
    while let Some(called) = callers.join_next().await {
        latencies.extend(called??);
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = CpuTime::read()?;
    ensure!(!latencies.is_empty(), "no call ended in {window:?}");
    latencies.sort_unstable();
    let percentile = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    let requests = f64::from(u32::try_from(latencies.len())?);
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    Ok([
        requests / seconds,
        micros(percentile(50)),
        micros(percentile(99)),
        micros(after.servers.saturating_sub(before.servers)) / requests,
        micros(after.process.saturating_sub(before.process)) / requests,
    ])
}

/// One call after another; returns how long each took.
async fn call(mut client: Client, from: usize, end: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = vec![];
    let mut start = Instant::now();
    while start < end {
        let request = request_for((from + latencies.len()) % CUSTOMERS);
        let answer = client.classify(request).await?;
        let now = Instant::now();
        ensure!(
            answer.get_ref().classification.is_some(),
            "nobody was found"
        );
        latencies.push(now - start);
        start = now;
    }
    Ok(latencies)
}

/// CPU time that this process has used, user and system.
struct CpuTime {
    /// Of the servers' threads.
    servers: Duration,
    /// Of all threads.
    process: Duration,
}

impl CpuTime {
    /// From the scheduler, which counts nanoseconds; `/proc/self/stat` counts hundredths of a second.
    fn read() -> io::Result<Self> {
        let (mut servers, mut process) = (Duration::ZERO, Duration::ZERO);
        for thread in fs::read_dir("/proc/self/task")? {
            let thread = thread?.path();
            // A thread may have ended since the directory was read.
            let Ok(times) = fs::read_to_string(thread.join("schedstat")) else {
                continue;
            };
            let nanos = times.split(' ').next().and_then(|nanos| nanos.parse().ok());
            let time = Duration::from_nanos(nanos.unwrap_or(0));
            process += time;
            if fs::read_to_string(thread.join("comm"))?.trim() == SERVER_THREAD {
                servers += time;
            }
        }
        Ok(Self { servers, process })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:10}", "")?;
        for name in MEASURES {
            write!(f, "{name:>20}")?;
        }
        let lines = [
            ("Classify", self.column(|classify, _| classify)),
            ("echo", self.column(|_, echo| echo)),
        ];
        for (name, column) in lines {
            write!(f, "\n{name:10}")?;
            for values in column {
                write!(f, "{:>20.1}", values[ROUNDS / 2])?;
            }
        }
        write!(f, "\n{:10}", "ratio")?;
        for values in self.column(|classify, echo| classify / echo) {
            let (least, median, most) = (values[0], values[ROUNDS / 2], values[ROUNDS - 1]);
            write!(f, "{:>20}", format!("{median:.2} ({least:.2}-{most:.2})"))?;
        }
        Ok(())
    }
}

impl Comparison {
    /// For each measure what `of` makes of the rounds, in order of size.
    fn column(&self, of: impl Fn(f64, f64) -> f64) -> [Vec<f64>; MEASURES.len()] {
        std::array::from_fn(|measure| {
            let values = self.0.iter();
            let mut values: Vec<_> = values.map(|(c, e)| of(c[measure], e[measure])).collect();
            values.sort_by(f64::total_cmp);
            values
        })
    }
}
