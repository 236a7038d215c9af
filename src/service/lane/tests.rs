use std::sync::mpsc;

use tokio::sync::oneshot;

use super::*;
use crate::metrics::Metrics;

const SECOND: Duration = Duration::from_secs(1);

fn lane(places: usize, longest_wait: Duration) -> Lane {
    let options = LaneOptions {
        places,
        most_waiting: 8,
        longest_wait,
        first_guess: SECOND,
    };
    let threads = Arc::new(Threads::start("test", 1).unwrap());
    Lane::new(threads, options, Metrics::new([]).batch_lane.clone())
}

/// Waits for a condition that another thread brings about.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < 60 * SECOND, "not so in a minute: {what}");
        tokio::task::yield_now().await;
    }
}

/// Takes a place until the sender is dropped.
fn occupy(lane: &Lane) -> oneshot::Sender<()> {
    let (hold, ends) = oneshot::channel::<()>();
    let lane = lane.clone();
    tokio::spawn(async move { lane.run(None, async { ends.await.ok() }).await });
    hold
}

#[tokio::test]
async fn a_call_that_would_wait_too_long_is_refused_on_arrival() {
    let lane = lane(1, 2 * SECOND);
    let hold = occupy(&lane);
    until("the place is taken", || lane.metrics.running.get() == 1).await;
    // One second is expected of a call: one and two may wait, the third would wait for three.
    let (first, second) = (
        lane.queue.enter(None).unwrap(),
        lane.queue.enter(None).unwrap(),
    );
    assert_eq!(lane.metrics.waiting.get(), 2);
    let refused = lane.run(None, async {}).await;
    let retry_after = 3 * SECOND;
    assert_eq!(refused, Err(LaneError::Overloaded { retry_after }));
    assert_eq!(lane.metrics.refused.get(), 1);
    // Who leaves makes room, and so does who is done.
    drop(second);
    assert_eq!(lane.metrics.dropped.get(), 1);
    drop(hold);
    let place = first.await;
    assert_eq!(lane.metrics.waiting.get(), 0);
    drop(place);
    until("the place is free", || lane.metrics.running.get() == 0).await;
    assert_eq!(lane.run(None, async { 7 }).await, Ok(7));
}

#[tokio::test]
async fn half_of_what_is_left_until_the_deadline_may_be_waited() {
    let lane = lane(1, 60 * SECOND);
    let _hold = occupy(&lane);
    until("the place is taken", || lane.metrics.running.get() == 1).await;
    let refused = lane.queue.enter(Some(Instant::now() + SECOND)).err();
    let retry_after = SECOND;
    assert_eq!(refused, Some(LaneError::Overloaded { retry_after }));
    assert!(lane.queue.enter(Some(Instant::now() + 3 * SECOND)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_the_first_of_the_queue_waits_counts_as_well() {
    let options = LaneOptions {
        places: 1,
        most_waiting: 8,
        longest_wait: 2 * SECOND,
        first_guess: Duration::ZERO,
    };
    let queue = Arc::new(Queue::new(options, Metrics::new([]).batch_lane.clone()));
    let _place = queue.enter(None).unwrap().await;
    let _first = queue.enter(None).unwrap();
    tokio::time::advance(2 * SECOND).await;
    assert!(queue.enter(None).is_ok());
    tokio::time::advance(SECOND).await;
    let retry_after = 3 * SECOND;
    let refused = queue.enter(None).err();
    assert_eq!(refused, Some(LaneError::Overloaded { retry_after }));
}

#[tokio::test]
async fn places_go_round_in_order_and_past_those_who_left() {
    let lane = lane(1, 60 * SECOND);
    let place = lane.queue.enter(None).unwrap().await;
    let first = lane.queue.enter(None).unwrap();
    let second = lane.queue.enter(None).unwrap();
    let third = lane.queue.enter(None).unwrap();
    drop(first);
    drop(place);
    // The second has the place without having been polled; dropping it hands it on.
    assert_eq!(
        (lane.metrics.running.get(), lane.metrics.waiting.get()),
        (1, 1)
    );
    drop(second);
    drop(third.await);
    assert_eq!(
        (lane.metrics.running.get(), lane.metrics.waiting.get()),
        (0, 0)
    );
}

#[tokio::test]
async fn work_stops_when_its_caller_goes() {
    let lane = lane(1, SECOND);
    let (begun, begins) = oneshot::channel();
    let endless = async move {
        let _ = begun.send(());
        loop {
            tokio::task::yield_now().await;
        }
    };
    let call = tokio::spawn({
        let lane = lane.clone();
        async move { lane.run(None, endless).await }
    });
    begins.await.unwrap();
    call.abort();
    until("the work is gone", || lane.metrics.running.get() == 0).await;
}

#[tokio::test]
async fn a_computation_stops_when_its_caller_goes_and_is_counted_until_then() {
    let lane = lane(1, SECOND);
    let (begun, begins) = oneshot::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let endless = move || {
        let _ = begun.send(());
        let _ = may_go.recv();
        loop {
            stop::check();
        }
    };
    let call = tokio::spawn({
        let lane = lane.clone();
        async move { lane.compute::<()>(endless).await.is_ok() }
    });
    begins.await.unwrap();
    call.abort();
    until("it is told to stop", || lane.metrics.abandoned.get() == 1).await;
    assert_eq!(lane.metrics.computing.get(), 1, "it has not looked yet");
    drop(go);
    until("it has stopped", || lane.metrics.computing.get() == 0).await;
    assert!(matches!(lane.compute(|| 7).await, Ok(7)));
    assert_eq!(lane.metrics.abandoned.get(), 1);
}

#[tokio::test]
async fn all_computations_stop_with_the_threads() {
    let lane = lane(1, SECOND);
    let (begun, begins) = oneshot::channel();
    let call = tokio::spawn({
        let lane = lane.clone();
        async move {
            let endless = move || {
                let _ = begun.send(());
                loop {
                    stop::check();
                }
            };
            lane.compute::<()>(endless).await.is_err()
        }
    });
    begins.await.unwrap();
    lane.threads.stop();
    assert!(call.await.unwrap());
    assert_eq!(lane.run(None, async { 7 }).await, Err(LaneError::Stopping));
}

/// The policy of the current thread, as the kernel has it.
#[cfg(target_os = "linux")]
fn scheduling() -> String {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // The name, which may hold anything, ends at the last parenthesis; what follows is counted from the third field on.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().nth(41 - 3).unwrap().to_owned()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn threads_of_lanes_yield_to_lookups() {
    const SCHED_IDLE: &str = "5";
    let lane = lane(1, SECOND);
    let policy = lane.run(None, async { scheduling() }).await.unwrap();
    assert_eq!(policy, SCHED_IDLE);
    let policy = lane.compute(scheduling).await.unwrap();
    assert_eq!(policy, SCHED_IDLE, "of computations too");
    assert_ne!(scheduling(), SCHED_IDLE, "and of nobody else");
}
