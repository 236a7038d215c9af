//! Metrics of calls: how many run, how they ended, how long they took.

use std::collections::HashMap;
use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the duration histogram, in seconds. From a cached answer (tens of microseconds) over a cold one (a few milliseconds) to
/// the default deadline (2 s) and the long calls. Steps of about 2 where callers have promises to keep, wider elsewhere.
const DURATION_BUCKETS_SECONDS: [f64; 16] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 30.0,
];

/// Name under which calls of methods that do not exist are counted: their names come from the network.
const OTHER: &str = "other";

/// A gRPC status code as a small index. Codes that gRPC does not know are `UNKNOWN`, as its specification says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCode(u8);

impl StatusCode {
    /// The call succeeded.
    pub const OK: Self = Self(0);
    /// The caller went away.
    pub const CANCELLED: Self = Self(1);
    /// No code, or one that gRPC does not know.
    pub const UNKNOWN: Self = Self(2);

    /// Names in the order of their codes, as in the gRPC specification.
    const NAMES: [&'static str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];

    /// Reads the value of a `grpc-status` header.
    #[must_use]
    pub fn from_header(value: &[u8]) -> Self {
        let code = match value {
            [one @ b'0'..=b'9'] => one - b'0',
            [b'1', one @ b'0'..=b'6'] => 10 + (one - b'0'),
            _ => return Self::UNKNOWN,
        };
        Self(code)
    }

    /// Its name in the gRPC specification, `INVALID_ARGUMENT` for example.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[usize::from(self.0)]
    }

    /// Its number, 0 to 16.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

/// Handles for one method.
#[derive(Debug)]
pub struct MethodMetrics {
    /// Full name without the leading slash, or `other`.
    pub name: Box<str>,
    /// Calls in progress, including the transfer of the response.
    pub in_flight: Gauge,
    /// Time from the request headers to the end of the response.
    pub duration: Histogram,
    /// Calls ended, by status code.
    requests: [Counter; 17],
}

impl MethodMetrics {
    /// Counter of the calls that ended with this code.
    #[must_use]
    pub fn requests(&self, code: StatusCode) -> &Counter {
        &self.requests[usize::from(code.0)]
    }
}

/// Handles for all methods.
#[derive(Debug, Clone)]
pub struct RpcMetrics {
    /// By path, the leading slash included, as it arrives.
    methods: Arc<HashMap<Box<str>, Arc<MethodMetrics>>>,
    other: Arc<MethodMetrics>,
    /// Calls that run under the global limit.
    pub limited_in_flight: Gauge,
    /// Calls turned away because the limit shared by all connections was reached.
    pub shed: Counter,
    /// Lookups turned away because they had waited too long for a thread.
    pub shed_late: Counter,
    /// Calls turned away because their connection had its share of the places.
    pub shed_connection: Counter,
    /// Calls turned away because their caller had its share of the places.
    pub shed_caller: Counter,
    /// The present limit of the calls in progress.
    pub limit: Gauge,
    /// Time that calls waited for a thread, from the transport to the first poll.
    pub queue_delay: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    method: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    grpc_status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShedLabels {
    reason: &'static str,
}

type HistogramFamily = Family<MethodLabels, Histogram, fn() -> Histogram>;

/// The three families a method has a series in.
struct Families {
    in_flight: Family<MethodLabels, Gauge>,
    requests: Family<RequestLabels, Counter>,
    duration: HistogramFamily,
}

impl Families {
    fn method(&self, name: &str) -> Arc<MethodMetrics> {
        let labels = MethodLabels {
            method: name.to_owned(),
        };
        Arc::new(MethodMetrics {
            name: name.into(),
            in_flight: self.in_flight.get_or_create_owned(&labels),
            duration: self.duration.get_or_create_owned(&labels),
            requests: StatusCode::NAMES.map(|grpc_status| {
                self.requests.get_or_create_owned(&RequestLabels {
                    method: name.to_owned(),
                    grpc_status,
                })
            }),
        })
    }
}

impl RpcMetrics {
    /// Handles of the method of this request path (`/patron.v1.ScoringService/Classify`).
    #[must_use]
    pub fn method(&self, path: &str) -> &Arc<MethodMetrics> {
        self.methods.get(path).unwrap_or(&self.other)
    }

    pub(super) fn register<'a>(
        registry: &mut Registry,
        methods: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let families = Families {
            in_flight: Family::default(),
            requests: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS_SECONDS)),
        };
        registry.register(
            "rpc_in_flight",
            "Calls in progress, including the transfer of the response",
            families.in_flight.clone(),
        );
        registry.register(
            "rpc_requests",
            "Completed calls, by method and grpc-status",
            families.requests.clone(),
        );
        registry.register_with_unit(
            "rpc_duration",
            "Time from the request headers to the end of the response",
            Unit::Seconds,
            families.duration.clone(),
        );
        let limited_in_flight = Gauge::default();
        registry.register(
            "rpc_limited_in_flight",
            "Calls in progress that count towards the limit of all connections",
            limited_in_flight.clone(),
        );
        let limit = Gauge::default();
        registry.register(
            "rpc_limit",
            "Calls that may be in progress now: --max-in-flight, or less while calls miss their deadlines",
            limit.clone(),
        );
        let shed = Family::<ShedLabels, Counter>::default();
        registry.register(
            "rpc_shed",
            "Calls refused, by reason: places (limit of all connections), queue_delay (waited too long for a thread), connection (limit per connection)",
            shed.clone(),
        );
        let shed = |reason| shed.get_or_create_owned(&ShedLabels { reason });
        let queue_delay = Histogram::new(DURATION_BUCKETS_SECONDS);
        registry.register_with_unit(
            "rpc_queue_delay",
            "Time that calls waited for a thread, from the transport to the first poll",
            Unit::Seconds,
            queue_delay.clone(),
        );
        let by_path = methods
            .into_iter()
            .map(|name| (format!("/{name}").into(), families.method(name)))
            .collect();
        Self {
            methods: Arc::new(by_path),
            other: families.method(OTHER),
            limited_in_flight,
            shed: shed("places"),
            shed_late: shed("queue_delay"),
            shed_connection: shed("connection"),
            shed_caller: shed("caller"),
            limit,
            queue_delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, name: &str) {
        assert_eq!(
            StatusCode::from_header(header.as_bytes()).name(),
            name,
            "{header:?}"
        );
    }

    #[test]
    fn a_status_header_is_read_as_grpc_says() {
        check("0", "OK");
        check("4", "DEADLINE_EXCEEDED");
        check("9", "FAILED_PRECONDITION");
        check("10", "ABORTED");
        check("16", "UNAUTHENTICATED");
        for unknown in ["", "17", "99", "-1", "00", "1x", "4294967296", " 0"] {
            check(unknown, "UNKNOWN");
        }
    }

    #[test]
    fn every_code_has_the_number_that_tonic_gives_it() {
        for (number, name) in StatusCode::NAMES.into_iter().enumerate() {
            let header = number.to_string();
            let code = tonic::Code::from_bytes(header.as_bytes());
            assert_eq!(
                format!("{code:?}").to_uppercase(),
                name.replace('_', ""),
                "{number}"
            );
            assert_eq!(
                usize::from(StatusCode::from_header(header.as_bytes()).number()),
                number
            );
        }
    }
}
