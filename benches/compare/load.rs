//! The load: programs that others wrote, for so many connections with so many calls in flight each.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// How a server is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) in_flight: u32,
}

impl Load {
    pub(crate) const fn new(connections: u32, in_flight: u32) -> Self {
        Self {
            connections,
            in_flight,
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            connections,
            in_flight,
        } = self;
        write!(f, "{connections} connections x {in_flight} in flight")
    }
}

/// What a window came to; `None` where the load does not say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured {
    pub(crate) answers: f64,
    pub(crate) rate: Option<f64>,
    pub(crate) cpu_micros: Option<f64>,
    pub(crate) p50_micros: Option<f64>,
    pub(crate) p99_micros: Option<f64>,
}

/// Asks a method over gRPC by `h2load`. A log of all calls costs the load as much as the calls: latencies come from a short window of their own.
pub(crate) fn over_grpc(
    url: &str,
    body: &Path,
    load: Load,
    window: Duration,
) -> anyhow::Result<Measured> {
    let text = h2load(url, body, load, window, None)?;
    let answers = number_before(&text, " succeeded").context("h2load says no count")?;
    let failed = number_before(&text, " failed");
    ensure!(
        answers > 0.0 && failed == Some(0.0),
        "calls failed:\n{text}"
    );
    Ok(Measured {
        answers,
        rate: Some(answers / window.as_secs_f64()),
        ..Measured::default()
    })
}

/// Latencies of calls, median and 99th percentile.
pub(crate) fn latencies(url: &str, body: &Path, load: Load) -> anyhow::Result<(f64, f64)> {
    let log = tempfile::NamedTempFile::new()?;
    h2load(url, body, load, Duration::from_secs(1), Some(log.path()))?;
    let text = std::fs::read_to_string(log.path())?;
    let times = text.lines().filter_map(|line| line.split('\t').nth(2));
    let mut times: Vec<f64> = times.filter_map(|time| time.parse().ok()).collect();
    ensure!(!times.is_empty(), "h2load logged no call");
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    Ok((at(50), at(99)))
}

fn h2load(
    url: &str,
    body: &Path,
    load: Load,
    window: Duration,
    log: Option<&Path>,
) -> anyhow::Result<String> {
    let mut command = Command::new("h2load");
    command
        .args(["-t", "1", "-D", &window.as_secs().to_string()])
        .args(["-c", &load.connections.to_string()])
        .args(["-m", &load.in_flight.to_string()])
        .args(["-H", "content-type: application/grpc", "-H", "te: trailers"])
        .arg("-d")
        .arg(body)
        .arg(url);
    if let Some(log) = log {
        command.arg("--log-file").arg(log);
    }
    run(&mut command)
}

/// What a program prints that ends well.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().context("cannot be started")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{text}{errors}");
    Ok(text)
}

/// The number in front of some words.
pub(crate) fn number_before(text: &str, words: &str) -> Option<f64> {
    let before = &text[..text.find(words)?];
    let start = before.rfind(|c: char| !(c.is_ascii_digit() || c == '.'));
    before[start.map_or(0, |at| at + 1)..].parse().ok()
}
