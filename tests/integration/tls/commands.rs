//! The command line as a client of an encrypted server, and the other listeners.

use std::process::Output;

use patron::app::tls::ClientCertificates;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::rustls::version::TLS13;

use super::authority::Authority;
use super::handshakes::shake;
use super::service::{Encrypted, by_name};
use super::{ServerFiles, text};
use crate::server::soon;
use crate::support::program::run;

fn notes(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn commands_reach_an_encrypted_server() {
    let files = ServerFiles::new();
    files.write(&files.authority.issue(&["localhost"]));
    let service = Encrypted::start(&files).await;
    let (endpoint, root) = (service.endpoint(), files.path("root.pem"));
    let command = ["rates", "list", "--endpoint", &endpoint];
    let with_root = [&command[..], &["--ca-certificate", text(&root)]].concat();
    let output = run(&with_root).await;
    assert_eq!(output.status.code(), Some(0), "{}", notes(&output));
    // Without a scheme, options of TLS mean TLS.
    let address = endpoint.trim_start_matches("https://");
    let bare = [
        "rates",
        "list",
        "--endpoint",
        address,
        "--ca-certificate",
        text(&root),
    ];
    let output = run(&bare).await;
    assert_eq!(output.status.code(), Some(0), "{}", notes(&output));

    let output = run(&command).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        notes(&output).contains("hint: ") && notes(&output).contains("--ca-certificate"),
        "{}",
        notes(&output)
    );
    // Plain text.
    let plain = endpoint.replace("https", "http");
    let output = run(&["rates", "list", "--endpoint", &plain]).await;
    assert_eq!(output.status.code(), Some(1), "{}", notes(&output));
    assert!(notes(&output).contains("https://"), "{}", notes(&output));
    // A name that is not in the certificate, of the same server.
    let other = service.app.endpoint();
    let other = [
        "rates",
        "list",
        "--endpoint",
        &other,
        "--ca-certificate",
        text(&root),
    ];
    let output = run(&other).await;
    assert_eq!(output.status.code(), Some(1), "{}", notes(&output));
    assert!(
        notes(&output).contains("a name that is in"),
        "{}",
        notes(&output)
    );
}

#[tokio::test]
async fn what_is_wrong_with_the_options_is_said_before_anything_is_tried() {
    let files = ServerFiles::new();
    let (root, key) = (files.path("root.pem"), files.path("server.key"));
    for (arguments, part) in [
        (
            &[
                "--endpoint",
                "http://localhost:1",
                "--ca-certificate",
                text(&root),
            ][..],
            "https://localhost:1",
        ),
        (
            &[
                "--endpoint",
                "https://localhost:1",
                "--ca-certificate",
                text(&key),
            ],
            "contains no certificate",
        ),
        (
            &[
                "--endpoint",
                "https://localhost:1",
                "--ca-certificate",
                "/none.pem",
            ],
            "cannot read /none.pem",
        ),
        (
            &[
                "--endpoint",
                "https://localhost:1",
                "--client-certificate",
                text(&root),
            ],
            "--client-key",
        ),
        (
            &[
                "--endpoint",
                "https://localhost:1",
                "--client-certificate",
                text(&root),
                "--client-key",
                text(&root),
            ],
            "contains no private key",
        ),
    ] {
        let output = run(&[&["rates", "list"], arguments].concat()).await;
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(
            notes(&output).contains(part),
            "{arguments:?}: {}",
            notes(&output)
        );
    }
}

#[tokio::test]
async fn a_command_brings_its_certificate() {
    let files = ServerFiles::new();
    let clients = Authority::new("authority of clients");
    let given = files.files_with_clients(&clients, ClientCertificates::Required);
    let service = Encrypted::start_with(&files, |settings| {
        settings.tls.tls_client_ca = given.client_ca;
    })
    .await;
    let own = clients.issue(&["nightly.example"]);
    let (certificate, key) = (files.path("own.pem"), files.path("own.key"));
    std::fs::write(&certificate, &own.certificate).unwrap();
    std::fs::write(&key, &own.key).unwrap();
    let (endpoint, root) = (service.endpoint(), files.path("root.pem"));
    let without = [
        "rates",
        "list",
        "--endpoint",
        &endpoint,
        "--ca-certificate",
        text(&root),
    ];
    let output = run(&without).await;
    assert_eq!(output.status.code(), Some(1), "{}", notes(&output));
    let own = [
        "--client-certificate",
        text(&certificate),
        "--client-key",
        text(&key),
    ];
    let output = run(&[&without[..], &own].concat()).await;
    assert_eq!(output.status.code(), Some(0), "{}", notes(&output));
}

#[tokio::test]
async fn the_http_listener_is_encrypted_too() {
    let files = ServerFiles::new();
    let service = Encrypted::start(&files).await;
    let address = service.app.http_address.unwrap();
    assert!(by_name(address).starts_with("https://"));
    let shaken = shake(&files.authority, address, &["h2", "http/1.1"], &[&TLS13]).await;
    let mut stream = shaken.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let request = b"GET /v1/openapi.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = vec![];
    soon(stream.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("\"openapi\""), "{answer}");
    let refused = shake(&files.authority, address, &["h2"], &[&TLS13]).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("NoApplicationProtocol")
    );
}
