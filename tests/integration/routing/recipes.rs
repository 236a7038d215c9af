//! The recipes of `docs/integrations/` against the service: what can run here runs, and the rest is replayed as the other system sends it.

mod asterisk;
mod kamailio;
mod nginx;
mod replayed;
mod scripts;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::DOCUMENT;
use crate::support::service::ServiceWithDatabase;

/// Where the recipes expect the HTTP listener.
const HTTP_ADDRESS: &str = "127.0.0.1:50080";

/// The service of the other tests of this area, with the trunks that the recipes name.
async fn service() -> ServiceWithDatabase {
    let service = super::service().await;
    let trunks = "trunks:\n  provider: {numbers: e164_no_plus}\n  twilio: {numbers: e164}\n  genesys: {numbers: e164}\n";
    service
        .publish(&DOCUMENT.replace("trunks:\n", trunks))
        .await;
    service
}

/// The block of code in a language on a page, of which there must be one.
#[track_caller]
fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let mut blocks = blocks(page, language);
    let block = blocks.next().unwrap_or_else(|| panic!("no {language}"));
    assert_eq!(blocks.next(), None, "several blocks of {language}");
    block
}

/// The blocks of code in a language on a page.
fn blocks<'a>(page: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let fence = format!("\n```{language}\n");
    let parts: Vec<&str> = page.split(&*fence).skip(1).collect();
    parts
        .into_iter()
        .map(|rest| rest.split("\n```").next().unwrap_or_default())
}

/// `text` with each address in place of another one; each must be there.
#[track_caller]
fn moved(text: &str, moves: &[(&str, &str)]) -> String {
    moves.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in {text}");
        text.replace(from, to)
    })
}

/// Whether a program is there; otherwise prints that a test did not run.
#[expect(clippy::print_stdout, reason = "a test prints that it did not run")]
fn has(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output()
        .unwrap()
        .status
        .success();
    if !found {
        println!("did not run: {program} is not installed (make peers installs it on Debian)");
    }
    found
}

/// Status and body of the answer to a request as it stands on the wire.
async fn exchange(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// The same for GET, with further lines of the head.
async fn get(address: SocketAddr, target: &str, head: &str) -> (u16, String) {
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\n{head}connection: close\r\n\r\n");
    exchange(address, &request).await
}

/// The keys and values of a flat answer.
fn flat(body: &str) -> BTreeMap<String, String> {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// What stands in `text` between each `before` and the next `after`.
fn between<'a>(text: &'a str, before: &str, after: char) -> Vec<&'a str> {
    let rest = text.split(before).skip(1);
    rest.filter_map(|rest| rest.split(after).next()).collect()
}
