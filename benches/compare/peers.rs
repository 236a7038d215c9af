//! The servers, each a process of its own but for the service.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use patron::pb;
use prost::Message as _;

use crate::echo;
use crate::load::{self, Load, Measured, number_before, run};

/// The method that is asked.
const METHOD: &str = "patron.v1.ScoringService/Classify";

/// A server and how to ask it.
pub(crate) struct Peer {
    name: &'static str,
    asked: Asked,
    process: Process,
}

enum Asked {
    /// Over gRPC: the address of the method, and the body in a file.
    Grpc(String, PathBuf),
    /// Redis at a port.
    Redis(u16),
    /// Postgres by a script of `pgbench` in a file.
    Postgres(String, PathBuf),
}

/// The process of a server.
enum Process {
    /// This one.
    Own,
    /// Another one.
    Child(Running),
    /// Many, whose time is not counted.
    Several,
}

/// A process that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Peer {
    /// The service, asked with a request.
    pub(crate) fn service(
        endpoint: &str,
        name: &'static str,
        directory: &Path,
        request: &pb::ClassifyRequest,
    ) -> anyhow::Result<Self> {
        let body = directory.join(name);
        fs::write(&body, framed(&request.encode_to_vec())?)?;
        Ok(Self {
            name,
            asked: Asked::Grpc(format!("{endpoint}/{METHOD}"), body),
            process: Process::Own,
        })
    }

    /// The stock server: this program again.
    pub(crate) fn stock(directory: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(crate::ECHO).arg(directory.join("answer"));
        Self::over_grpc("stock tonic", directory, command)
    }

    /// A server over gRPC that prints its port.
    fn over_grpc(
        name: &'static str,
        directory: &Path,
        mut command: Command,
    ) -> anyhow::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = Running(command.spawn().context("cannot be started")?);
        let output = running.0.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let port: u16 = line.trim().parse().context("it printed no port")?;
        let url = format!("http://127.0.0.1:{port}/{METHOD}");
        Ok(Self {
            name,
            asked: Asked::Grpc(url, directory.join("by id")),
            process: Process::Child(running),
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn is_stock(&self) -> bool {
        self.name == "stock tonic"
    }

    /// Asks it for so long.
    pub(crate) fn ask(&self, load: Load, window: Duration) -> anyhow::Result<Measured> {
        let before = self.cpu()?;
        let mut measured = match &self.asked {
            Asked::Grpc(url, body) => load::over_grpc(url, body, load, window),
            Asked::Redis(port) => redis(*port, load),
            Asked::Postgres(url, script) => pgbench(url, script, load, window),
        }
        .with_context(|| self.name)?;
        if let (Some(before), Some(after)) = (before, self.cpu()?) {
            let micros = after.saturating_sub(before).as_secs_f64() * 1e6;
            measured.cpu_micros = Some(micros / measured.answers);
        }
        if let Asked::Grpc(url, body) = &self.asked {
            let (p50, p99) = load::latencies(url, body, load)?;
            (measured.p50_micros, measured.p99_micros) = (Some(p50), Some(p99));
        }
        Ok(measured)
    }

    /// The processor time of its process, from the scheduler, which counts nanoseconds.
    fn cpu(&self) -> anyhow::Result<Option<Duration>> {
        let id = match &self.process {
            Process::Own => std::process::id(),
            Process::Child(running) => running.0.id(),
            Process::Several => return Ok(None),
        };
        let mut sum = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{id}/task"))? {
            // A thread may have ended since the directory was read.
            let Ok(times) = fs::read_to_string(thread?.path().join("schedstat")) else {
                continue;
            };
            let nanos = times.split(' ').next().and_then(|nanos| nanos.parse().ok());
            sum += Duration::from_nanos(nanos.unwrap_or(0));
        }
        Ok(Some(sum))
    }
}

/// A message as gRPC sends it.
fn framed(message: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut framed = vec![0];
    framed.extend(u32::try_from(message.len())?.to_be_bytes());
    framed.extend(message);
    Ok(framed)
}

