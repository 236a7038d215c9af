//! Two callers of one server: the 99th percentile of one, while the other sends its share, and while it sends ten times as much.
//!
//! A caller without identity is the address that its connections come from; as a control, the flood comes from the address of the measured one
//! too. The share of each is half of what the server can answer; the measured caller sends a tenth of that. The other one is a process of idle
//! priority on the core of the load, so that it does not delay the measurement; what it really sent is printed.

use std::{path::Path, time::Duration};

use anyhow::ensure;

use super::{Row, median, serve, spread};
use crate::{
    load::{Outcome, Question, closed_loop, paced, permille},
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
    let server = serve(data, &[])?;
    population::warm(&server.address).await?;
    let time = Duration::from_secs(1);
    let kept = population::lookups("", time);
    let mut rows = vec![alone(&server, &kept).await?];
    rows.extend(flooded(&server, "kept answers", "kept", &kept).await?);
    let computed = population::lookups(&population::today(), time);
    rows.extend(flooded(&server, "computed", "computed", &computed).await?);
    server.terminate()?;
    Ok(rows)
}

/// What turns cost a caller that could have the server for itself: another one calls ten times a second.
async fn alone(server: &Server, question: &Question) -> anyhow::Result<Row> {
    let callers = connect(server).await?;
    let peak = async || {
        let answered = closed_loop(&callers, question, IN_FLIGHT, 2 * window()).await;
        answered.goodput()
    };
    peak().await;
    let alone = peak().await;
    let _other = Neighbour::start("other kept 10", &server.address)?;
    peak().await;
    let together = peak().await;
    Ok(note(
        "peak of one caller next to another that hardly calls / alone",
        format!("{:.2} of {alone:.0}/s", together / alone),
    ))
}

async fn connect(server: &Server) -> anyhow::Result<Vec<Caller>> {
    let mut callers = vec![];
    for _ in 0..4 {
        callers.push(Caller::connect(&server.address).await?);
    }
    Ok(callers)
}

async fn flooded(
    server: &Server,
    name: &str,
    kind: &str,
    question: &Question,
) -> anyhow::Result<Vec<Row>> {
    let mut callers = connect(server).await?;
    let peak = closed_loop(&callers, question, IN_FLIGHT, window()).await;
    let (peak, share) = (peak.goodput(), peak.goodput() / 2.0);
    let (mut calm, mut loud) = (vec![], vec![]);
    let (mut ratios, mut controls) = (vec![], vec![]);
    let (mut sent, mut lost, mut measured) = (vec![], 0, 0);
    for _ in 0..ROUNDS {
        let mut measure = async |who: &str, shares: f64| -> anyhow::Result<_> {
            let rate = share * shares;
            let work = format!("{who} {kind} {rate:.0}");
            let mut other = Neighbour::start(&work, &server.address)?;
            // It connects, and fills what it may have under way.
            paced(&mut callers, question, share / 10.0, window()).await;
            let before = calls(server)?;
            let measured = paced(&mut callers, question, share / 10.0, window()).await;
            let all = calls(server)? - before;
            ensure!(other.is_running()?, "the other caller ended early");
            ensure!(measured.broken == 0, "connections broke");
            Ok((measured, all))
        };
        let (quiet, _) = measure("other", 1.0).await?;
        let (flood, all) = measure("other", SHARES).await?;
        let (control, _) = measure("same", SHARES).await?;
        for outcome in [&quiet, &flood] {
            measured += outcome.answered.len();
            lost += outcome.refused.len() + outcome.late + outcome.expired;
            lost += outcome.not_sent + outcome.failed;
        }
        let p99 = |outcome: &Outcome| f64::from(permille(&outcome.answered, 990));
        calm.push(p99(&quiet));
        loud.push(p99(&flood));
        ratios.push(p99(&flood) / p99(&quiet));
        controls.push(p99(&control) / p99(&quiet));
        sent.push(all / window().as_secs_f64() / peak);
    }
    let ratio = median(&ratios);
    let scattered = |ratios: &[f64]| {
        let (least, most) = spread(ratios);
        format!("{:.2} ({least:.2}-{most:.2})", median(ratios))
    };
    Ok(vec![
        promise(
            format!("{name}: p99 next to {SHARES} shares / next to one"),
            scattered(&ratios),
            format!("at most {MOST}"),
            ratio <= MOST,
        ),
        note(
            "  p99 us next to one share; next to ten",
            format!("{:.0}; {:.0}", median(&calm), median(&loud)),
        ),
        note("  control: if both are one caller", scattered(&controls)),
        promise(
            "  calls of the measured one that were refused or late",
            format!("{lost} of {measured}"),
            "none",
            lost == 0,
        ),
        note(
            "  calls that the server took up / peak",
            format!("{:.2}", median(&sent)),
        ),
    ])
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
