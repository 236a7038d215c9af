//! Metrics of TLS: handshakes that failed, and the certificate in use.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// A listener that may speak TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsListener {
    /// That of gRPC.
    Grpc,
    /// That of HTTP.
    Http,
}

impl TlsListener {
    const NAMES: [&'static str; 2] = ["grpc", "http"];

    /// Its name in labels and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Why a handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeFailure {
    /// It did not end in time.
    Timeout,
    /// The client sent something else than TLS.
    NotTls,
    /// The client has no certificate and needs one.
    NoCertificate,
    /// The client's certificate is expired, of another authority, or not for clients.
    BadCertificate,
    /// The client refused the server's certificate.
    Rejected,
    /// Client and server have no version, cipher or protocol in common.
    Incompatible,
    /// The client closed the connection.
    Closed,
    /// Anything else.
    Other,
}

impl HandshakeFailure {
    const NAMES: [&'static str; 8] = [
        "timeout",
        "not_tls",
        "no_certificate",
        "bad_certificate",
        "rejected",
        "incompatible",
        "closed",
        "other",
    ];

    /// Its name in labels and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Handles for TLS.
#[derive(Debug, Clone)]
pub struct TlsMetrics {
    /// By listener and reason, in the order of their declaration.
    failures: [[Counter; 8]; 2],
    /// Changed certificate files that are in use.
    pub reloads_used: Counter,
    /// Changed certificate files that could not be used.
    pub reloads_refused: Counter,
    /// 1 while the certificate files cannot be used, so that the old certificate is.
    pub reload_failing: Gauge,
    /// Days until the first certificate of the server's chain expires. Not a number without TLS, since 0 would read as an alarm.
    pub days_left: Gauge<f64, AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    listener: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: &'static str,
}

impl TlsMetrics {
    /// Counter of the handshakes of a listener that failed for this reason.
    #[must_use]
    pub fn failures(&self, listener: TlsListener, reason: HandshakeFailure) -> &Counter {
        &self.failures[listener as usize][reason as usize]
    }

    pub(super) fn register(registry: &mut Registry) -> Self {
        let failures = Family::<FailureLabels, Counter>::default();
        registry.register(
            "tls_handshakes_failed",
            "Connections closed because their TLS handshake failed, by listener and reason",
            failures.clone(),
        );
        let reloads = Family::<ReloadLabels, Counter>::default();
        registry.register(
            "tls_reloads",
            "Changed certificate files: used, or refused because they are not usable",
            reloads.clone(),
        );
        let reload_failing = Gauge::default();
        registry.register(
            "tls_reload_failing",
            "1 while the certificate files are not usable and the old certificate stays in use",
            reload_failing.clone(),
        );
        let days_left = Gauge::<f64, AtomicU64>::default();
        days_left.set(f64::NAN);
        registry.register(
            "tls_certificate_days_left",
            "Days until the first certificate of the server's chain expires; negative once it has, NaN without TLS",
            days_left.clone(),
        );
        let outcome = |outcome| reloads.get_or_create_owned(&ReloadLabels { outcome });
        Self {
            failures: TlsListener::NAMES.map(|listener| {
                HandshakeFailure::NAMES
                    .map(|reason| failures.get_or_create_owned(&FailureLabels { listener, reason }))
            }),
            reloads_used: outcome("used"),
            reloads_refused: outcome("refused"),
            reload_failing,
            days_left,
        }
    }
}
