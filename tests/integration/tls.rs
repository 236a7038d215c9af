//! Encryption: of the listeners, of the way to the database, and of the command line. Each test makes its own certificates.

mod authority;
mod clients;
mod commands;
mod database;
mod handshakes;
mod identities;
mod keys;
mod postgres;
mod rotation;
mod service;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use patron::app::tls::{ClientCertificates, Tls, TlsFiles};
use patron::clock::{Clock as _, SystemClock};
use patron::metrics::TlsMetrics;
use tempfile::TempDir;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use authority::{Authority, Issued};

/// The certificate files of a server, for `localhost` and 127.0.0.1.
struct ServerFiles {
    folder: TempDir,
    authority: Authority,
}

impl ServerFiles {
    fn new() -> Self {
        let files = Self {
            folder: super::support::place(),
            authority: Authority::new("root of the tests"),
        };
        std::fs::write(files.path("root.pem"), files.authority.pem()).unwrap();
        files.write(&files.authority.issue(&["localhost", "127.0.0.1"]));
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts another certificate and key in the place of those that are there.
    fn write(&self, issued: &Issued) {
        std::fs::write(self.path("server.pem"), &issued.certificate).unwrap();
        std::fs::write(self.path("server.key"), &issued.key).unwrap();
    }

    /// What a server is given.
    fn files(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.path("server.pem"),
            key: self.path("server.key"),
            client_ca: None,
            client_certificates: ClientCertificates::Required,
        }
    }

    /// The same for a server that asks clients for certificates of this authority.
    fn files_with_clients(&self, authority: &Authority, whether: ClientCertificates) -> TlsFiles {
        let path = self.path("clients.pem");
        std::fs::write(&path, authority.pem()).unwrap();
        TlsFiles {
            client_ca: Some(path),
            client_certificates: whether,
            ..self.files()
        }
    }

    /// A client that trusts the server.
    fn trusting(&self) -> ClientTlsConfig {
        trusting(&self.authority)
    }
}

/// A client that trusts the servers of an authority, by the name that is in their certificates.
fn trusting(authority: &Authority) -> ClientTlsConfig {
    let root = Certificate::from_pem(authority.pem());
    ClientTlsConfig::new()
        .ca_certificate(root)
        .domain_name("localhost")
}

fn identity(issued: &Issued) -> Identity {
    Identity::from_pem(&issued.certificate, &issued.key)
}

/// TLS from these files.
fn open(files: TlsFiles, metrics: &TlsMetrics) -> Arc<Tls> {
    Arc::new(Tls::open(files, SystemClock.now(), metrics.clone()).unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
