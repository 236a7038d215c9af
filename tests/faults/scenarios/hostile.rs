//! Peers that mean harm, or are broken: a healthy caller beside them is answered, and memory stays bounded.

mod starved;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::time::timeout;

use super::{Row, serve};
use crate::{
    load::{Question, count, paced, permille},
    note, population, promise, window,
    wire::{self, BATCH_CLASSIFY, CLASSIFY, Caller, Ended, HEALTH},
};

/// By how much the server's memory may grow.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// What a peer of bad will says of its deadline.
const LONG: Duration = Duration::from_secs(99);
/// Of the healthy calls.
const ALL_ANSWERED: f64 = 0.999;

pub(crate) async fn run(data: &Path) -> anyhow::Result<Vec<Row>> {
    let mut rows = vec![];
    for kind in [
        "heads without bodies",
        "announced lengths",
        "answers not read",
        "batches not read",
    ] {
        rows.extend(watched(data, kind).await?);
    }
    rows.extend(crowd(data, None).await?);
    rows.extend(crowd(data, Some(0.9)).await?);
    rows.extend(document(data).await?);
    rows.extend(starved::descriptors(data).await?);
    rows.extend(starved::admin(data).await?);
    Ok(rows)
}

fn healthy() -> Question {
    population::lookups("", Duration::from_secs(1))
}

/// Everything that keeps a hostile connection open.
#[derive(Default)]
struct Kept {
    callers: Vec<Caller>,
    answers: Vec<h2::client::ResponseFuture>,
    bodies: Vec<h2::SendStream<Bytes>>,
}

async fn watched(data: &Path, kind: &str) -> anyhow::Result<Vec<Row>> {
    let server = serve(data, &[])?;
    population::warm(&server.address).await?;
    let mut callers = [Caller::connect(&server.address).await?];
    paced(&mut callers, &healthy(), 500.0, window()).await;
    let before = server.resident_bytes()?;
    server.forget_peak()?;
    let kept = attack(&server.address, kind).await?;
    let beside = paced(&mut callers, &healthy(), 500.0, 2 * window()).await;
    let peak = server.peak_bytes()?;
    let share = count(beside.answered.len()) / (500.0 * beside.seconds);
    let streams = kept.answers.len();
    drop(kept);
    let more = peak.saturating_sub(before);
    server.terminate()?;
    Ok(vec![
        promise(
            format!("{kind} ({streams} streams): healthy calls answered"),
            format!(
                "{:.1} %, p99 {} us",
                100.0 * share,
                permille(&beside.answered, 990)
            ),
            "all",
            share >= ALL_ANSWERED,
        ),
        memory(more),
    ])
}

