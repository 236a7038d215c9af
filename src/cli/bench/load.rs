//! The open loop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

use super::plan::{Call, Plan};
use crate::cli::connection::Connection;
use crate::cli::error::code_name;
use crate::pb;
use crate::pb::route_contact_request::Caller;
use crate::pb::subject::Subject as Name;

/// Sleeps end up to a millisecond late; what is left until a call is due is waited for awake.
const AWAKE: Duration = Duration::from_millis(2);

/// When calls are due.
#[derive(Debug)]
pub(super) struct Pace {
    /// Calls a second.
    pub(super) rate: u32,
    /// How long before anything is measured.
    pub(super) warm_up: Duration,
    /// How long calls are measured.
    pub(super) duration: Duration,
    /// Most calls in progress.
    pub(super) in_flight: u32,
}

/// How the calls of a kind ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Microseconds from due to answered.
    pub(super) answered: Histogram<u64>,
    /// Those that were not answered, by status.
    pub(super) failed: BTreeMap<&'static str, u64>,
    /// Those that were due while too many were in progress.
    pub(super) not_sent: u64,
}

impl Default for Ended {
    fn default() -> Self {
        Self {
            answered: histogram(),
            failed: BTreeMap::new(),
            not_sent: 0,
        }
    }
}

/// How all calls ended.
#[derive(Debug)]
pub(super) struct Tally {
    /// By kind.
    pub(super) calls: BTreeMap<Call, Ended>,
    /// Microseconds by which this client sent calls too late: part of every latency, and no fault of the server.
    pub(super) lateness: Histogram<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            calls: BTreeMap::new(),
            lateness: histogram(),
        }
    }
}

/// From a microsecond to an hour, to three digits.
fn histogram() -> Histogram<u64> {
    const HOUR_MICROS: u64 = 3_600_000_000;
    #[expect(clippy::expect_used, reason = "the bounds are constants in range")]
    Histogram::new_with_max(HOUR_MICROS, 3).expect("bounds of a histogram")
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Sends calls when they are due, and waits for the last answers.
pub(super) async fn run_load(
    connections: &[Arc<Connection>],
    mut plan: Plan,
    pace: &Pace,
) -> Tally {
    let tally = Arc::new(Mutex::new(Tally::default()));
    let room = Arc::new(Semaphore::new(pace.in_flight as usize));
    let mut in_progress = JoinSet::new();
    let step = Duration::from_secs(1) / pace.rate;
    let start = Instant::now();
    let end = pace.warm_up + pace.duration;
    let (mut offset, mut connection) = (Duration::ZERO, connections.iter().cycle());
    while offset < end {
        let due = start + offset;
        wait_until(due).await;
        let is_measured = offset >= pace.warm_up;
        offset += step;
        let (call, subject) = plan.next();
        if is_measured {
            note(&tally, |it| {
                it.lateness.saturating_record(micros(due.elapsed()));
            });
        }
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            if is_measured {
                note(&tally, |it| it.calls.entry(call).or_default().not_sent += 1);
            }
            continue;
        };
        let Some(connection) = connection.next().cloned() else {
            break;
        };
        let (subject, tally) = (subject.clone(), Arc::clone(&tally));
        in_progress.spawn(async move {
            let ended = ask(&connection, call, subject).await;
            drop(permit);
            if is_measured {
                note(&tally, |it| {
                    record(it.calls.entry(call).or_default(), due, &ended);
                });
            }
        });
        while in_progress.try_join_next().is_some() {}
    }
    while in_progress.join_next().await.is_some() {}
    note(&tally, std::mem::take)
}

fn note<T>(tally: &Mutex<Tally>, change: impl FnOnce(&mut Tally) -> T) -> T {
    change(&mut tally.lock().unwrap_or_else(PoisonError::into_inner))
}

fn record(ended: &mut Ended, due: Instant, how: &Result<(), Status>) {
    match how {
        Ok(()) => ended.answered.saturating_record(micros(due.elapsed())),
        Err(status) => *ended.failed.entry(status_name(status)).or_default() += 1,
    }
}

/// tonic's own timer reports a passed deadline as CANCELLED, and nobody else cancels here.
fn status_name(status: &Status) -> &'static str {
    if status.code() == Code::Cancelled {
        return code_name(Code::DeadlineExceeded);
    }
    code_name(status.code())
}

async fn wait_until(due: Instant) {
    loop {
        let rest = due.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return;
        }
        match rest.checked_sub(AWAKE) {
            Some(asleep) if !asleep.is_zero() => sleep(asleep).await,
            // Answers are read meanwhile.
            Some(_) | None => yield_now().await,
        }
    }
}

async fn ask(connection: &Connection, call: Call, subject: pb::Subject) -> Result<(), Status> {
    match call {
        Call::Classify => {
            let request = connection.request(pb::ClassifyRequest {
                subject: Some(subject),
                ..Default::default()
            });
            connection.scoring().classify(request).await.map(drop)
        }
        Call::Score => {
            let request = connection.request(pb::ScoreLifetimeValueRequest {
                subject: Some(subject),
                ..Default::default()
            });
            let answer = connection.scoring().score_lifetime_value(request).await;
            answer.map(drop)
        }
        Call::Route => {
            let request = connection.request(contact(subject));
            connection.routing().route_contact(request).await.map(drop)
        }
    }
}

/// A call from the subject's number; without one, from a caller who withholds it and says who they are.
fn contact(subject: pb::Subject) -> pb::RouteContactRequest {
    match subject.subject {
        Some(Name::PhoneNumber(number)) => pb::RouteContactRequest {
            caller: Some(Caller::Number(number)),
            ..Default::default()
        },
        claim => pb::RouteContactRequest {
            claim: Some(pb::Subject { subject: claim }),
            ..Default::default()
        },
    }
}
