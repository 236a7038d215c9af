//! Who a client is by its certificate. That it is valid was checked before; what it may do is decided elsewhere.

use std::fmt;

/// A name in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientName {
    /// A URI, such as `spiffe://bank.example/crm`.
    Uri(String),
    /// The name of a host.
    Dns(String),
    /// The common name, of a certificate without any other.
    CommonName(String),
}

impl ClientName {
    /// The name without its kind.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Uri(name) | Self::Dns(name) | Self::CommonName(name) => name,
        }
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The certificate of a client, verified when it connected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientCertificate {
    names: Vec<ClientName>,
}

impl ClientCertificate {
    /// One with these names, the one that logs show first.
    #[must_use]
    pub fn new(names: Vec<ClientName>) -> Self {
        Self { names }
    }

    /// Its names; none if it has none that can be read.
    #[must_use]
    pub fn names(&self) -> &[ClientName] {
        &self.names
    }

    /// The name that logs show.
    #[must_use]
    pub fn name(&self) -> Option<&ClientName> {
        self.names.first()
    }
}
