//! What only load, hostile peers and a dying database show: `make test-faults`, which needs Linux, two cores and some minutes.
//!
//! Each scenario runs the program as a process of its own on one core and its load on the other, and prints what it measured beside
//! what is promised. The last line says how many promises were kept. `cargo test --release --test faults -- stop outage` runs two of
//! them; `PATRON_FAULTS_PROGRAM=/path/to/patron` runs another build of the program, which shows what a change made better;
//! `PATRON_FAULTS_SECONDS` is the length of a window of load (2).
//!
//! Latencies and rates are read as ratios within one run: what else the machine does moves both.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    reason = "it prints what it measured, and ends where its own messages are unsound"
)]

mod load;
mod population;
mod program;
mod scenarios;
mod wire;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use tokio::{runtime::Runtime, task::LocalSet};

use crate::scenarios::Row;

/// What is measured when nothing is named.
const ALL: [&str; 8] = [
    "beside", "overload", "callers", "threads", "hostile", "stop", "outage", "writers",
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let run = match &*words {
        [load, kind, address] if load == "load" => neighbour(kind, address).map(|()| 0),
        _ => measure(&words),
    };
    match run {
        Ok(0) => ExitCode::SUCCESS,
        Ok(broken) => {
            println!("\n{broken} promises were not kept");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Length of a window of load.
pub(crate) fn window() -> Duration {
    let seconds = std::env::var("PATRON_FAULTS_SECONDS");
    let seconds = seconds.ok().and_then(|text| text.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(2.0))
}

pub(crate) fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(8)
        .build()
}

/// Load beside a measurement, until it is killed.
fn neighbour(kind: &str, address: &str) -> anyhow::Result<()> {
    LocalSet::new().block_on(&runtime()?, scenarios::neighbours::run(kind, address))
}

fn measure(names: &[String]) -> anyhow::Result<usize> {
    program::pin_load()?;
    let data = data()?;
    let runtime = runtime()?;
    let names: Vec<&str> = match names {
        [] => ALL.to_vec(),
        some => some.iter().map(String::as_str).collect(),
    };
    println!("program: {}", program::path().display());
    let mut broken = 0;
    let local = LocalSet::new();
    local.block_on(&runtime, population::prepare(&data))?;
    for name in names {
        let rows = local.block_on(&runtime, async {
            match name {
                "beside" => scenarios::beside::run(&data).await,
                "overload" => scenarios::overload::run(&data).await,
                "callers" => scenarios::callers::run(&data).await,
                "threads" => scenarios::threads::run(&data).await,
                "hostile" => scenarios::hostile::run(&data).await,
                "stop" => scenarios::stop::run(&data).await,
                "outage" => scenarios::outage::run(&data).await,
                "writers" => scenarios::writers::run(&data).await,
                other => bail!("no scenario {other}: there are {}", ALL.join(", ")),
            }
        });
        let rows = rows.with_context(|| format!("scenario {name}"))?;
        println!("\n{name}\n{}", scenarios::table(&rows));
        broken += rows.iter().filter(|row| row.kept == Some(false)).count();
    }
    Ok(broken)
}

/// Where the customers stay from run to run, one place for each program that is tested: `PATRON_FAULTS_DATA`, or beside the build.
fn data() -> anyhow::Result<PathBuf> {
    let place = std::env::var_os("PATRON_FAULTS_DATA").map_or_else(
        || concat!(env!("CARGO_TARGET_TMPDIR"), "/faults").into(),
        PathBuf::from,
    );
    std::fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
    Ok(place)
}

/// A row of a table without a promise.
pub(crate) fn note(what: impl Into<String>, measured: impl Into<String>) -> Row {
    Row {
        what: what.into(),
        measured: measured.into(),
        promised: String::new(),
        kept: None,
    }
}

/// A row of a table with a promise.
pub(crate) fn promise(
    what: impl Into<String>,
    measured: impl Into<String>,
    promised: impl Into<String>,
    kept: bool,
) -> Row {
    Row {
        what: what.into(),
        measured: measured.into(),
        promised: promised.into(),
        kept: Some(kept),
    }
}
