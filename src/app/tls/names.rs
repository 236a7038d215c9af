//! The names in a client's certificate, which calls carry with them.

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::grpc::layers::peer::{ClientCertificate, ClientName};

/// Longest name, in bytes: that of a host has at most 253.
const MAX_NAME_BYTES: usize = 255;

/// The names of a certificate whose chain was verified: URIs first, as SPIFFE has them, then host names; only without either the common
/// name. What is no plain text is no name: a log or a list of rights could take it for another.
pub(super) fn read_names(certificate: &CertificateDer<'_>) -> ClientCertificate {
    let Ok(certificate) = Certificate::from_der(certificate) else {
        return ClientCertificate::default();
    };
    let certificate = certificate.tbs_certificate();
    let alternatives = certificate.get_extension::<SubjectAltName>();
    let alternatives = alternatives.ok().flatten().map(|(_, names)| names.0);
    let alternatives = alternatives.unwrap_or_default();
    let uris = alternatives.iter().filter_map(uri);
    let hosts = alternatives.iter().filter_map(host);
    let mut names: Vec<ClientName> = uris.chain(hosts).collect();
    if names.is_empty() {
        let common = certificate.subject().common_name().ok().flatten();
        let common = common.map(|name| name.value().into_owned());
        let common = common.filter(|name| is_plain(name));
        names.extend(common.map(ClientName::CommonName));
    }
    ClientCertificate::new(names)
}

fn uri(name: &GeneralName) -> Option<ClientName> {
    let GeneralName::UniformResourceIdentifier(uri) = name else {
        return None;
    };
    let uri = uri.as_str();
    is_plain(uri).then(|| ClientName::Uri(uri.to_owned()))
}

fn host(name: &GeneralName) -> Option<ClientName> {
    let GeneralName::DnsName(host) = name else {
        return None;
    };
    let host = host.as_str();
    is_plain(host).then(|| ClientName::Dns(host.to_ascii_lowercase()))
}

fn is_plain(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    #[track_caller]
    fn check(change: impl FnOnce(&mut CertificateParams), names: &[ClientName]) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "crm");
        change(&mut params);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(read_names(certificate.der()).names(), names);
    }

    #[test]
    fn uris_come_before_hosts_and_both_before_the_common_name() {
        let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
        let uri = |name: &str| SanType::URI(name.try_into().unwrap());
        let common = |name: &str| ClientName::CommonName(name.to_owned());
        check(|_| {}, &[common("crm")]);
        check(
            |it| it.subject_alt_names = vec![dns("CRM.example"), uri("spiffe://bank/crm")],
            &[
                ClientName::Uri("spiffe://bank/crm".to_owned()),
                ClientName::Dns("crm.example".to_owned()),
            ],
        );
    }

    #[test]
    fn what_is_no_plain_text_is_no_name() {
        for name in ["admin\0.evil", "two\nlines", &"x".repeat(256)] {
            let change = |it: &mut CertificateParams| {
                it.distinguished_name.push(DnType::CommonName, name);
            };
            check(change, &[]);
        }
        assert_eq!(read_names(&CertificateDer::from(vec![0; 9])).names(), []);
    }
}
