//! `docs/integrations/proxies.md`, run by nginx without the lines about certificates.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use patron::pb;
use patron::pb::routing_service_client::RoutingServiceClient;
use tempfile::TempDir;
use tonic::metadata::MetadataMap;
use tonic::transport::Endpoint;
use tonic::{Code, Request};

use super::{HTTP_ADDRESS, block, flat, get, has, moved, service};
use crate::proxies::{assert_complete, largest_error};
use crate::support::recipes::free;
use crate::support::{place, until};

const PAGE: &str = include_str!("../../../../docs/integrations/proxies.md");

/// A running nginx. Dropping it stops it.
struct Nginx {
    process: Child,
    http: SocketAddr,
    grpc: SocketAddr,
    _folder: TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn nginx(patron_http: SocketAddr, patron_grpc: SocketAddr) -> Nginx {
    let (http, grpc, folder) = (free(), free(), place());
    let configuration = moved(
        block(PAGE, "nginx"),
        &[
            (HTTP_ADDRESS, &patron_http.to_string()),
            ("127.0.0.1:50051", &patron_grpc.to_string()),
            ("127.0.0.1:8443 ssl;", &format!("{http};")),
            ("127.0.0.1:8444 ssl http2;", &format!("{grpc} http2;")),
            ("ssl_certificate /etc/nginx/patron.pem;", ""),
            ("ssl_certificate_key /etc/nginx/patron.key;", ""),
            // A busy machine may be slower than a call may wait.
            ("proxy_connect_timeout 200ms;", ""),
            ("proxy_read_timeout 500ms;", ""),
            ("grpc_connect_timeout 200ms;", ""),
        ],
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    let here = folder.path().display();
    let others: Vec<String> = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {here}/{kind};"))
        .collect();
    // nginx wants folders of its own for bodies, which the distribution's default names.
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace(
        "    access_log off;",
        &format!("    access_log off; {}", others.join(" ")),
    );
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new("nginx");
    let settings = format!("daemon off; master_process off; pid {here}/pid;");
    command.args(["-e", "stderr", "-g", &settings, "-p"]);
    command.arg(folder.path()).arg("-c").arg(&file);
    let process = command.stderr(Stdio::inherit()).spawn().unwrap();
    until("nginx listens", async || {
        std::net::TcpStream::connect(http).is_ok()
    })
    .await;
    Nginx {
        process,
        http,
        grpc,
        _folder: folder,
    }
}

const KEY: &str = "a-long-random-secret";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_lets_those_with_the_key_ask_and_answers_without_patron() {
    if !has("nginx") {
        return;
    }
    let service = service().await;
    let (http, grpc) = (service.app.http_address.unwrap(), service.app.address);
    let nginx = nginx(http, grpc).await;
    let target = "/v1/route?number=%2B493023125001&format=flat";
    let key = format!("x-patron-key: {KEY}\r\n");
    for _ in 0..3 {
        let (status, body) = get(nginx.http, target, &key).await;
        assert_eq!((status, &*flat(&body)["customer_id"]), (200, "ada"));
    }
    for (target, head, status) in [
        (target, "", 401),
        (target, "x-patron-key: wrong\r\n", 401),
        ("/v1/other", &*key, 404),
    ] {
        assert_eq!(
            get(nginx.http, target, head).await.0,
            status,
            "{target} {head}"
        );
    }

    let channel = Endpoint::from_shared(format!("http://{}", nginx.grpc)).unwrap();
    let channel = channel.connect().await.unwrap();
    let mut client = RoutingServiceClient::new(channel.clone());
    let mut request = Request::new(pb::RouteContactRequest {
        caller: Some(pb::route_contact_request::Caller::Number(
            "+493023125001".to_owned(),
        )),
        ..Default::default()
    });
    let refused = client
        .route_contact(pb::RouteContactRequest::default())
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
    request
        .metadata_mut()
        .insert("x-patron-key", KEY.parse().unwrap());
    let answer = client.route_contact(request).await.unwrap().into_inner();
    assert_eq!(answer.customer.unwrap().customer_id, "ada");

    let mut headers = MetadataMap::new();
    headers.insert("x-patron-key", KEY.parse().unwrap());
    assert_complete(&largest_error(channel.clone(), headers.clone()).await);

    service.stop().await.unwrap();
    let refused = largest_error(channel, headers).await;
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert_eq!(refused.message(), "no Patron behind the proxy");
    let (status, body) = get(nginx.http, target, &key).await;
    assert_eq!((status, &*flat(&body)["queue"]), (200, "service"));
}
