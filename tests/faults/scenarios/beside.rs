//! Single lookups next to heavy work: the 99th percentile against that of an idle server, in turns.
//!
//! Each turn has a control: an idle server, and on its core a foreign process of the same idle priority that does nothing but loop. What a lookup
//! waits for there is the machine's: the kernel gives the core back late. The server's own part is printed too, from its metrics: how many
//! lookups it handled within a quarter of a millisecond, counted from the moment a thread took the call up.

use std::{path::Path, time::Duration};

use anyhow::ensure;

use super::{Row, median, serve, spread};
use crate::{
    load::{paced, permille},
    note, population,
    program::{Neighbour, SERVER_CORE},
    promise, window,
    wire::Caller,
};

/// Lookups a second: a busy call centre, and far below what one core can do.
const RATE: f64 = 1_000.0;
/// Turns of idle and busy windows.
const ROUNDS: usize = 5;
/// What is promised.
const MOST: f64 = 2.0;

pub(crate) async fn run(data: &Path) -> anyhow::Result<Vec<Row>> {
    let server = serve(data, &[])?;
    population::warm(&server.address).await?;
    let question = population::lookups("", Duration::from_secs(2));
    let mut callers = vec![];
    for _ in 0..4 {
        callers.push(Caller::connect(&server.address).await?);
    }
    paced(&mut callers, &question, RATE, window()).await;
    let mut rows = vec![];
    let only = std::env::var("PATRON_FAULTS_BESIDE").ok();
    let kinds = ["batches", "intervals", "fit", "evaluation", "import"];
    let kinds = kinds.into_iter();
    for kind in kinds.filter(|kind| only.as_deref().is_none_or(|only| only == *kind)) {
        let (mut idle, mut busy, mut ratios, mut middle) = (vec![], vec![], vec![], vec![]);
        let (mut controls, mut handled) = (vec![], vec![]);
        let (mut idle_wakes, mut busy_wakes) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            let quiet = paced(&mut callers, &question, RATE, window()).await;
            let mut foreign = Neighbour::start_on(SERVER_CORE, "loop", &server.address)?;
            let control = paced(&mut callers, &question, RATE, window()).await;
            ensure!(foreign.is_running()?, "the loop ended early");
            drop(foreign);
            let mut neighbour = Neighbour::start(kind, &server.address)?;
            // The neighbour connects and begins.
            paced(&mut callers, &question, RATE, window() / 2).await;
            let before = server.metrics()?;
            let loaded = paced(&mut callers, &question, RATE, window()).await;
            handled.push(handled_quickly(&before, &server.metrics()?));
            ensure!(neighbour.is_running()?, "{kind} ended early");
            drop(neighbour);
            // What it had under way ends.
            paced(&mut callers, &question, RATE, window() / 2).await;
            ensure!(loaded.broken + quiet.broken == 0, "connections broke");
            let before = f64::from(permille(&quiet.answered, 990));
            let beside = f64::from(permille(&loaded.answered, 990));
            idle.push(before);
            busy.push(beside);
            ratios.push(beside / before);
            controls.push(f64::from(permille(&control.answered, 990)) / before);
            middle.push(f64::from(permille(&loaded.answered, 500)));
            idle_wakes.push(f64::from(permille(&quiet.wakes, 990)));
            busy_wakes.push(f64::from(permille(&loaded.wakes, 990)));
        }
        let (least, most) = spread(&ratios);
        let (least_control, most_control) = spread(&controls);
        let ratio = median(&ratios);
        rows.push(promise(
            format!("p99 of single lookups beside {kind} / idle"),
            format!("{ratio:.2} ({least:.2}-{most:.2})"),
            format!("at most {MOST}"),
            ratio <= MOST,
        ));
        rows.push(note(
            "  idle p99; busy p50, p99 us",
            format!(
                "{:.0}; {:.0}, {:.0}",
                median(&idle),
                median(&middle),
                median(&busy)
            ),
        ));
        rows.push(note(
            "  control: beside a foreign loop of idle priority / idle",
            format!(
                "{:.2} ({least_control:.2}-{most_control:.2})",
                median(&controls)
            ),
        ));
        rows.push(note(
            "  the load's own wake-ups: p99 late us idle; busy",
            format!("{:.0}; {:.0}", median(&idle_wakes), median(&busy_wakes)),
        ));
        rows.push(note(
            "  handled by the server within 0.25 ms",
            format!("{:.2} %", 100.0 * median(&handled)),
        ));
    }
    server.terminate()?;
    Ok(rows)
}

/// The share of Classify calls that the server handled within a quarter of a millisecond, between two pages of its metrics.
fn handled_quickly(before: &str, after: &str) -> f64 {
    let ended = |page: &str, series: &str| {
        let lines = page.lines().filter_map(|line| line.rsplit_once(' '));
        let mut found = lines.filter(|(name, _)| {
            name.starts_with("patron_rpc_duration_seconds_")
                && name.contains("ScoringService/Classify\"")
                && name.contains(series)
        });
        let value = found.next().and_then(|(_, value)| value.parse().ok());
        value.unwrap_or(0.0)
    };
    let between = |series| ended(after, series) - ended(before, series);
    between("le=\"0.00025\"") / f64::max(between("_count"), 1.0)
}
