//! Peers that take every file that the process may open: probes, lookups and the database go on.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::ensure;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{ALL_ANSWERED, LONG, healthy};
use crate::{
    load::{count, paced},
    population,
    program::Server,
    promise,
    scenarios::Row,
    window,
    wire::{CLASSIFY, Caller, Ended},
};

/// More idle clients than a process may have files.
pub(super) async fn descriptors(data: &Path) -> anyhow::Result<Vec<Row>> {
    let path = data.to_string_lossy();
    let limit = ["prlimit", "--nofile=1024:1024"];
    let server = Server::serve_within(&limit, &["--data-dir", &path])?;
    population::warm(&server.address).await?;
    let mut idle = vec![];
    for _ in 0..1_100 {
        if let Ok(mut socket) = TcpStream::connect(&server.address).await {
            let _ = socket
                .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
                .await;
            idle.push(socket);
        }
    }
    let probe = probed(&server.admin).await;
    // Somebody who is not in memory: the database is asked.
    let mut database = false;
    for _ in 0..20 {
        let Ok(mut caller) = Caller::connect(&server.address).await else {
            continue;
        };
        let question = population::lookups("2020-01-01", Duration::from_secs(2));
        let message = question.messages[0].clone();
        let ended = timeout(Duration::from_secs(3), caller.call(CLASSIFY, message, LONG)).await;
        if matches!(ended, Ok(Ended::Answered(_))) {
            database = true;
            break;
        }
        // A place becomes free.
        idle.truncate(idle.len().saturating_sub(100));
    }
    server.terminate()?;
    Ok(vec![
        promise(
            "1,100 idle clients on a limit of 1,024 files: probes",
            said(probe),
            "answered",
            probe,
        ),
        promise(
            "  cold lookups once some of them went",
            said(database),
            "answered",
            database,
        ),
    ])
}

fn said(answered: bool) -> &'static str {
    if answered { "answered" } else { "not answered" }
}

async fn probed(admin: &str) -> bool {
    let probe = async {
        let mut socket = TcpStream::connect(admin).await?;
        socket
            .write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await?;
        let mut text = String::new();
        socket.read_to_string(&mut text).await?;
        Ok::<_, std::io::Error>(text)
    };
    let answer = timeout(Duration::from_secs(3), probe).await;
    answer.is_ok_and(|text| text.is_ok_and(|text| text.contains("200 OK")))
}

/// Half a request on more connections to the admin port than a process may have files.
pub(super) async fn admin(data: &Path) -> anyhow::Result<Vec<Row>> {
    let path = data.to_string_lossy();
    let limit = ["prlimit", "--nofile=1024:1024"];
    let server = Server::serve_within(&limit, &["--data-dir", &path])?;
    population::warm(&server.address).await?;
    let mut half = vec![];
    for _ in 0..1_136 {
        let connected = timeout(
            Duration::from_millis(200),
            TcpStream::connect(&server.admin),
        )
        .await;
        if let Ok(Ok(mut socket)) = connected {
            let _ = socket.write_all(b"GET /livez HT").await;
            half.push(socket);
        }
    }
    ensure!(half.len() > 200, "no half requests stand");
    let mut callers = [Caller::connect(&server.address).await?];
    let beside = paced(&mut callers, &healthy(), 500.0, window()).await;
    let share = count(beside.answered.len()) / (500.0 * beside.seconds);
    let start = Instant::now();
    let mut probe = false;
    while !probe && start.elapsed() < Duration::from_secs(15) {
        probe = probed(&server.admin).await;
    }
    let after = start.elapsed();
    server.terminate()?;
    Ok(vec![
        promise(
            "1,136 half requests to the admin port: lookups answered",
            format!("{:.1} %", 100.0 * share),
            "all",
            share >= ALL_ANSWERED,
        ),
        promise(
            "  a probe is answered",
            format!("{} after {:.1} s", said(probe), after.as_secs_f64()),
            "within 15 s",
            probe,
        ),
    ])
}
