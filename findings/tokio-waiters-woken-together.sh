#!/bin/sh
# A fair queue of a server: eight tasks wait for one slot in each round, the queue wakes them in the order in which they came, the first that runs
# takes the slot, and the others wait on at their old places.
#
# Guess: the one that waits longest is woken first and runs first, so that each gets every eighth slot.
# Seen: on the runtime with threads, one worker, one task gets all of 8,000 slots and seven get none: the task that was woken last runs first, and
# the others find the slot taken, round after round. The same program on the current-thread runtime gives each 1,000.
#
# What follows: wake one waiter, and let it wake the next one if something is left.
#
# Version: tokio 1.54.1 (crates.io). Exits 0 if the behaviour is as described.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/src"
cat > "$place/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
tokio = { version = "=1.54.1", features = ["rt-multi-thread"] }
TOML
cat > "$place/src/main.rs" <<'RUST'
use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{Arc, Mutex},
    task::{Poll, Waker},
};

use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
};

const WAITERS: usize = 8;
const ROUNDS: usize = 8_000;

/// Waiters by the number that they drew when they began to wait, and whether the slot of this round is free.
#[derive(Default)]
struct Queue {
    waiting: BTreeMap<usize, Waker>,
    drawn: usize,
    is_free: bool,
}

/// How many slots each waiter got.
async fn rounds() -> Vec<usize> {
    let queue = Arc::new(Mutex::new(Queue::default()));
    let slots = Arc::new(Mutex::new(vec![0; WAITERS]));
    for waiter in 0..WAITERS {
        let (queue, slots) = (Arc::clone(&queue), Arc::clone(&slots));
        let mut number = None;
        tokio::spawn(poll_fn(move |cx| {
            let mut queue = queue.lock().unwrap();
            if number.is_some() && std::mem::take(&mut queue.is_free) {
                slots.lock().unwrap()[waiter] += 1;
                number = None;
            }
            let number = *number.get_or_insert_with(|| {
                queue.drawn += 1;
                queue.drawn
            });
            queue.waiting.insert(number, cx.waker().clone());
            Poll::<()>::Pending
        }));
    }
    yield_now().await;
    for _ in 0..ROUNDS {
        let waiting = {
            let mut queue = queue.lock().unwrap();
            queue.is_free = true;
            std::mem::take(&mut queue.waiting)
        };
        waiting.into_values().for_each(Waker::wake);
        yield_now().await;
    }
    let slots = slots.lock().unwrap().clone();
    slots
}

fn main() {
    let run = |runtime: Runtime| runtime.block_on(async { tokio::spawn(rounds()).await.unwrap() });
    let single = run(Builder::new_current_thread().build().unwrap());
    let threads = run(Builder::new_multi_thread().worker_threads(1).build().unwrap());
    println!("tokio 1.54.1\ncurrent thread: {single:?}\none worker of several: {threads:?}");
    let is_fair = single.iter().all(|slots| slots.abs_diff(ROUNDS / WAITERS) <= 1);
    let starves = threads.contains(&ROUNDS);
    std::process::exit(i32::from(!(is_fair && starves)));
}
RUST
cargo run --quiet --manifest-path "$place/Cargo.toml" --target-dir "$place/target"
