use super::*;

use std::convert::Infallible;
use std::future::pending;

use tower::service_fn;

use crate::grpc::layers::peer::{PeerLimits, Peers};
use crate::metrics::Metrics;

fn request(path: &str) -> Request<()> {
    Request::builder().uri(path).body(()).unwrap()
}

#[tokio::test]
async fn places_are_shared_by_all_services_and_come_back() {
    let metrics = Metrics::new([]);
    let layer = LimitLayer::new(2, metrics.rpc.clone());
    let endless = || service_fn(|_: Request<()>| pending::<Result<Response<Body>, Infallible>>());
    let first = layer.layer(endless()).call(request("/a/b"));
    let second = layer.layer(endless()).call(request("/a/b"));
    let mut third = layer.layer(endless());
    let refused = third.call(request("/a/b")).await.unwrap();
    assert_eq!(refused.headers()["grpc-status"], "14");
    let pushback: u64 = refused.headers()["grpc-retry-pushback-ms"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((50..150).contains(&pushback), "{pushback}");
    assert_eq!(metrics.rpc.limited_in_flight.get(), 2);
    assert_eq!(metrics.rpc.shed.get(), 1);
    drop(first);
    assert_eq!(metrics.rpc.limited_in_flight.get(), 1);
    let fourth = third.call(request("/a/b"));
    assert_eq!(metrics.rpc.limited_in_flight.get(), 2);
    drop((second, fourth));
    assert_eq!(metrics.rpc.limited_in_flight.get(), 0);
}

#[tokio::test]
async fn health_is_answered_whatever_the_load() {
    let layer = LimitLayer::new(0, Metrics::new([]).rpc.clone());
    let mut service = layer.layer(service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    let health = service
        .call(request("/grpc.health.v1.Health/Check"))
        .await
        .unwrap();
    assert_eq!(health.headers().get("grpc-status"), None);
    let other = service.call(request("/a/b")).await.unwrap();
    assert_eq!(other.headers()["grpc-status"], "14");
}

#[tokio::test]
async fn one_connection_gets_its_share() {
    let metrics = Metrics::new([]);
    let limits = PeerLimits {
        places: 1,
        ..PeerLimits::default()
    };
    let peers = Peers::new(limits, metrics.peers.clone());
    let cut = tokio_util::sync::CancellationToken::new();
    let (greedy, other) = (peers.connect(&cut, &cut), peers.connect(&cut, &cut));
    let layer = LimitLayer::new(10, metrics.rpc.clone());
    let mut service = layer.layer(service_fn(|_: Request<()>| {
        pending::<Result<Response<Body>, Infallible>>()
    }));
    let mut call = |peer: &Arc<Peer>| {
        let mut request = request("/a/b");
        request.extensions_mut().insert(Arc::clone(peer));
        service.call(request)
    };
    let first = call(&greedy);
    let refused = call(&greedy).await.unwrap();
    assert_eq!(refused.headers()["grpc-status"], "14");
    assert_eq!(metrics.rpc.shed_connection.get(), 1);
    let _other = call(&other);
    assert_eq!(metrics.rpc.limited_in_flight.get(), 2);
    drop(first);
    let _again = call(&greedy);
    assert_eq!(metrics.rpc.limited_in_flight.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_waited_too_long_is_refused_and_a_batch_is_not() {
    let metrics = Metrics::new([]);
    let layer = LimitLayer::new(10, metrics.rpc.clone());
    let mut service = layer.layer(service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    let classify = "/patron.v1.ScoringService/Classify";
    let batch = "/patron.v1.ScoringService/BatchClassify";
    for (path, time, delay, refused) in [
        (classify, 2_000, 99, false),
        (classify, 2_000, 101, true),
        (classify, 50, 24, false),
        (classify, 50, 26, true),
        (classify, 2, 1, false),
        (batch, 2_000, 500, false),
    ] {
        let mut deadline = Deadline::after(Duration::from_millis(time));
        tokio::time::advance(Duration::from_millis(delay)).await;
        deadline.begin();
        let mut request = request(path);
        request.extensions_mut().insert(deadline);
        let answer = service.call(request).await.unwrap();
        let is_refused = answer.headers().contains_key("grpc-status");
        assert_eq!(is_refused, refused, "{path} {time} {delay}");
    }
    assert_eq!(metrics.rpc.shed_late.get(), 2);
}

#[test]
fn callers_turned_away_together_come_back_apart() {
    let layer = LimitLayer::new(0, Metrics::new([]).rpc.clone());
    let times: std::collections::HashSet<_> =
        (0..100).map(|_| layer.places.retry_after()).collect();
    assert_eq!(times.len(), 100);
}

#[tokio::test]
async fn the_last_places_are_for_calls_that_arrive() {
    let layer = LimitLayer::new(8, Metrics::new([]).rpc.clone());
    let mut service = layer.layer(service_fn(|_: Request<()>| {
        pending::<Result<Response<Body>, Infallible>>()
    }));
    let mut running = vec![];
    let (classify, score) = (
        "/patron.v1.ScoringService/Classify",
        "/patron.v1.ScoringService/ScoreLifetimeValue",
    );
    for (path, class, most) in [
        (classify, Some("batch"), 4),
        (score, None, 6),
        (classify, Some("interactive"), 6),
        (classify, None, 8),
    ] {
        for _ in 0..8 {
            let mut request = request(path);
            if let Some(class) = class {
                let class = class.parse().unwrap();
                request.headers_mut().insert(CLASS_HEADER, class);
            }
            running.push(service.call(request));
        }
        running.retain(|call| matches!(call.state, State::Running { .. }));
        assert_eq!(running.len(), most, "{path} {class:?}");
    }
}

#[tokio::test]
async fn a_class_that_does_not_exist_is_refused_by_name() {
    let layer = LimitLayer::new(8, Metrics::new([]).rpc.clone());
    let mut service = layer.layer(service_fn(|_: Request<()>| {
        pending::<Result<Response<Body>, Infallible>>()
    }));
    let mut request = request("/patron.v1.ScoringService/Classify");
    let class = "urgent".parse().unwrap();
    request.headers_mut().insert(CLASS_HEADER, class);
    let answer = service.call(request).await.unwrap();
    let status = status::of_answer(&answer).unwrap();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(status::reason(&status).unwrap(), "INVALID_CLASS");
}
