//! The encryption of a client's connection: whom it trusts, and who it is.

use std::path::{Path, PathBuf};

use clap::Args;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::app::tls::{CertificateError, read_certificates, read_key};
use crate::cli::error::CliError;

/// Options of TLS, for `https://` addresses.
#[derive(Debug, Clone, Default, Args)]
pub struct ClientTlsArgs {
    /// File with the authorities of the server's certificate, as PEM [default: those that the system trusts]
    #[arg(
        long,
        env = "PATRON_CA_CERTIFICATE",
        value_name = "FILE",
        help_heading = "Connection"
    )]
    pub ca_certificate: Option<PathBuf>,
    /// File with the certificate of this client, as PEM, where the server requires one
    #[arg(
        long,
        env = "PATRON_CLIENT_CERTIFICATE",
        value_name = "FILE",
        requires = "client_key",
        help_heading = "Connection"
    )]
    pub client_certificate: Option<PathBuf>,
    /// File with the private key of --client-certificate, as PEM
    #[arg(
        long,
        env = "PATRON_CLIENT_KEY",
        value_name = "FILE",
        requires = "client_certificate",
        help_heading = "Connection"
    )]
    pub client_key: Option<PathBuf>,
}

impl ClientTlsArgs {
    /// Whether there are any.
    pub(super) fn is_given(&self) -> bool {
        self.ca_certificate.is_some() || self.client_certificate.is_some()
    }

    /// What they make of a connection.
    ///
    /// # Errors
    ///
    /// Wrong usage for files that are not what they should be.
    pub(super) fn config(&self) -> Result<ClientTlsConfig, CliError> {
        let mut config = ClientTlsConfig::new();
        config = match &self.ca_certificate {
            Some(file) => {
                read_certificates(file).map_err(|error| refused("--ca-certificate", &error))?;
                config.ca_certificate(Certificate::from_pem(read("--ca-certificate", file)?))
            }
            None => config.with_native_roots(),
        };
        if let (Some(certificate), Some(key)) = (&self.client_certificate, &self.client_key) {
            let option = "--client-certificate";
            read_certificates(certificate).map_err(|error| refused(option, &error))?;
            read_key(key).map_err(|error| refused("--client-key", &error))?;
            let identity =
                Identity::from_pem(read(option, certificate)?, read("--client-key", key)?);
            config = config.identity(identity);
        }
        Ok(config)
    }
}

fn refused(option: &str, error: &CertificateError) -> CliError {
    CliError::usage(format!("{option}: {error}"))
}

fn read(option: &str, file: &Path) -> Result<Vec<u8>, CliError> {
    let file_name = file.display();
    std::fs::read(file)
        .map_err(|cause| CliError::usage(format!("{option}: cannot read {file_name}: {cause}")))
}

/// What to do about a connection that fails by its encryption, by the words of its cause; empty for other failures.
pub(super) fn hint(cause: &str) -> String {
    let hint = if cause.contains("UnknownIssuer") {
        "the certificate comes from an authority that is not trusted here: name its file with --ca-certificate"
    } else if cause.contains("not valid for name") {
        "write the address with a name that is in the server's certificate"
    } else if cause.contains("certificate expired") || cause.contains("certificate has expired") {
        "the server needs a new certificate"
    } else if cause.contains("CertificateRequired") || cause.contains("certificate required") {
        "the server requires a certificate: set --client-certificate and --client-key"
    } else if cause.contains("corrupt message") || cause.contains("InvalidContentType") {
        "the server has no TLS: write http:// if you trust the network"
    } else {
        ""
    };
    hint.to_owned()
}
