use super::*;

use std::convert::Infallible;

use tokio::sync::oneshot;
use tower::service_fn;

use crate::metrics::Metrics;

const CLASSIFY: &str = "/patron.v1.ScoringService/Classify";
const SCORE: &str = "/patron.v1.ScoringService/ScoreLifetimeValue";
const BATCH: &str = "/patron.v1.ScoringService/BatchClassify";

/// A call that has `time_ms`, of which `waited_ms` passed before it was looked at. Time must be paused.
async fn request(path: &str, time_ms: u64, waited_ms: u64) -> Request<()> {
    let mut deadline = Deadline::after(Duration::from_millis(time_ms));
    tokio::time::advance(Duration::from_millis(waited_ms)).await;
    deadline.begin();
    let mut request = Request::builder().uri(path).body(()).unwrap();
    request.extensions_mut().insert(deadline);
    request
}

fn is_refused(answer: &Response<Body>) -> bool {
    answer.headers().contains_key("grpc-status")
}

async fn answer(_: Request<()>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Body::empty()))
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_waited_too_long_is_refused_and_a_batch_is_not() {
    let metrics = Metrics::new([]);
    let layer = LookupQueueLayer::new(metrics.rpc.clone());
    let mut service = layer.layer(service_fn(answer));
    for (path, time, delay, refused) in [
        (CLASSIFY, 2_000, 99, false),
        (CLASSIFY, 2_000, 101, true),
        (CLASSIFY, 50, 24, false),
        (CLASSIFY, 50, 26, true),
        (CLASSIFY, 2, 1, false),
        (BATCH, 2_000, 500, false),
    ] {
        let request = request(path, time, delay).await;
        let answer = service.call(request).await.unwrap();
        assert_eq!(is_refused(&answer), refused, "{path} {time} {delay}");
    }
    assert_eq!(metrics.rpc.shed_late.get(), 2);
}

/// A queue whose turns are all taken, of lookups that take a millisecond each.
fn full(metrics: &Metrics) -> (LookupQueueLayer, OwnedSemaphorePermit) {
    let layer = LookupQueueLayer::new(metrics.rpc.clone());
    for mean in &layer.queue.mean_ns {
        mean.store(1_000_000, Ordering::Relaxed);
    }
    let turns = Arc::clone(&layer.queue.turns);
    let all = u32::try_from(turns.available_permits()).unwrap();
    (layer, turns.try_acquire_many_owned(all).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_would_wait_too_long_is_refused_on_arrival() {
    let metrics = Metrics::new([]);
    let (layer, taken) = full(&metrics);
    let mut service = layer.layer(service_fn(answer));
    let mut waiting = vec![];
    // Three quarters of 100 ms, a millisecond each.
    for _ in 0..76 {
        waiting.push(service.call(request(CLASSIFY, 2_000, 0).await));
    }
    let start = Instant::now();
    let refused = service.call(request(SCORE, 2_000, 0).await).await.unwrap();
    assert_eq!(refused.headers()["grpc-status"], "14");
    assert_eq!(start.elapsed(), Duration::ZERO, "at once");
    assert_eq!(metrics.rpc.shed_predicted.get(), 1);
    // Who goes away leaves the queue.
    waiting.truncate(10);
    waiting.push(service.call(request(SCORE, 2_000, 0).await));
    // What was waited before counts as well.
    let refused = service.call(request(CLASSIFY, 40, 10).await);
    assert!(is_refused(&refused.await.unwrap()));
    drop(taken);
    for call in waiting {
        assert!(!is_refused(&call.await.unwrap()));
    }
    assert_eq!(layer.queue.waiting_ns.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_comes_too_late_is_passed_on_and_its_lookup_refused() {
    let metrics = Metrics::new([]);
    let (layer, taken) = full(&metrics);
    let mut service = layer.layer(service_fn(answer));
    let late = service.call(request(CLASSIFY, 2_000, 0).await);
    tokio::time::advance(Duration::from_millis(101)).await;
    let patient = service.call(request(CLASSIFY, 2_000, 0).await);
    drop(taken);
    assert!(is_refused(&late.await.unwrap()));
    assert!(!is_refused(&patient.await.unwrap()));
    assert_eq!(metrics.rpc.shed_late.get(), 1);
}

#[tokio::test]
async fn a_lookup_that_waits_for_the_database_keeps_no_turn() {
    let metrics = Metrics::new([]);
    let layer = LookupQueueLayer::new(metrics.rpc.clone());
    let turns = layer.queue.turns.available_permits();
    let (load, loaded) = oneshot::channel::<()>();
    let mut loaded = Some(loaded);
    let mut service = layer.layer(service_fn(move |_: Request<()>| {
        let loaded = loaded.take();
        async move {
            if let Some(loaded) = loaded {
                let _ = loaded.await;
            }
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    }));
    let mut request = Request::builder().uri(CLASSIFY).body(()).unwrap();
    let deadline = Deadline::after(Duration::from_secs(2));
    request.extensions_mut().insert(deadline);
    let mut call = std::pin::pin!(service.call(request));
    assert_eq!(layer.queue.turns.available_permits(), turns - 1);
    assert!(futures_util::poll!(&mut call).is_pending());
    assert_eq!(layer.queue.turns.available_permits(), turns);
    load.send(()).unwrap();
    assert!(!is_refused(&call.await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn the_expectation_follows_what_lookups_take() {
    let metrics = Metrics::new([]);
    let layer = LookupQueueLayer::new(metrics.rpc.clone());
    let queue = &layer.queue;
    for _ in 0..1_000 {
        queue.took(0, Duration::from_millis(2));
    }
    let mean = queue.mean_ns[0].load(Ordering::Relaxed);
    assert!((1_900_000..=2_000_000).contains(&mean), "{mean}");
    let other = queue.mean_ns[1].load(Ordering::Relaxed);
    assert_eq!(other, FIRST_GUESS_NS, "each method has its own");
    // Turns that come twice as seldom as they take stretch the wait.
    for turn in 1..1_000_u32 {
        tokio::time::advance(Duration::from_millis(4)).await;
        queue.granted(0, queue.threads * mean);
        let _ = turn;
    }
    let stretch = queue.stretch.load(Ordering::Relaxed);
    assert!((1_900..=2_200).contains(&stretch), "{stretch}");
}
