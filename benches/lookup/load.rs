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

/// How many ways of asking are compared; the last is the echo.
const WAYS: usize = 4;

/// A server and what it is asked.
pub(crate) struct Way<'a> {
    pub(crate) name: &'static str,
    pub(crate) endpoint: &'a str,
    pub(crate) as_of: &'a str,
}

/// Windows of all ways, by round.
pub(crate) struct Comparison {
    names: [&'static str; WAYS],
    rounds: Vec<[Measured; WAYS]>,
}

/// Asks in every way in turn; which is first changes from round to round.
pub(crate) async fn compare(
    ways: &[Way<'_>; WAYS],
    connections: usize,
    in_flight: usize,
) -> anyhow::Result<Comparison> {
    let mut clients = Vec::with_capacity(WAYS);
    for way in ways {
        let connected = connect(way.endpoint, connections).await?;
        ask(&connected, way.as_of, in_flight, WARM_UP).await?;
        clients.push(connected);
    }
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let mut measured = [Measured::default(); WAYS];
        for turn in 0..WAYS {
            let way = (round + turn) % WAYS;
            measured[way] = ask(&clients[way], ways[way].as_of, in_flight, WINDOW).await?;
        }
        rounds.push(measured);
    }
    Ok(Comparison {
        names: ways.each_ref().map(|way| way.name),
        rounds,
    })
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
async fn ask(
    clients: &[Client],
    as_of: &str,
    in_flight: usize,
    window: Duration,
) -> anyhow::Result<Measured> {
    let before = CpuTime::read()?;
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..clients.len() * in_flight {
        let client = clients[caller % clients.len()].clone();
        // Every caller begins elsewhere, and all of them meet every customer.
        let as_of = as_of.to_owned();
        callers.spawn(call(client, as_of, caller * 61, start + window));
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
async fn call(
    mut client: Client,
    as_of: String,
    from: usize,
    end: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = vec![];
    let mut start = Instant::now();
    while start < end {
        let request = request_for((from + latencies.len()) % CUSTOMERS, &as_of);
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
        for (way, name) in self.names.iter().enumerate() {
            write!(f, "\n{name:10}")?;
            for values in self.column(|round, measure| round[way][measure]) {
                write!(f, "{:>20.1}", values[ROUNDS / 2])?;
            }
        }
        for (way, name) in self.names.iter().enumerate().take(WAYS - 1) {
            write!(f, "\n{name}/{}", self.names[WAYS - 1])?;
            write!(f, "{:1$}", "", 10_usize.saturating_sub(name.len() + 5))?;
            for values in
                self.column(|round, measure| round[way][measure] / round[WAYS - 1][measure])
            {
                let (least, median, most) = (values[0], values[ROUNDS / 2], values[ROUNDS - 1]);
                write!(f, "{:>20}", format!("{median:.2} ({least:.2}-{most:.2})"))?;
            }
        }
        Ok(())
    }
}

impl Comparison {
    /// For each measure what `of` makes of the rounds, in order of size.
    fn column(&self, of: impl Fn(&[Measured; WAYS], usize) -> f64) -> [Vec<f64>; MEASURES.len()] {
        std::array::from_fn(|measure| {
            let values = self.rounds.iter();
            let mut values: Vec<_> = values.map(|round| of(round, measure)).collect();
            values.sort_by(f64::total_cmp);
            values
        })
    }
}
