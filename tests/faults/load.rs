//! Load: an open loop whose latencies count from the moment a call was due, and a closed loop that finds what a server can do.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::task::{spawn_local, yield_now};

use crate::wire::{Caller, Ended, ended};

/// What is asked.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) path: &'static str,
    /// Taken in turn.
    pub(crate) messages: Rc<Vec<Bytes>>,
    /// From the moment a call is due.
    pub(crate) deadline: Duration,
}

/// What came of a load. Times in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// From due to answered, of calls answered within their deadline.
    pub(crate) answered: Vec<u32>,
    /// From sent to refused, of calls refused with UNAVAILABLE or `RESOURCE_EXHAUSTED`.
    pub(crate) refused: Vec<u32>,
    /// Calls that the server answered with `DEADLINE_EXCEEDED`.
    pub(crate) late: usize,
    /// Calls whose deadline passed before they could be sent or answered; these were cancelled.
    pub(crate) expired: usize,
    /// Calls that were due while their connection took no more streams.
    pub(crate) not_sent: usize,
    /// Other statuses.
    pub(crate) failed: usize,
    /// Calls that a closed connection took with it.
    pub(crate) broken: usize,
    /// How late the thread that paces the calls woke up: what the core of the load itself delays, in [`paced`] alone.
    pub(crate) wakes: Vec<u32>,
    /// How long it took.
    pub(crate) seconds: f64,
}

impl Outcome {
    fn note(&mut self, due: Instant, sent: Instant, ended: Ended, deadline: Duration) {
        let now = Instant::now();
        match ended {
            Ended::Answered(_) if now - due <= deadline => self.answered.push(micros(now - due)),
            Ended::Answered(_) => self.expired += 1,
            Ended::Status(14 | 8) => self.refused.push(micros(now - sent)),
            Ended::Status(4) => self.late += 1,
            Ended::Status(_) => self.failed += 1,
            Ended::Broken => self.broken += 1,
        }
    }

    /// Answers within their deadline, a second.
    pub(crate) fn goodput(&self) -> f64 {
        count(self.answered.len()) / self.seconds
    }
}

pub(crate) fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

pub(crate) fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// The value below which so many of a thousand lie; 0 of nothing.
pub(crate) fn permille(values: &[u32], part: usize) -> u32 {
    let mut values = values.to_vec();
    values.sort_unstable();
    match values.len() {
        0 => 0,
        len => values[(len - 1) * part / 1000],
    }
}

/// Calls come due at `rate` a second for a while, whatever the server does; latencies count from being sent. The thread sleeps in
/// between, so that a neighbour of idle priority has the core then. For rates at which nothing waits to be sent.
pub(crate) async fn paced(
    callers: &mut [Caller],
    question: &Question,
    rate: f64,
    window: Duration,
) -> Outcome {
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let (tick, mut ticks) = tokio::sync::mpsc::unbounded_channel();
    let pacer = std::thread::spawn(move || {
        let start = Instant::now();
        let gap = Duration::from_secs_f64(1.0 / rate);
        let mut due = start + gap;
        let mut wakes = vec![];
        while due < start + window {
            let now = Instant::now();
            if now < due {
                std::thread::park_timeout(due - now);
                continue;
            }
            wakes.push(micros(now - due));
            due += gap;
            if tick.send(()).is_err() {
                break;
            }
        }
        wakes
    });
    let start = Instant::now();
    let (mut turn, mut open) = (0, vec![]);
    while let Some(()) = ticks.recv().await {
        let at = turn % callers.len();
        let mut waiting = VecDeque::from([Instant::now()]);
        open.extend(
            send_due(
                &mut callers[at],
                &mut waiting,
                question,
                &outcome,
                &mut turn,
            )
            .await,
        );
        outcome.borrow_mut().expired += waiting.len();
    }
    let seconds = start.elapsed().as_secs_f64();
    for task in open {
        let _ = task.await;
    }
    let mut outcome = outcome.take();
    outcome.wakes = pacer.join().unwrap_or_default();
    outcome.seconds = seconds;
    outcome
}

