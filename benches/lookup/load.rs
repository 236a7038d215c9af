//! The load, and what it costs: a closed loop that measures latencies at the client and CPU time of this process by thread.

use std::{
    fmt::{self, Write as _},
    fs, io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::ensure;
use patron::pb::{
    routing_service_client::RoutingServiceClient, scoring_service_client::ScoringServiceClient,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};
use tonic::transport::{Channel, Endpoint};

use crate::customers::{CUSTOMERS, number, number_request, request_for, route_request};

/// Name of the servers' threads; the kernel keeps 15 bytes of a name.
pub(crate) const SERVER_THREAD: &str = "bench-server";
/// Name of the service's own threads for connections.
const LOOKUP_THREAD: &str = "patron-lookup";
/// Rounds of a comparison; odd, so that a median is one that was measured.
const ROUNDS: usize = 7;
/// Time in which one server is asked, a round. Long enough for some thousand answers, short enough that both see the same machine.
const WINDOW: Duration = Duration::from_millis(800);
/// Time in which a server is asked beforehand.
const WARM_UP: Duration = Duration::from_millis(400);
/// What is measured, in this order everywhere.
const MEASURES: [&str; 5] = ["req/s", "p50 us", "p99 us", "server us", "process us"];

/// One window: requests a second, latencies, and CPU time for each request.
type Measured = [f64; MEASURES.len()];

/// A server and what it is asked.
pub(crate) struct Way<'a> {
    pub(crate) name: &'static str,
    pub(crate) asked: Asked<'a>,
}

