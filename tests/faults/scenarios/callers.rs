//! Two callers of one server: the 99th percentile of one, while the other sends its share, and while it sends ten times as much.
//!
//! A caller without identity is the address that its connections come from. The share of each is half of what the server can answer; the measured
//! caller sends a tenth of that. The other one is a process of idle priority on the core of the load, so that it does not delay the measurement;
//! what it really sent is printed.

use std::{path::Path, time::Duration};

use anyhow::ensure;

use super::{Row, median, serve, spread};
use crate::{
    load::{closed_loop, paced, permille},
    note, population,
    program::{Neighbour, Server},
    promise, window,
    wire::Caller,
};

const ROUNDS: usize = 5;
/// Calls in flight of each connection while it is found what the server can answer.
const IN_FLIGHT: usize = 16;
/// Shares that the other caller sends.
const SHARES: f64 = 10.0;
/// What is promised.
const MOST: f64 = 1.5;

pub(crate) async fn run(data: &Path) -> anyhow::Result<Vec<Row>> {
    let server = serve(data, &["--share-callers"])?;
    population::warm(&server.address).await?;
    let mut rows = vec![];
    let today = population::today();
    let time = Duration::from_secs(1);
    for (name, question) in [
        ("kept answers", population::lookups("", time)),
        ("computed", population::lookups(&today, time)),
    ] {
        let mut callers = vec![];
        for _ in 0..4 {
            callers.push(Caller::connect(&server.address).await?);
        }
        let peak = closed_loop(&callers, &question, IN_FLIGHT, window()).await;
        let share = peak.goodput() / 2.0;
        let kind = if name == "computed" {
            "computed"
        } else {
            "kept"
        };
        let (mut calm, mut flooded, mut ratios) = (vec![], vec![], vec![]);
        let (mut sent, mut lost) = (vec![], 0);
        for _ in 0..ROUNDS {
            let mut measure = async |shares: f64| -> anyhow::Result<_> {
                let rate = share * shares;
                let mut other = Neighbour::start(&format!("{kind}:{rate:.0}"), &server.address)?;
                // It connects, and the server finds out what each sends.
                paced(&mut callers, &question, share / 10.0, window()).await;
                let before = calls(&server)?;
                let measured = paced(&mut callers, &question, share / 10.0, window()).await;
                let all = calls(&server)? - before;
                ensure!(other.is_running()?, "the other caller ended early");
                Ok((measured, all))
            };
            let (quiet, _) = measure(1.0).await?;
            let (loud, all) = measure(SHARES).await?;
            ensure!(quiet.broken + loud.broken == 0, "connections broke");
            lost += loud.refused.len() + loud.late + loud.expired + loud.not_sent + loud.failed;
            let p99 =
                |measured: &crate::load::Outcome| f64::from(permille(&measured.answered, 990));
            calm.push(p99(&quiet));
            flooded.push(p99(&loud));
            ratios.push(p99(&loud) / p99(&quiet));
            sent.push(all / window().as_secs_f64() / peak.goodput());
        }
        let (least, most) = spread(&ratios);
        let ratio = median(&ratios);
        rows.push(promise(
            format!("{name}: p99 beside {SHARES} shares / beside one"),
            format!("{ratio:.2} ({least:.2}-{most:.2})"),
            format!("at most {MOST}"),
            ratio <= MOST,
        ));
        rows.push(note(
            "  p99 us beside one share; beside ten; calls lost",
            format!("{:.0}; {:.0}; {lost}", median(&calm), median(&flooded)),
        ));
        rows.push(note(
            "  calls that the server took up / peak",
            format!("{:.2}", median(&sent)),
        ));
    }
    server.terminate()?;
    Ok(rows)
}

/// Calls that the server began, of all callers.
fn calls(server: &Server) -> anyhow::Result<f64> {
    let page = server.metrics()?;
    let mut lines = page.lines().filter_map(|line| line.rsplit_once(' '));
    let count = lines.find(|(name, _)| *name == "patron_rpc_queue_delay_seconds_count");
    Ok(count
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0.0))
}