fn memory(more: u64) -> Row {
    promise(
        "  more memory",
        format!("{:.0} MB", bytes_to_megabytes(more)),
        "at most 64 MB",
        more <= MOST_BYTES,
    )
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn bytes_to_megabytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

async fn attack(address: &str, kind: &str) -> anyhow::Result<Kept> {
    let mut kept = Kept::default();
    let connections = if kind == "answers not read" { 200 } else { 8 };
    // A peer that never reads: no window, so that nothing of an answer leaves.
    let unread = kind.ends_with("not read");
    let (stream, connection) = if unread {
        (0, 65_535)
    } else {
        (65_535, 65_535)
    };
    for _ in 0..connections {
        let mut caller = Caller::with_windows(address, stream, connection).await?;
        for at in 0..250 {
            let Ok(Ok(true)) = timeout(Duration::from_secs(2), ready(&mut caller)).await else {
                break;
            };
            let (path, message) = match kind {
                "batches not read" => {
                    if at > 20 {
                        break;
                    }
                    let question = population::batches(LONG);
                    (BATCH_CLASSIFY, question.messages[at].clone())
                }
                _ => (CLASSIFY, healthy().messages[at].clone()),
            };
            let Ok((answer, mut body)) = caller.head(path, LONG) else {
                break;
            };
            kept.answers.push(answer);
            match kind {
                "heads without bodies" => kept.bodies.push(body),
                "announced lengths" => {
                    // Four megabytes are announced, a few bytes come.
                    let start = Bytes::from_static(&[0, 0, 0x3f, 0xff, 0xf0, 0, 0, 0]);
                    let _ = body.send_data(start, false);
                    kept.bodies.push(body);
                }
                _ => drop(body.send_data(message, true)),
            }
        }
        kept.callers.push(caller);
    }
    Ok(kept)
}

async fn ready(caller: &mut Caller) -> Result<bool, h2::Error> {
    let sender = caller.sender.clone().ready().await?;
    caller.sender = sender;
    Ok(true)
}

/// A number that a thousand customers share, named a thousand times in a batch; eighteen times at once with intervals.
async fn crowd(data: &Path, level: Option<f64>) -> anyhow::Result<Vec<Row>> {
    let server = serve(data, &[])?;
    population::warm(&server.address).await?;
    let mut callers = [Caller::connect(&server.address).await?];
    let mut attackers = vec![];
    let calls = if level.is_some() { 18 } else { 1 };
    for _ in 0..calls {
        attackers.push(Caller::connect(&server.address).await?);
    }
    paced(&mut callers, &healthy(), 500.0, window()).await;
    let before = server.resident_bytes()?;
    server.forget_peak()?;
    let (path, message) = population::crowd(level);
    let start = Instant::now();
    let patience = Duration::from_secs(20);
    let tasks: Vec<_> = attackers
        .into_iter()
        .map(|mut caller| {
            let message = message.clone();
            tokio::task::spawn_local(async move {
                let ended = caller.call(path, message, patience).await;
                (ended, start.elapsed())
            })
        })
        .collect();
    let beside = paced(&mut callers, &healthy(), 500.0, 2 * window()).await;
    let (mut answered, mut last) = (0, Duration::ZERO);
    let mut other = vec![];
    for task in tasks {
        let (ended, after) = task.await?;
        last = last.max(after);
        match ended {
            Ended::Answered(_) => answered += 1,
            ended => other.push(ended),
        }
    }
    let peak = server.peak_bytes()?;
    let share = count(beside.answered.len()) / (500.0 * beside.seconds);
    let name = if level.is_some() {
        " with intervals"
    } else {
        ""
    };
    let (_, stopped, _) = server.terminate()?;
    other.truncate(3);
    Ok(vec![
        promise(
            format!("{calls} x a number of 1,000 named 1,000 times{name}: healthy calls answered"),
            format!(
                "{:.1} %, p99 {} us",
                100.0 * share,
                permille(&beside.answered, 990)
            ),
            "all",
            share >= ALL_ANSWERED,
        ),
        memory(peak.saturating_sub(before)),
        note(
            "  answered; others; last after; stop after",
            format!(
                "{answered}; {other:?}; {:.1} s; {:.1} s",
                last.as_secs_f64(),
                stopped.as_secs_f64()
            ),
        ),
    ])
}

/// A document of a megabyte is checked: health and lookups go on.
async fn document(data: &Path) -> anyhow::Result<Vec<Row>> {
    use patron::pb::{self, definition_service_client::DefinitionServiceClient};
    let server = serve(data, &[])?;
    population::warm(&server.address).await?;
    let mut callers = [Caller::connect(&server.address).await?];
    let quiet = paced(&mut callers, &healthy(), 500.0, window()).await;
    let mut client = DefinitionServiceClient::connect(format!("http://{}", server.address)).await?;
    let document = large_document();
    let start = Instant::now();
    let checking = tokio::task::spawn_local(async move {
        let request = pb::ValidateDefinitionsRequest { document };
        let ended = client.validate_definitions(request).await;
        let ended = ended.map_or_else(
            |status| status.code().to_string(),
            |report| format!("{} problems", report.into_inner().problems.len()),
        );
        (ended, start.elapsed())
    });
    let health = Question {
        path: HEALTH,
        messages: std::rc::Rc::new(vec![wire::framed(&())]),
        deadline: Duration::from_secs(1),
    };
    let mut other = [Caller::connect(&server.address).await?];
    let checks = paced(&mut other, &health, 200.0, window()).await;
    let beside = paced(&mut callers, &healthy(), 500.0, window()).await;
    let (ended, took) = checking.await?;
    server.terminate()?;
    let worst = permille(&checks.answered, 1000);
    Ok(vec![
        promise(
            format!(
                "health beside a document of 1 MiB ({ended} after {:.1} s): slowest",
                took.as_secs_f64()
            ),
            format!(
                "{:.1} ms of {}",
                f64::from(worst) / 1e3,
                checks.answered.len()
            ),
            "within 50 ms",
            worst <= 50_000 && checks.answered.len() > 100,
        ),
        note(
            "  lookups p99 before, beside us",
            format!(
                "{}, {}",
                permille(&quiet.answered, 990),
                permille(&beside.answered, 990)
            ),
        ),
    ])
}

/// A mebibyte of definitions: the example with a scheme of segments that nothing but their number is wrong with.
fn large_document() -> String {
    let example = include_str!("../../../examples/definitions.yaml");
    let (before, after) = example
        .split_once("\ntreatments:")
        .expect("the example has treatments");
    let mut segments = String::new();
    let mut at = 0;
    while example.len() + segments.len() < 1_040_000 {
        at += 1;
        let term = |term: usize| {
            format!(
                "orders(days({})) >= {}",
                30 + 7 * term,
                (at + term) % 50 + 1
            )
        };
        let terms: Vec<String> = (0..30).map(term).collect();
        let condition = terms.join(" || ");
        segments += &format!(
            "      - name: s{at}\n        title: {{ en: S, de: S }}\n        when: {condition}\n"
        );
    }
    format!(
        "{before}\n  bulk:\n    mode: overlapping\n    description: Many segments\n    segments:\n{segments}\ntreatments:{after}"
    )
}
