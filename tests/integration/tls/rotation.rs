//! Certificates are exchanged while the service runs: new connections have the new one, old ones go on, and broken files change nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use patron::app::tls::ClientCertificates;
use tokio::task::JoinSet;
use tokio_rustls::rustls::version::TLS13;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::authority::{Authority, serial_number};
use super::handshakes::shake;
use super::service::Encrypted;
use super::{ServerFiles, identity};
use crate::server::soon;
use crate::support::until;

/// Channels that are kept, and as many tasks that connect anew for each call.
const CALLERS: usize = 4;

fn request() -> HealthCheckRequest {
    HealthCheckRequest::default()
}

async fn connect(
    service: &Encrypted,
    tls: ClientTlsConfig,
) -> Result<HealthClient<Channel>, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(service.endpoint()).unwrap();
    let channel = endpoint.tls_config(tls).unwrap().connect().await?;
    Ok(HealthClient::new(channel))
}

/// The serial number of the certificate that a new connection is shown.
async fn shown(service: &Encrypted, files: &ServerFiles) -> String {
    let address = service.app.address;
    let stream = shake(&files.authority, address, &["h2"], &[&TLS13])
        .await
        .unwrap();
    let chain = stream.get_ref().1.peer_certificates().unwrap();
    serial_number(&chain[0])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_call_fails() {
    let files = ServerFiles::new();
    let service = Arc::new(Encrypted::start(&files).await);
    let (stop, calls) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut callers = JoinSet::new();
    for is_kept in [true, false].repeat(CALLERS) {
        let (service, stop, calls) = (Arc::clone(&service), Arc::clone(&stop), Arc::clone(&calls));
        let tls = files.trusting();
        let mut client = connect(&service, tls.clone()).await.unwrap();
        callers.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                if !is_kept {
                    client = connect(&service, tls.clone()).await.unwrap();
                }
                client.check(request()).await.unwrap();
                calls.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let mut before = shown(&service, &files).await;
    for _ in 0..2 {
        let issued = files.authority.issue(&["localhost"]);
        files.write(&issued);
        until("new connections have the new certificate", async || {
            shown(&service, &files).await == issued.serial_number
        })
        .await;
        assert_ne!(before, issued.serial_number);
        before = issued.serial_number;
        let so_far = calls.load(Ordering::Relaxed);
        until("the callers go on", async || {
            calls.load(Ordering::Relaxed) > so_far + 50
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = soon(callers.join_next()).await {
        ended.unwrap();
    }
    assert!(service.app.metrics.tls.reloads_used.get() >= 2);
    assert_eq!(service.app.metrics.tls.reload_failing.get(), 0);
}

#[tokio::test]
async fn broken_files_keep_the_old_certificate_until_they_are_mended() {
    let files = ServerFiles::new();
    let service = Encrypted::start(&files).await;
    let metrics = &service.app.metrics.tls;
    let old = shown(&service, &files).await;
    // The certificate is there before its key.
    let issued = files.authority.issue(&["localhost"]);
    std::fs::write(files.path("server.pem"), &issued.certificate).unwrap();
    until("the failure is shown", async || {
        metrics.reload_failing.get() == 1
    })
    .await;
    assert_eq!(shown(&service, &files).await, old);
    std::fs::remove_file(files.path("server.pem")).unwrap();
    until("each change is looked at", async || {
        metrics.reloads_refused.get() >= 2
    })
    .await;
    assert_eq!(shown(&service, &files).await, old);

    files.write(&issued);
    until("the new certificate is in use", async || {
        metrics.reload_failing.get() == 0
    })
    .await;
    assert_eq!(shown(&service, &files).await, issued.serial_number);
}

#[tokio::test]
async fn a_link_that_is_swapped_is_a_change() {
    // As Kubernetes does it: files are links into a folder, which is itself a link, and only that changes.
    let files = ServerFiles::new();
    let (first, second) = (files.path("1"), files.path("2"));
    let issued = files.authority.issue(&["localhost"]);
    for (folder, certificate) in [
        (&first, files.authority.issue(&["localhost"])),
        (&second, files.authority.issue(&["localhost"])),
    ] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("server.pem"), &certificate.certificate).unwrap();
        std::fs::write(folder.join("server.key"), &certificate.key).unwrap();
    }
    std::fs::write(second.join("server.pem"), &issued.certificate).unwrap();
    std::fs::write(second.join("server.key"), &issued.key).unwrap();
    let current = files.path("current");
    std::os::unix::fs::symlink(&first, &current).unwrap();
    for name in ["server.pem", "server.key"] {
        std::fs::remove_file(files.path(name)).unwrap();
        std::os::unix::fs::symlink(current.join(name), files.path(name)).unwrap();
    }
    let service = Encrypted::start(&files).await;
    let next = files.path("next");
    std::os::unix::fs::symlink(&second, &next).unwrap();
    std::fs::rename(&next, &current).unwrap();
    until("the new certificate is in use", async || {
        shown(&service, &files).await == issued.serial_number
    })
    .await;
}

#[tokio::test]
async fn the_authority_of_clients_is_exchanged_too() {
    let files = ServerFiles::new();
    let (old, new) = (Authority::new("old clients"), Authority::new("new clients"));
    let given = files.files_with_clients(&old, ClientCertificates::Required);
    let service = Encrypted::start_with(&files, |settings| {
        settings.tls.tls_client_ca = given.client_ca;
    })
    .await;
    let [of_old, of_new] = [&old, &new].map(|it| {
        files
            .trusting()
            .identity(identity(&it.issue(&["crm.example"])))
    });
    let mut kept = connect(&service, of_old.clone()).await.unwrap();
    kept.check(request()).await.unwrap();
    files.files_with_clients(&new, ClientCertificates::Required);
    until("the new authority is in use", async || {
        match connect(&service, of_new.clone()).await {
            Ok(mut client) => client.check(request()).await.is_ok(),
            Err(_) => false,
        }
    })
    .await;
    // The connection of before goes on; another one like it is refused.
    kept.check(request()).await.unwrap();
    let again = async {
        let mut client = connect(&service, of_old).await?;
        client
            .check(request())
            .await
            .map(|_| ())
            .map_err(anyhow::Error::from)
    };
    assert!(soon(again).await.is_err());
}
