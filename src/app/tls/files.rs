//! Certificates and keys in PEM files: read, checked, and refused with the file and what is wrong with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, RootCertStore};
use x509_cert::der::Decode as _;

/// What the label of an encrypted key begins with, which no key without a password has.
const ENCRYPTED_KEY: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";

/// Whether clients must have a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClientCertificates {
    /// No connection without one.
    Required,
    /// One that is sent must be valid; a client may send none.
    Optional,
}

/// The files of the listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities of client certificates. `None`: clients need none.
    pub client_ca: Option<PathBuf>,
    /// Whether clients must have one.
    pub client_certificates: ClientCertificates,
}

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It cannot be read.
    #[error("cannot read {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        cause: String,
    },
    /// It has no certificate.
    #[error("{} contains no certificate; it must be PEM, with BEGIN CERTIFICATE", .path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// One of its certificates is damaged.
    #[error("certificate {number} in {} is damaged: {cause}", .path.display())]
    DamagedCertificate {
        /// The file.
        path: PathBuf,
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        cause: String,
    },
    /// It has no private key.
    #[error("{} contains no private key; it must be PEM: PKCS#8, PKCS#1 or SEC1", .path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Its key has a password.
    #[error("the key in {} has a password; remove it with `openssl pkey`", .path.display())]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// Its key is damaged or of a kind that TLS does not use.
    #[error("the key in {} cannot be used: {cause}", .path.display())]
    UnusableKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The key belongs to another certificate.
    #[error(
        "the key in {} does not match the first certificate in {}; the server's own certificate must come first",
        .key.display(),
        .certificate.display()
    )]
    OtherKey {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
    /// The library of TLS refuses what this program wants of it.
    #[error("TLS cannot be set up: {0}")]
    Unsupported(String),
}

impl CertificateError {
    /// The file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Unreadable { path, .. }
            | Self::NoCertificate { path }
            | Self::DamagedCertificate { path, .. }
            | Self::NoKey { path }
            | Self::EncryptedKey { path }
            | Self::UnusableKey { path, .. }
            | Self::OtherKey { key: path, .. } => Some(path),
            Self::Unsupported(_) => None,
        }
    }
}

/// The certificates of a file.
///
/// # Errors
/// When it cannot be read, has none, or one is damaged.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    parse_certificates(path, &read(path)?)
}

/// The private key of a file.
///
/// # Errors
/// When it cannot be read, has none, or the key cannot be used.
pub fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    parse_key(path, &read(path)?)
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|cause| CertificateError::Unreadable {
        path: path.to_owned(),
        cause: cause.to_string(),
    })
}

fn parse_certificates(
    path: &Path,
    bytes: &[u8],
) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let mut certificates = vec![];
    for (at, certificate) in CertificateDer::pem_slice_iter(bytes).enumerate() {
        let certificate = certificate.map_err(|error| damaged(path, at, &error))?;
        parse_certificate(path, at, &certificate)?;
        certificates.push(certificate);
    }
    if certificates.is_empty() {
        let path = path.to_owned();
        return Err(CertificateError::NoCertificate { path });
    }
    Ok(certificates)
}

fn parse_key(path: &Path, bytes: &[u8]) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let path = path.to_owned();
    let has_password = bytes
        .windows(ENCRYPTED_KEY.len())
        .any(|window| window == ENCRYPTED_KEY);
    match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) if has_password => {
            Err(CertificateError::EncryptedKey { path })
        }
        Err(pem::Error::NoItemsFound) => Err(CertificateError::NoKey { path }),
        Err(error) => Err(CertificateError::UnusableKey {
            path,
            cause: error.to_string(),
        }),
    }
}

/// What the files hold, so that a change is seen by content: Kubernetes swaps links, and times of change mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

/// What the listeners need of the files.
pub(super) struct Loaded {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) client_verifier: Option<Arc<dyn ClientCertVerifier>>,
    /// The first moment at which the chain is valid.
    pub(super) not_before: Timestamp,
    /// The last.
    pub(super) not_after: Timestamp,
    /// Of the server's own certificate.
    pub(super) serial_number: String,
}

