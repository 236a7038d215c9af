//! The forms of keys and certificates, and what is said about files that are none.

use std::process::Command;

use patron::app::tls::{CertificateError, ClientCertificates};
use rcgen::CertificateParams;

use super::ServerFiles;
use super::authority::{Authority, pem};
use super::clients::{connect, start};
use crate::server::request;

/// The problems of these files, as an operator reads them.
fn problems(files: &ServerFiles) -> Vec<String> {
    let problems = files.files().problems();
    problems.iter().map(CertificateError::to_string).collect()
}

#[track_caller]
fn assert_problem(files: &ServerFiles, file: &str, part: &str) {
    let found = problems(files);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains(file) && found[0].contains(part),
        "{found:?}"
    );
    assert!(
        found[0].len() < 160 + 2 * files.folder.path().as_os_str().len(),
        "{found:?}"
    );
}

/// The SEC1 form of a key for a curve, which its PKCS#8 form contains.
fn sec1(pkcs8: &[u8]) -> &[u8] {
    // Version 1 and the 32 bytes of the key begin it.
    let begin = pkcs8.windows(5).position(|it| it == [2, 1, 1, 4, 32]);
    let begin = begin.unwrap() - 2;
    &pkcs8[begin..begin + 2 + usize::from(pkcs8[begin + 1])]
}

#[tokio::test]
async fn a_key_of_a_curve_may_have_either_form() {
    let files = ServerFiles::new();
    let issued = files.authority.issue(&["localhost"]);
    for key in [
        issued.key.clone(),
        pem("EC PRIVATE KEY", sec1(&issued.key_der)),
        format!("# a comment\n{}", issued.key),
    ] {
        files.write(&issued);
        std::fs::write(files.path("server.key"), key).unwrap();
        let server = start(files.files()).await;
        let mut client = connect(&server, files.trusting()).await.unwrap();
        client.classify(request("anna")).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_of_rsa_may_have_either_form() {
    let files = ServerFiles::new();
    let run = |arguments: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(files.folder.path());
        command
            .output()
            .ok()
            .filter(|output| output.status.success())
    };
    let made = run(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-keyout",
        "server.key",
        "-out",
        "server.pem",
    ]);
    if made.is_none() {
        eprintln!("without openssl there is no key of RSA: did not run");
        return;
    }
    assert_eq!(problems(&files), [""; 0]);
    for (form, label) in [
        (&["rsa", "-traditional"][..], "BEGIN RSA PRIVATE KEY"),
        (&["pkey"], "BEGIN PRIVATE KEY"),
    ] {
        let inout = ["-in", "server.key", "-out", "other.key"];
        run(&[form, &inout].concat()).unwrap();
        std::fs::rename(files.path("other.key"), files.path("server.key")).unwrap();
        let key = std::fs::read_to_string(files.path("server.key")).unwrap();
        assert!(key.contains(label), "{form:?}");
        assert_eq!(problems(&files), [""; 0], "{form:?}");
    }
    let inout = ["-in", "server.key", "-out", "other.key"];
    run(&[&["pkey", "-aes256", "-passout", "pass:x"][..], &inout].concat()).unwrap();
    std::fs::rename(files.path("other.key"), files.path("server.key")).unwrap();
    assert_problem(&files, "server.key", "has a password");
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_name() {
    let files = ServerFiles::new();
    let issued = files.authority.issue(&["localhost"]);
    let write = |name: &str, text: &str| std::fs::write(files.path(name), text).unwrap();

    std::fs::remove_file(files.path("server.pem")).unwrap();
    assert_problem(&files, "server.pem", "No such file");
    write("server.pem", "");
    assert_problem(&files, "server.pem", "contains no certificate");
    write("server.pem", &issued.key);
    assert_problem(&files, "server.pem", "contains no certificate");
    write("server.pem", &pem("CERTIFICATE", &[1, 2, 3]));
    assert_problem(&files, "server.pem", "certificate 1");
    write(
        "server.pem",
        "-----BEGIN CERTIFICATE-----\nno base64!\n-----END CERTIFICATE-----\n",
    );
    assert_problem(&files, "server.pem", "certificate 1");

    files.write(&issued);
    assert_eq!(problems(&files), [""; 0]);
    write("server.key", &issued.certificate);
    assert_problem(&files, "server.key", "contains no private key");
    write("server.key", &pem("PRIVATE KEY", &[1, 2, 3]));
    assert_problem(&files, "server.key", "cannot be used");
    write("server.key", &files.authority.issue(&["localhost"]).key);
    assert_problem(&files, "server.key", "does not match");

    // The authority before the server's own certificate.
    files.write(&issued);
    let wrong_order = [files.authority.pem(), issued.certificate.clone()].concat();
    write("server.pem", &wrong_order);
    assert_problem(&files, "server.pem", "must come first");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let files = ServerFiles::new();
    for name in ["server.pem", "server.key"] {
        std::fs::write(files.path(name), "").unwrap();
    }
    let clients = Authority::new("clients");
    let given = files.files_with_clients(&clients, ClientCertificates::Optional);
    std::fs::write(files.path("clients.pem"), "nothing").unwrap();
    assert_eq!(given.problems().len(), 3);
}

#[tokio::test]
async fn an_authority_in_between_is_sent_along() {
    let files = ServerFiles::new();
    // As issuers deliver it: the own certificate, then that of the authority that signed it.
    let issued = files.authority.issue(&["localhost"]);
    let chain = [issued.certificate.clone(), files.authority.pem()].concat();
    files.write(&issued);
    std::fs::write(files.path("server.pem"), chain).unwrap();
    let server = start(files.files()).await;
    let mut client = connect(&server, files.trusting()).await.unwrap();
    client.classify(request("anna")).await.unwrap();
}

#[tokio::test]
async fn an_expired_certificate_is_served_and_shown() {
    let files = ServerFiles::new();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    files.write(&files.authority.issue_with(&params));
    let server = start(files.files()).await;
    let left = server.shared.metrics.tls.days_left.get();
    assert!(left < -9000.0, "{left}");
    let refused = connect(&server, files.trusting()).await.unwrap_err();
    assert!(format!("{refused:?}").contains("xpired"), "{refused:?}");
}
