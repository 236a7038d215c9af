//! Four times as many calls as the server can answer: what still comes in time, and how fast the others are turned away.
//!
//! A call that is due while its connection has all the streams that the server allows is lost at the caller at once, as with a client that
//! sheds; one that is sent is given up at its deadline. Then the other way round: twice as many callers as streams. Each
//! waits for its answer and calls again at once, so half of them always wait for a stream.

use std::{path::Path, time::Duration};

use super::{Row, serve};
use crate::{
    load::{Outcome, Question, closed_loop, open_loop, permille},
    note, population, promise, window,
    wire::Caller,
};

/// Connections of the load.
const CONNECTIONS: usize = 4;
/// Calls that the server lets a connection have under way.
const STREAMS: usize = 256;
/// Of the goodput at peak.
const LEAST: f64 = 0.9;
/// Within which a refusal comes, in microseconds.
const REFUSED_WITHIN: u32 = 5_000;

pub(crate) async fn run(data: &Path) -> anyhow::Result<Vec<Row>> {
    let server = serve(data, &[])?;
    population::warm(&server.address).await?;
    let soon = Duration::from_millis(200);
    let today = population::today();
    let mut rows = vec![];
    for (name, question, in_flight) in [
        ("lookups, kept answers", population::lookups("", soon), 16),
        ("lookups, computed", population::lookups(&today, soon), 16),
        ("scores", population::scores(soon), 16),
        ("batches", population::batches(Duration::from_secs(1)), 1),
    ] {
        rows.extend(overloaded(&server.address, name, &question, in_flight).await?);
        if in_flight > 1 {
            rows.extend(crowded(&server.address, name, &question, in_flight).await?);
        }
    }
    let (status, _, said) = server.terminate()?;
    rows.push(note(
        "stopped afterwards",
        format!("{status}, {}", said.last().map_or("", |it| it)),
    ));
    Ok(rows)
}

/// Callers who wait for a stream.
async fn crowded(
    address: &str,
    name: &str,
    question: &Question,
    in_flight: usize,
) -> anyhow::Result<Vec<Row>> {
    let calm = closed_loop(&connect(address).await?, question, in_flight, window()).await;
    let callers = connect(address).await?;
    let crowd = closed_loop(&callers, question, 2 * STREAMS, 2 * window()).await;
    let share = crowd.goodput() / calm.goodput();
    let refused_at = f64::from(permille(&crowd.refused, 990)) / 1e3;
    Ok(vec![
        promise(
            format!(
                "{name}: goodput of {} callers who wait / peak",
                2 * STREAMS * CONNECTIONS
            ),
            format!("{share:.2}"),
            format!("at least {LEAST}"),
            share >= LEAST,
        ),
        note(
            "  answered; p50, p99 ms; refused, p99 ms; late, expired, failed, broken",
            format!(
                "{}; {:.1}, {:.1}; {}, {refused_at:.1}; {}, {}, {}, {}",
                crowd.answered.len(),
                f64::from(permille(&crowd.answered, 500)) / 1e3,
                f64::from(permille(&crowd.answered, 990)) / 1e3,
                crowd.refused.len(),
                crowd.late,
                crowd.expired,
                crowd.failed,
                crowd.broken
            ),
        ),
    ])
}

async fn connect(address: &str) -> anyhow::Result<Vec<Caller>> {
    let mut callers = vec![];
    for _ in 0..CONNECTIONS {
        callers.push(Caller::connect(address).await?);
    }
    Ok(callers)
}

async fn overloaded(
    address: &str,
    name: &str,
    question: &Question,
    in_flight: usize,
) -> anyhow::Result<Vec<Row>> {
    let callers = connect(address).await?;
    let calm = closed_loop(&callers, question, in_flight, window()).await;
    if calm.answered.is_empty() {
        // On a machine that is busy with other work.
        let what = format!("{name}: nothing was answered before the flood");
        return Ok(vec![promise(what, format!("{calm:?}"), "", false)]);
    }
    let peak = calm.goodput();
    let mut callers = connect(address).await?;
    let rate = 4.0 * peak;
    let flood: Outcome = open_loop(&mut callers, question, rate, 2 * window()).await;
    let again = closed_loop(&connect(address).await?, question, in_flight, window()).await;
    let share = flood.goodput() / peak;
    let mut rows = vec![
        promise(
            format!("{name}: goodput at 4 x capacity / peak"),
            format!("{share:.2} of {peak:.0}/s"),
            format!("at least {LEAST}"),
            share >= LEAST,
        ),
        note(
            "  answered; p50, p99 ms",
            format!(
                "{}; {:.1}, {:.1}",
                flood.answered.len(),
                f64::from(permille(&flood.answered, 500)) / 1e3,
                f64::from(permille(&flood.answered, 990)) / 1e3
            ),
        ),
        note(
            "  not sent; refused, late, expired, failed",
            format!(
                "{}; {}, {}, {}, {}",
                flood.not_sent,
                flood.refused.len(),
                flood.late,
                flood.expired,
                flood.failed
            ),
        ),
        promise(
            "  calls lost with connections",
            flood.broken.to_string(),
            "0",
            flood.broken == 0,
        ),
        note(
            "  peak afterwards / before",
            format!("{:.2}", again.goodput() / peak),
        ),
    ];
    if !flood.refused.is_empty() {
        let slow = permille(&flood.refused, 990);
        rows.push(promise(
            "  refusals: p50, p99 ms",
            format!(
                "{:.2}, {:.2}",
                f64::from(permille(&flood.refused, 500)) / 1e3,
                f64::from(slow) / 1e3
            ),
            "within 5 ms",
            slow <= REFUSED_WITHIN,
        ));
    }
    Ok(rows)
}