/// Calls come due at `rate` a second for a while, whatever the server does; latencies count from the moment they were due. The thread
/// never sleeps, so that no timer's grain is measured.
pub(crate) async fn open_loop(
    callers: &mut [Caller],
    question: &Question,
    rate: f64,
    window: Duration,
) -> Outcome {
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let start = Instant::now();
    let gap = Duration::from_secs_f64(1.0 / rate);
    let mut due = start;
    let mut turn = 0;
    let mut waiting: Vec<VecDeque<Instant>> = callers.iter().map(|_| VecDeque::new()).collect();
    let mut open = vec![];
    while start.elapsed() < window {
        let now = Instant::now();
        while due <= now {
            waiting[turn % callers.len()].push_back(due);
            turn += 1;
            due += gap;
        }
        for (caller, waiting) in callers.iter_mut().zip(&mut waiting) {
            let sent = send_due(caller, waiting, question, &outcome, &mut turn).await;
            open.extend(sent);
            outcome.borrow_mut().not_sent += waiting.len();
            waiting.clear();
        }
        if open.len() > 10_000 {
            open.retain(|task: &tokio::task::JoinHandle<()>| !task.is_finished());
        }
        yield_now().await;
    }
    let seconds = start.elapsed().as_secs_f64();
    for task in open {
        let _ = task.await;
    }
    let mut outcome = outcome.take();
    outcome.seconds = seconds;
    outcome
}

/// Sends what is due on a connection as far as it takes more streams.
async fn send_due(
    caller: &mut Caller,
    waiting: &mut VecDeque<Instant>,
    question: &Question,
    outcome: &Rc<RefCell<Outcome>>,
    turn: &mut usize,
) -> Vec<tokio::task::JoinHandle<()>> {
    let mut open = vec![];
    while let Some(&due) = waiting.front() {
        let sent = Instant::now();
        let left = question.deadline.saturating_sub(sent - due);
        if left.is_zero() {
            waiting.pop_front();
            outcome.borrow_mut().expired += 1;
            continue;
        }
        match caller.is_ready().await {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => {
                waiting.pop_front();
                outcome.borrow_mut().broken += 1;
                continue;
            }
        }
        waiting.pop_front();
        *turn = turn.wrapping_add(1);
        let message = question.messages[*turn % question.messages.len()].clone();
        let Ok(answer) = caller.send(question.path, message, left) else {
            outcome.borrow_mut().broken += 1;
            continue;
        };
        let (outcome, deadline) = (Rc::clone(outcome), question.deadline);
        open.push(spawn_local(async move {
            // Dropping the answer cancels the call, as clients do at their deadline.
            match tokio::time::timeout(left, ended(answer)).await {
                Ok(ended) => outcome.borrow_mut().note(due, sent, ended, deadline),
                Err(_) => outcome.borrow_mut().expired += 1,
            }
        }));
    }
    open
}

/// Keeps so many calls under way on each connection for a while.
pub(crate) async fn closed_loop(
    callers: &[Caller],
    question: &Question,
    in_flight: usize,
    window: Duration,
) -> Outcome {
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let start = Instant::now();
    let mut tasks = vec![];
    for task in 0..callers.len() * in_flight {
        let mut caller = callers[task % callers.len()].clone();
        let (question, outcome) = (question.clone(), Rc::clone(&outcome));
        tasks.push(spawn_local(async move {
            let mut turn = task * 61;
            while start.elapsed() < window {
                let message = question.messages[turn % question.messages.len()].clone();
                turn += 1;
                let sent = Instant::now();
                let ended = caller.call(question.path, message, question.deadline).await;
                outcome
                    .borrow_mut()
                    .note(sent, sent, ended, question.deadline);
                if ended == Ended::Broken {
                    return;
                }
            }
        }));
    }
    for task in tasks {
        let _ = task.await;
    }
    let mut outcome = outcome.take();
    outcome.seconds = start.elapsed().as_secs_f64();
    outcome
}
