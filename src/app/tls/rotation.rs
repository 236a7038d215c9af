//! The certificates in use, and their exchange for new ones while connections go on.
//!
//! Each handshake takes the configuration of its moment. A new pair is used for the connections that come after it; files that cannot be
//! used change nothing, but are logged and shown in the metrics until they can.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::files::{CertificateError, Fingerprint, Loaded, TlsFiles};
use crate::clock::Clock;
use crate::metrics::{TlsListener, TlsMetrics};

const SECONDS_PER_DAY: f64 = 86_400.0;

/// What is spoken above TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC, which is HTTP/2.
    Grpc,
    /// HTTP/1.1.
    Http,
}

impl Protocol {
    /// Its name in the negotiation (ALPN). A client that offers others only is refused; one that offers none is taken at its word.
    fn name(self) -> &'static [u8] {
        match self {
            Self::Grpc => b"h2",
            Self::Http => b"http/1.1",
        }
    }

    pub(super) fn listener(self) -> TlsListener {
        match self {
            Self::Grpc => TlsListener::Grpc,
            Self::Http => TlsListener::Http,
        }
    }
}

/// TLS of the listeners.
pub struct Tls {
    files: TlsFiles,
    /// The files as they were when they were first read.
    opened: Fingerprint,
    current: ArcSwap<Current>,
    /// Whether the certificate was valid at the last look.
    is_valid: AtomicBool,
    metrics: TlsMetrics,
}

/// What handshakes use.
struct Current {
    grpc: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
    certificate: CertificateInUse,
}

/// The certificate in use, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInUse {
    /// Of the server's own certificate, in hexadecimal.
    pub serial_number: String,
    /// The first moment at which every certificate of the chain is valid.
    pub not_before: Timestamp,
    /// The last.
    pub not_after: Timestamp,
}

impl fmt::Debug for Tls {
    /// Without anything of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files. An expired certificate is used, and logged: clients refuse it, and say so better than a server that does not start.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn open(
        files: TlsFiles,
        now: Timestamp,
        metrics: TlsMetrics,
    ) -> Result<Self, CertificateError> {
        let opened = files.fingerprint();
        let current = Current::new(files.load()?)?;
        let tls = Self {
            files,
            opened,
            is_valid: AtomicBool::new(true),
            current: ArcSwap::from_pointee(current),
            metrics,
        };
        tls.note_time(now);
        Ok(tls)
    }

    /// The certificate in use.
    #[must_use]
    pub fn certificate(&self) -> CertificateInUse {
        self.current.load().certificate.clone()
    }

    /// Where it comes from, and whether clients need one too.
    #[must_use]
    pub fn files(&self) -> &TlsFiles {
        &self.files
    }

    /// What begins a handshake with the certificate of now.
    pub(super) fn acceptor(&self, protocol: Protocol) -> TlsAcceptor {
        let current = self.current.load();
        let config = match protocol {
            Protocol::Grpc => &current.grpc,
            Protocol::Http => &current.http,
        };
        TlsAcceptor::from(Arc::clone(config))
    }

    pub(super) fn metrics(&self) -> &TlsMetrics {
        &self.metrics
    }

    /// Looks at the files every so often, for as long as it is polled. They are read where a slow disk keeps nobody waiting.
    pub async fn watch(self: Arc<Self>, every: Duration, clock: Arc<dyn Clock>) {
        let mut seen = self.opened;
        let mut looks = interval(every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let (tls, now) = (Arc::clone(&self), clock.now());
            let looked = tokio::task::spawn_blocking(move || tls.look(seen, now));
            match looked.await {
                Ok(found) => seen = found,
                // The runtime ends.
                Err(_) => return,
            }
        }
    }

    /// Looks once: what changed since the files were as `seen` is used, or refused.
    fn look(&self, seen: Fingerprint, now: Timestamp) -> Fingerprint {
        // Before the files are read: what changes meanwhile is found by the next look.
        let found = self.files.fingerprint();
        if found != seen {
            self.exchange();
        }
        self.note_time(now);
        found
    }

    fn exchange(&self) {
        match self.files.load().and_then(Current::new) {
            Ok(current) => {
                let current = Arc::new(current);
                self.current.store(Arc::clone(&current));
                self.metrics.reload_failing.set(0);
                self.metrics.reloads_used.inc();
                tracing::info!(
                    certificate.serial_number = current.certificate.serial_number,
                    certificate.not_after = %current.certificate.not_after,
                    "new connections use the new certificate files"
                );
            }
            Err(error) => {
                self.metrics.reload_failing.set(1);
                self.metrics.reloads_refused.inc();
                tracing::error!(
                    error.cause = %error,
                    certificate.serial_number = self.certificate().serial_number,
                    "the new certificate files cannot be used: the old certificate stays in use"
                );
            }
        }
    }

    /// Exports how long the certificate is valid, and warns when it no longer is.
    fn note_time(&self, now: Timestamp) {
        let certificate = self.certificate();
        let left = now.duration_until(certificate.not_after).as_secs_f64();
        self.metrics.days_left.set(left / SECONDS_PER_DAY);
        let is_valid = (certificate.not_before..=certificate.not_after).contains(&now);
        if self.is_valid.swap(is_valid, Ordering::Relaxed) && !is_valid {
            tracing::warn!(
                certificate.not_before = %certificate.not_before,
                certificate.not_after = %certificate.not_after,
                "the certificate in --tls-certificate has expired or is not valid yet: clients refuse it"
            );
        }
    }
}

impl Current {
    fn new(loaded: Loaded) -> Result<Self, CertificateError> {
        Ok(Self {
            grpc: Arc::new(config(&loaded, Protocol::Grpc)?),
            http: Arc::new(config(&loaded, Protocol::Http)?),
            certificate: CertificateInUse {
                serial_number: loaded.serial_number,
                not_before: loaded.not_before,
                not_after: loaded.not_after,
            },
        })
    }
}

/// TLS 1.2 and 1.3, with the cryptography of ring.
fn config(loaded: &Loaded, protocol: Protocol) -> Result<ServerConfig, CertificateError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| CertificateError::Unsupported(error.to_string()))?;
    let key = Arc::new(SingleCertAndKey::from(Arc::clone(&loaded.key)));
    let mut config = match &loaded.client_verifier {
        Some(verifier) => {
            let builder = builder.with_client_cert_verifier(Arc::clone(verifier));
            let mut config = builder.with_cert_resolver(key);
            // A session that is taken up again brings its certificate along unchecked: here each connection proves anew who it is.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
            config
        }
        None => builder.with_no_client_auth().with_cert_resolver(key),
    };
    config.alpn_protocols = vec![protocol.name().to_vec()];
    Ok(config)
}