/// What is asked.
#[derive(Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// Classify by id as of a day, of the server at an endpoint.
    Classify(&'a str, &'a str),
    /// Classify by phone number.
    ClassifyNumber(&'a str),
    /// `RouteContact` by phone number.
    Route(&'a str),
    /// A target over HTTP, to which the number is added.
    Http(SocketAddr, &'a str),
    /// Classify by phone number, as JSON over HTTP.
    Json(SocketAddr),
}

/// A caller's connection.
#[derive(Clone)]
enum Client {
    Scoring(ScoringServiceClient<Channel>, String),
    Number(ScoringServiceClient<Channel>),
    Routing(RoutingServiceClient<Channel>),
    /// Each caller opens one of its own; without a target, it calls Classify.
    Http(SocketAddr, Option<String>),
}

/// Windows of all ways, by round; the last is what the others are compared with.
pub(crate) struct Comparison<const WAYS: usize> {
    names: [&'static str; WAYS],
    rounds: Vec<[Measured; WAYS]>,
}

/// Asks in every way in turn; which is first changes from round to round.
pub(crate) async fn compare<const WAYS: usize>(
    ways: &[Way<'_>; WAYS],
    connections: usize,
    in_flight: usize,
) -> anyhow::Result<Comparison<WAYS>> {
    let mut clients = Vec::with_capacity(WAYS);
    for way in ways {
        let connected = connect(way.asked, connections).await?;
        ask(&connected, in_flight, WARM_UP).await?;
        clients.push(connected);
    }
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let mut measured = [Measured::default(); WAYS];
        for turn in 0..WAYS {
            let way = (round + turn) % WAYS;
            measured[way] = ask(&clients[way], in_flight, WINDOW).await?;
        }
        rounds.push(measured);
    }
    Ok(Comparison {
        names: ways.each_ref().map(|way| way.name),
        rounds,
    })
}

async fn connect(asked: Asked<'_>, connections: usize) -> anyhow::Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections {
        let channel = async |endpoint: &str| {
            let endpoint = Endpoint::from_shared(endpoint.to_owned())?;
            anyhow::Ok(endpoint.connect().await?)
        };
        clients.push(match asked {
            Asked::Classify(endpoint, as_of) => {
                let client = ScoringServiceClient::new(channel(endpoint).await?);
                Client::Scoring(client, as_of.to_owned())
            }
            Asked::ClassifyNumber(endpoint) => {
                Client::Number(ScoringServiceClient::new(channel(endpoint).await?))
            }
            Asked::Route(endpoint) => {
                Client::Routing(RoutingServiceClient::new(channel(endpoint).await?))
            }
            Asked::Http(address, target) => Client::Http(address, Some(target.to_owned())),
            Asked::Json(address) => Client::Http(address, None),
        });
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
    let mut http = match &client {
        Client::Http(address, _) => Some(HttpConnection::open(*address).await?),
        Client::Scoring(..) | Client::Number(_) | Client::Routing(_) => None,
    };
    let mut latencies = vec![];
    let mut start = Instant::now();
    while start < end {
        let customer = (from + latencies.len()) % CUSTOMERS;
        let is_found = match &mut client {
            Client::Scoring(client, as_of) => {
                let answer = client.classify(request_for(customer, as_of)).await?;
                answer.get_ref().classification.is_some()
            }
            Client::Number(client) => {
                let answer = client.classify(number_request(customer)).await?;
                answer.get_ref().classification.is_some()
            }
            Client::Routing(client) => {
                let answer = client.route_contact(route_request(customer)).await?;
                answer.get_ref().customer.is_some()
            }
            Client::Http(_, target) => match &mut http {
                Some(http) => http.ask(target.as_deref(), customer).await?,
                None => false,
            },
        };
        ensure!(is_found, "nobody was found");
        let now = Instant::now();
        latencies.push(now - start);
        start = now;
    }
    Ok(latencies)
}

/// A connection over HTTP that is kept.
struct HttpConnection {
    stream: TcpStream,
    request: String,
    answer: Vec<u8>,
}

impl HttpConnection {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request: String::new(),
            answer: vec![],
        })
    }

    /// Whether the answer to a request about a customer is one.
    async fn ask(&mut self, target: Option<&str>, customer: usize) -> anyhow::Result<bool> {
        self.request.clear();
        let number = number(customer);
        if let Some(target) = target {
            let number = number.replace('+', "%2B");
            write!(
                self.request,
                "GET {target}{number} HTTP/1.1\r\nhost: x\r\n\r\n"
            )?;
        } else {
            let body = format!("{{\"subject\":{{\"phoneNumber\":\"{number}\"}}}}");
            write!(
                self.request,
                "POST /patron.v1.ScoringService/Classify HTTP/1.1\r\nhost: x\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )?;
        }
        self.stream.write_all(self.request.as_bytes()).await?;
        self.answer.clear();
        loop {
            ensure!(
                self.stream.read_buf(&mut self.answer).await? > 0,
                "the connection ended"
            );
            if let Some(is_ok) = self.complete()? {
                return Ok(is_ok);
            }
        }
    }

    /// Whether it is one, if all of it is there.
    fn complete(&self) -> anyhow::Result<Option<bool>> {
        let end = self.answer.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(end) = end else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&self.answer[..end])?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        let length = length.unwrap_or(0);
        let is_complete = self.answer.len() >= end + 4 + length;
        Ok(is_complete.then(|| head.starts_with("HTTP/1.1 200") && length > 0))
    }
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
            let name = fs::read_to_string(thread.join("comm"))?;
            if [SERVER_THREAD, LOOKUP_THREAD].contains(&name.trim()) {
                servers += time;
            }
        }
        Ok(Self { servers, process })
    }
}

impl<const WAYS: usize> fmt::Display for Comparison<WAYS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Columns of a name.
        const WIDTH: usize = 18;
        write!(f, "{:WIDTH$}", "")?;
        for name in MEASURES {
            write!(f, "{name:>20}")?;
        }
        for (way, name) in self.names.iter().enumerate() {
            write!(f, "\n{name:WIDTH$}")?;
            for values in self.column(|round, measure| round[way][measure]) {
                write!(f, "{:>20.1}", values[ROUNDS / 2])?;
            }
        }
        for (way, name) in self.names.iter().enumerate().take(WAYS - 1) {
            let ratio = format!("{name}/{}", self.names[WAYS - 1]);
            write!(f, "\n{ratio:WIDTH$}")?;
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

impl<const WAYS: usize> Comparison<WAYS> {
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
