//! What is logged of a call.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use patron::app::server::Limits;
use serde_json::Value;
use tonic::Request;
use tracing_subscriber::fmt::MakeWriter;

use super::{Running, request};

/// The log of the whole test binary. (A subscriber of one thread is not enough: a callsite that another thread reaches first, where there
/// is none, is switched off for all.)
pub(crate) static LOG: LazyLock<Sink> = LazyLock::new(|| {
    let sink = Sink::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::INFO)
        .with_writer(sink.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    sink
});

/// Collects the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Sink {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

impl Sink {
    pub(crate) fn events(&self) -> Vec<Value> {
        String::from_utf8(self.0.lock().unwrap().clone())
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

#[tokio::test]
async fn a_failed_call_leaves_one_line_with_its_id_and_a_good_one_none() {
    let log = &*LOG;
    let server = Running::start(Limits::default()).await;
    let mut client = server.client().await;
    for command in ["anna", "fail", "break"] {
        let mut call = Request::new(request(command));
        let id = format!("observed-{command}");
        call.metadata_mut()
            .insert("x-request-id", id.parse().unwrap());
        let _ = client.classify(call).await;
    }
    let of_ours = |id: &Value| id.as_str().is_some_and(|id| id.starts_with("observed-"));
    let events = log.events();
    let calls: Vec<_> = events
        .iter()
        .filter(|event| of_ours(&event["request.id"]))
        .collect();
    let [failed, broken] = &calls[..] else {
        panic!("{calls:#?}");
    };
    assert_eq!(failed["level"], "INFO", "the caller's doing");
    assert_eq!(failed["request.id"], "observed-fail");
    assert_eq!(failed["rpc.method"], "patron.v1.ScoringService/Classify");
    assert_eq!(failed["rpc.grpc_status"], "NOT_FOUND");
    assert_eq!(failed["error.reason"], "CUSTOMER_NOT_FOUND");
    assert!(failed["duration_ms"].is_number());
    assert_eq!(broken["level"], "ERROR", "ours");
    assert_eq!(broken["request.id"], "observed-break");
    // The cause is logged where the status is built, within the span of the call.
    let causes: Vec<_> = events
        .iter()
        .filter(|event| of_ours(&event["span"]["request.id"]) && event.get("error.cause").is_some())
        .collect();
    let [cause] = &causes[..] else {
        panic!("{causes:#?}");
    };
    assert_eq!(cause["span"]["request.id"], "observed-break");
    assert_eq!(cause["error.cause"], "the disk is on fire");
}
