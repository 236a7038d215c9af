//! SIGTERM under every load: the process is gone within the drain limit.

use std::{path::Path, time::Duration};

use anyhow::ensure;

use super::{Row, serve};
use crate::{
    load::{Question, open_loop},
    note, population,
    program::Neighbour,
    promise, window,
    wire::{Caller, HEALTH},
};

/// The drain limit that the server is given.
const LIMIT: Duration = Duration::from_secs(3);
/// What may come on top.
const GRACE: Duration = Duration::from_millis(500);

pub(crate) async fn run(data: &Path) -> anyhow::Result<Vec<Row>> {
    let mut rows = vec![];
    for kind in [
        "nothing",
        "watch",
        "batches",
        "intervals",
        "fit",
        "evaluation",
        "import",
        "crowd",
        "flood",
    ] {
        let limit = LIMIT.as_secs().to_string();
        let server = serve(data, &["--drain-limit-seconds", &limit])?;
        population::warm(&server.address).await?;
        let mut open = vec![];
        let mut neighbours = vec![];
        match kind {
            "nothing" => {}
            "watch" => {
                let mut caller = Caller::connect(&server.address).await?;
                ensure!(caller.is_ready().await?, "not ready");
                let message = crate::wire::framed(&());
                open.push(caller.send(
                    "/grpc.health.v1.Health/Watch",
                    message,
                    Duration::from_secs(90),
                )?);
                paced_health(&mut caller).await?;
            }
            "crowd" => {
                let mut caller = Caller::connect(&server.address).await?;
                let (path, message) = population::crowd(Some(0.9));
                for _ in 0..18 {
                    ensure!(caller.is_ready().await?, "not ready");
                    open.push(caller.send(path, message.clone(), Duration::from_secs(20))?);
                }
                crate::load::paced(&mut [caller], &lookups(), 100.0, window()).await;
            }
            "flood" => {}
            kind => {
                neighbours.push(Neighbour::start(kind, &server.address)?);
                let mut callers = [Caller::connect(&server.address).await?];
                crate::load::paced(&mut callers, &lookups(), 100.0, window()).await;
            }
        }
        let pid = server.pid();
        let (status, took, said) = if kind == "flood" {
            let mut callers = vec![];
            for _ in 0..16 {
                callers.push(Caller::connect(&server.address).await?);
            }
            let ended = std::thread::spawn(move || {
                std::thread::park_timeout(window());
                server.terminate()
            });
            open_loop(
                &mut callers,
                &lookups(),
                200_000.0,
                window() + LIMIT + 2 * GRACE,
            )
            .await;
            ended
                .join()
                .map_err(|_| anyhow::anyhow!("the thread that stops it panicked"))??
        } else {
            tokio::task::spawn_blocking(move || server.terminate()).await??
        };
        drop((open, neighbours));
        let limit = LIMIT + GRACE;
        rows.push(promise(
            format!("SIGTERM beside {kind}"),
            format!("{:.2} s, {status}", took.as_secs_f64()),
            format!("within {:.1} s", limit.as_secs_f64()),
            took <= limit && status.success(),
        ));
        rows.push(note("", said.last().cloned().unwrap_or_default()));
        ensure!(
            !Path::new(&format!("/proc/{pid}")).exists(),
            "{pid} is still there"
        );
    }
    Ok(rows)
}

fn lookups() -> Question {
    population::lookups("", Duration::from_millis(200))
}

/// A health check is answered on the connection.
async fn paced_health(caller: &mut Caller) -> anyhow::Result<()> {
    let message = crate::wire::framed(&());
    let ended = caller.call(HEALTH, message, Duration::from_secs(2)).await;
    ensure!(
        matches!(ended, crate::wire::Ended::Answered(_)),
        "{ended:?}"
    );
    Ok(())
}
