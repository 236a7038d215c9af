//! Single lookups beside heavy work: the 99th percentile against that of an idle server, in turns.

use std::{path::Path, time::Duration};

use anyhow::ensure;

use super::{Row, median, serve, spread};
use crate::{
    load::{paced, permille},
    note, population,
    program::Neighbour,
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
        for _ in 0..ROUNDS {
            let quiet = paced(&mut callers, &question, RATE, window()).await;
            let mut neighbour = Neighbour::start(kind, &server.address)?;
            // The neighbour connects and begins.
            paced(&mut callers, &question, RATE, window() / 2).await;
            let loaded = paced(&mut callers, &question, RATE, window()).await;
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
            middle.push(f64::from(permille(&loaded.answered, 500)));
        }
        let (least, most) = spread(&ratios);
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
    }
    server.terminate()?;
    Ok(rows)
}
