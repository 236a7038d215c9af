//! Deadlines: kept by the server, and answered with the right status.

use std::time::{Duration, Instant};

use patron::app::server::Limits;

use super::{Running, raw};

#[tokio::test]
async fn a_deadline_that_passes_is_answered_deadline_exceeded() {
    let server = Running::start(Limits::default()).await;
    let start = Instant::now();
    let answer = raw::classify(server.address, "wait", &[("grpc-timeout", "300m")]).await;
    assert_eq!(answer["grpc-status"], "4", "and not 1, as tonic says");
    assert!(start.elapsed() >= Duration::from_millis(295));
    let waited = server.fake.until(|waiting| waiting.now == 0).await;
    assert_eq!(waited.dropped, 1, "the work was given up");
}

#[tokio::test]
async fn short_deadlines_never_get_the_status_of_tonics_timer() {
    let server = Running::start(Limits::default()).await;
    for timeout in [
        "0n", "1n", "1u", "900u", "1m", "2m", "3m", "5m", "8m", "13m",
    ] {
        for _ in 0..10 {
            let answer = raw::classify(server.address, "wait", &[("grpc-timeout", timeout)]).await;
            // On a busy machine a call may wait for a thread for more than half of its time: it is refused before the rest passes.
            let came_late = answer["grpc-status"] == "14"
                && answer["grpc-message"]
                    .to_str()
                    .unwrap()
                    .contains("waited%20too%20long");
            assert!(
                answer["grpc-status"] == "4" || came_late,
                "{timeout}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_call_without_a_deadline_gets_the_default() {
    let server = Running::start(Limits {
        default_deadline: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    let answer = raw::classify(server.address, "wait", &[]).await;
    assert_eq!(answer["grpc-status"], "4");
    let answer = raw::classify(server.address, "anna", &[]).await;
    assert_eq!(answer["grpc-status"], "0");
}

#[tokio::test]
async fn a_deadline_that_cannot_be_read_is_refused() {
    let server = Running::start(Limits::default()).await;
    for timeout in ["", "10", "m", "1.5S", "-1S", "123456789m", "5 S", "5s"] {
        let answer = raw::classify(server.address, "anna", &[("grpc-timeout", timeout)]).await;
        assert_eq!(answer["grpc-status"], "3", "{timeout:?}");
        let message = answer["grpc-message"].to_str().unwrap();
        assert!(message.starts_with("grpc-timeout"), "{message}");
    }
    let twice = [("grpc-timeout", "5S"), ("grpc-timeout", "6S")];
    let answer = raw::classify(server.address, "anna", &twice).await;
    assert_eq!(answer["grpc-status"], "3");
}
