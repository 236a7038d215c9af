//! An authority that issues certificates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// An authority.
pub(super) struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, both as PEM.
pub(super) struct Issued {
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) key_der: Vec<u8>,
    pub(super) serial_number: String,
}

/// A block of PEM.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    let body = lines.join("\n");
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    pub(super) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }

    /// A certificate for a server or client with these names.
    pub(super) fn issue(&self, names: &[&str]) -> Issued {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        self.issue_with(&CertificateParams::new(names).unwrap())
    }

    /// A certificate for a client with this URI and these hosts.
    pub(super) fn issue_uri(&self, uri: &str, hosts: &[&str]) -> Issued {
        let hosts: Vec<String> = hosts.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        let uri = SanType::URI(uri.try_into().unwrap());
        params.subject_alt_names.push(uri);
        self.issue_with(&params)
    }

    pub(super) fn issue_with(&self, params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued {
            certificate: pem("CERTIFICATE", certificate.der()),
            key: pem("PRIVATE KEY", key.serialized_der()),
            key_der: key.serialize_der(),
            serial_number: serial_number(certificate.der()),
        }
    }
}

/// The serial number of a certificate in hexadecimal.
pub(super) fn serial_number(certificate: &CertificateDer<'_>) -> String {
    use x509_cert::der::Decode as _;
    let certificate = x509_cert::Certificate::from_der(certificate).unwrap();
    let number = certificate.tbs_certificate().serial_number();
    number.to_string().replace(':', "")
}