impl TlsFiles {
    /// A fingerprint of the contents; a file that cannot be read counts as one of its own.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let files = [
            Some(&self.certificate),
            Some(&self.key),
            self.client_ca.as_ref(),
        ];
        let mut digest = Sha256::new();
        for file in files.into_iter().flatten() {
            match std::fs::read(file) {
                Ok(bytes) => digest.update(Sha256::digest(bytes)),
                Err(error) => digest.update(Sha256::digest(error.to_string())),
            }
        }
        Fingerprint(digest.finalize().into())
    }

    /// Everything that is wrong with the files.
    #[must_use]
    pub fn problems(&self) -> Vec<CertificateError> {
        let parts = [
            read_certificates(&self.certificate).err(),
            read_key(&self.key).err(),
            self.client_ca
                .as_deref()
                .and_then(|path| read_certificates(path).err()),
        ];
        let mut problems: Vec<_> = parts.into_iter().flatten().collect();
        // What is wrong with each by itself comes first; only then it can be asked whether they fit.
        if problems.is_empty() {
            problems.extend(self.load().err());
        }
        problems
    }

    /// Reads and checks the files.
    pub(super) fn load(&self) -> Result<Loaded, CertificateError> {
        let chain = read_certificates(&self.certificate)?;
        let (mut not_before, mut not_after) = (Timestamp::MIN, Timestamp::MAX);
        let mut serial_number = None;
        for (at, certificate) in chain.iter().enumerate() {
            let parsed = parse_certificate(&self.certificate, at, certificate)?;
            let (from, until) = validity(&self.certificate, at, &parsed)?;
            (not_before, not_after) = (not_before.max(from), not_after.min(until));
            // As `openssl x509 -serial` prints it.
            let number = parsed.tbs_certificate().serial_number().to_string();
            serial_number.get_or_insert_with(|| number.replace(':', ""));
        }
        let key = CertifiedKey::from_der(chain, read_key(&self.key)?, &ring::default_provider());
        let key = key.map_err(|error| self.refused_key(&error))?;
        let client_ca = self.client_ca.as_deref();
        Ok(Loaded {
            key: Arc::new(key),
            client_verifier: client_ca.map(|path| self.verifier(path)).transpose()?,
            not_before,
            not_after,
            serial_number: serial_number.unwrap_or_default(),
        })
    }

    fn refused_key(&self, error: &rustls::Error) -> CertificateError {
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            return CertificateError::OtherKey {
                key: self.key.clone(),
                certificate: self.certificate.clone(),
            };
        }
        CertificateError::UnusableKey {
            path: self.key.clone(),
            cause: error.to_string(),
        }
    }

    fn verifier(&self, path: &Path) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
        let mut roots = RootCertStore::empty();
        for (at, certificate) in read_certificates(path)?.into_iter().enumerate() {
            let added = roots.add(certificate);
            added.map_err(|error| damaged(path, at, &error))?;
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = match self.client_certificates {
            ClientCertificates::Required => verifier,
            ClientCertificates::Optional => verifier.allow_unauthenticated(),
        };
        verifier.build().map_err(|error| damaged(path, 0, &error))
    }
}

/// A certificate of a file, by its place there.
fn parse_certificate(
    path: &Path,
    at: usize,
    certificate: &CertificateDer<'_>,
) -> Result<x509_cert::Certificate, CertificateError> {
    let parsed = x509_cert::Certificate::from_der(certificate);
    parsed.map_err(|error| damaged(path, at, &error))
}

/// From when until when a certificate is valid.
fn validity(
    path: &Path,
    at: usize,
    certificate: &x509_cert::Certificate,
) -> Result<(Timestamp, Timestamp), CertificateError> {
    let validity = certificate.tbs_certificate().validity();
    let instant = |time: x509_cert::time::Time| {
        Timestamp::try_from(time.to_system_time()).map_err(|error| damaged(path, at, &error))
    };
    Ok((instant(validity.not_before)?, instant(validity.not_after)?))
}

fn damaged(path: &Path, at: usize, cause: &impl std::fmt::Display) -> CertificateError {
    CertificateError::DamagedCertificate {
        path: path.to_owned(),
        number: at + 1,
        cause: cause.to_string(),
    }
}