/// Whether a program can be started.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// The servers of others, as far as they are installed.
pub(crate) fn others(
    directory: &Path,
    answer: &[u8],
    database: &str,
) -> Vec<(&'static str, anyhow::Result<Peer>)> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/compare");
    let file = directory.join("answer");
    let script = |program: &str, source: &str| {
        ensure!(is_installed(program), "{program} is not installed");
        let mut command = Command::new(program);
        command.arg(sources.join(source)).arg(&file);
        Ok(command)
    };
    vec![
        (
            "grpc.aio",
            script("python3", "aio.py")
                .and_then(|command| Peer::over_grpc("grpc.aio", directory, command)),
        ),
        (
            "grpc-js",
            script("node", "node.mjs")
                .and_then(|command| Peer::over_grpc("grpc-js", directory, command)),
        ),
        ("Redis", start_redis(directory, &file)),
        ("pgbench", start_postgres(directory, answer, database)),
    ]
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing else runs on this thread"
)]
fn start_redis(directory: &Path, answer: &Path) -> anyhow::Result<Peer> {
    ensure!(
        is_installed("redis-server"),
        "redis-server is not installed"
    );
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new("redis-server");
    command
        .args([
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--bind",
            "127.0.0.1",
        ])
        .current_dir(directory)
        .stdout(Stdio::null());
    let peer = Peer {
        name: "Redis GET",
        asked: Asked::Redis(port),
        process: Process::Child(Running(command.spawn()?)),
    };
    // The client waits for a server that is about to listen only if it is asked again.
    let set = |_| {
        let mut client = Command::new("redis-cli");
        client.args(["-p", &port.to_string(), "-x", "SET", "key"]);
        client.stdin(fs::File::open(answer)?);
        run(&mut client)
    };
    let stored = (0..1_000).map(set).find(|stored| {
        std::thread::sleep(Duration::from_millis(10));
        stored.as_ref().is_ok_and(|text| text.contains("OK"))
    });
    stored.context("it does not answer")??;
    Ok(peer)
}

fn redis(port: u16, load: Load) -> anyhow::Result<Measured> {
    /// Enough for a window of some seconds.
    const CALLS: u32 = 300_000;
    let calls = if load.connections == 1 {
        CALLS / 10
    } else {
        CALLS
    };
    let mut command = Command::new("redis-benchmark");
    command
        .args(["-p", &port.to_string(), "--csv", "-n", &calls.to_string()])
        .args(["-c", &load.connections.to_string()])
        .args(["-P", &load.in_flight.to_string()])
        .args(["GET", "key"]);
    let text = run(&mut command)?;
    // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
    let line = text.lines().last().context("no line")?;
    let figures: Vec<f64> = line
        .split(',')
        .filter_map(|cell| cell.trim_matches('"').parse().ok())
        .collect();
    ensure!(figures.len() >= 7, "{text}");
    let figures = &figures[figures.len() - 7..];
    Ok(Measured {
        answers: calls.into(),
        rate: Some(figures[0]),
        p50_micros: Some(figures[3] * 1e3),
        p99_micros: Some(figures[5] * 1e3),
        ..Measured::default()
    })
}

fn start_postgres(directory: &Path, answer: &[u8], database: &str) -> anyhow::Result<Peer> {
    for program in ["psql", "pgbench"] {
        ensure!(is_installed(program), "{program} is not in the PATH");
    }
    let hex = answer.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let table = format!(
        "CREATE TABLE bench_answers (id int PRIMARY KEY, answer bytea);
         INSERT INTO bench_answers SELECT id, '\\x{hex}' FROM generate_series(1, 20000) AS id;
         ANALYZE bench_answers;"
    );
    run(Command::new("psql").args([database, "-q", "-v", "ON_ERROR_STOP=1", "-c", &table]))?;
    let script = directory.join("select.sql");
    fs::write(
        &script,
        "\\set id random(1, 20000)\nSELECT answer FROM bench_answers WHERE id = :id;\n",
    )?;
    Ok(Peer {
        name: "pgbench",
        asked: Asked::Postgres(database.to_owned(), script),
        process: Process::Several,
    })
}

/// Postgres answers one statement of a connection after another: calls in flight are connections.
fn pgbench(url: &str, script: &Path, load: Load, window: Duration) -> anyhow::Result<Measured> {
    let connections = load.connections * load.in_flight;
    let mut command = Command::new("pgbench");
    command
        .args(["-n", "-M", "prepared", "-T", &window.as_secs().to_string()])
        .args(["-c", &connections.to_string(), "-f"])
        .arg(script)
        .arg(url);
    let text = run(&mut command)?;
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = rate.and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
    let rate = rate.context("pgbench says no rate")?;
    let mean = number_before(&text, " ms\ninitial").map(|ms| ms * 1e3);
    Ok(Measured {
        answers: rate * window.as_secs_f64(),
        rate: Some(rate),
        p50_micros: mean,
        ..Measured::default()
    })
}

/// Serves an answer as a stock tonic server does, until its input ends.
#[tokio::main]
pub(crate) async fn echo(answer: &[u8]) -> anyhow::Result<()> {
    let address = echo::start(vec![pb::ClassifyResponse::decode(answer)?]).await?;
    println!("{}", address.rsplit(':').next().context("no port")?);
    let input = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
    // It ends, or fails, with the benchmark.
    let _ = input.await?;
    Ok(())
}
