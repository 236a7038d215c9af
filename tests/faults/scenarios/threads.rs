//! Which threads work while a fit, batches and lookups run side by side.

use std::{collections::BTreeMap, path::Path, time::Duration};

use super::{Row, serve};
use crate::{
    load::paced,
    note, population,
    program::{Neighbour, Thread},
    window,
    wire::Caller,
};

/// `SCHED_IDLE` in `/proc/PID/stat`.
const IDLE: &str = "5";

pub(crate) async fn run(data: &Path) -> anyhow::Result<Vec<Row>> {
    let server = serve(data, &[])?;
    population::warm(&server.address).await?;
    let question = population::lookups("", Duration::from_secs(2));
    let mut callers = vec![Caller::connect(&server.address).await?];
    let _batches = [
        Neighbour::start("batches", &server.address)?,
        Neighbour::start("fit", &server.address)?,
    ];
    paced(&mut callers, &question, 1_000.0, window() / 2).await;
    let before = by_id(server.threads()?);
    paced(&mut callers, &question, 5_000.0, 2 * window()).await;
    let mut by_name: BTreeMap<(String, String), (usize, f64)> = BTreeMap::new();
    for thread in server.threads()? {
        let earlier = before.get(&thread.id).copied().unwrap_or(0.0);
        let priority = if thread.policy == IDLE {
            "idle".to_owned()
        } else {
            format!("nice {}", thread.nice)
        };
        let entry = by_name.entry((thread.name, priority)).or_default();
        entry.0 += 1;
        entry.1 += thread.seconds - earlier;
    }
    let seconds = (2 * window()).as_secs_f64();
    Ok(by_name
        .into_iter()
        .map(|((name, priority), (count, used))| {
            note(
                format!("{count} x {name} ({priority})"),
                format!("{:.1} % of a core", 100.0 * used / seconds),
            )
        })
        .collect())
}

fn by_id(threads: Vec<Thread>) -> BTreeMap<String, f64> {
    threads.into_iter().map(|it| (it.id, it.seconds)).collect()
}
