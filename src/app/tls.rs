//! TLS of the listeners: certificates from files, the handshake within its time, and rotation without an end of any connection.
//!
//! Plain sockets pass through the same type, so that what stands above does not know the difference.

mod files;
mod names;
mod rotation;
mod stream;

pub use files::{CertificateError, ClientCertificates, TlsFiles, read_certificates, read_key};
pub use rotation::{CertificateInUse, Protocol, Tls};

pub(super) use stream::{ListenerTls, SecureStream};
