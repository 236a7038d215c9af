//! Requests over HTTP/1 as they stand on the wire, each on a connection of its own.

use std::fmt::Write as _;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::service::ServiceWithDatabase;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// In lower case, a line each.
    head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(super) fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The reason of an error.
    pub(super) fn reason(&self) -> String {
        let json = self.json();
        let details = json["details"].as_array().cloned().unwrap_or_default();
        let mut reasons = details.iter().filter_map(|it| it["reason"].as_str());
        reasons.next().unwrap_or_default().to_owned()
    }
}

/// Sends a request with these headers and this body.
pub(super) async fn send(
    service: &ServiceWithDatabase,
    start: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut request = format!("{start} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    if !body.is_empty() || start.starts_with("POST") {
        write!(request, "content-length: {}\r\n", body.len()).unwrap();
    }
    request.push_str("\r\n");
    let address = service.app.http_address.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    // The server may refuse a long body before it has come.
    let _ = stream.write_all(body).await;
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer).await;
    parse(&answer)
}

/// Calls a method of `patron.v1` with JSON.
pub(super) async fn call(service: &ServiceWithDatabase, method: &str, request: &Value) -> Answer {
    post(service, method, &[], request.to_string().as_bytes()).await
}

/// Calls a method of `patron.v1` with JSON and these headers.
pub(super) async fn post(
    service: &ServiceWithDatabase,
    method: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let json = [("content-type", "application/json")];
    let headers = [&json[..], headers].concat();
    send(
        service,
        &format!("POST /patron.v1.{method}"),
        &headers,
        body,
    )
    .await
}

fn parse(answer: &[u8]) -> Answer {
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(answer)));
    let head = String::from_utf8(answer[..end].to_vec())
        .unwrap()
        .to_lowercase();
    let mut answer = Answer {
        status: head[9..12].parse().unwrap(),
        body: answer[end + 4..].to_vec(),
        head,
    };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = chunks(&answer.body);
    }
    if let Some(length) = answer.header("content-length") {
        assert_eq!(length, answer.body.len().to_string());
    }
    answer
}

/// The content of a body in chunks.
fn chunks(mut body: &[u8]) -> Vec<u8> {
    let mut content = vec![];
    loop {
        let end = body.windows(2).position(|it| it == b"\r\n").unwrap();
        let length = std::str::from_utf8(&body[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return content;
        }
        content.extend_from_slice(&body[end + 2..][..length]);
        body = &body[end + 2 + length + 2..];
    }
}
