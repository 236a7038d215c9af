//! The configurations of other programs that the documents have, and whether these programs are here.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::APART;

/// The block of code in a language on a page, of which there must be one.
#[track_caller]
pub(crate) fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let mut blocks = blocks(page, language);
    let block = blocks.next().unwrap_or_else(|| panic!("no {language}"));
    assert_eq!(blocks.next(), None, "several blocks of {language}");
    block
}

/// The blocks of code in a language on a page.
pub(crate) fn blocks<'a>(page: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let fence = format!("\n```{language}\n");
    let parts: Vec<&str> = page.split(&*fence).skip(1).collect();
    parts
        .into_iter()
        .map(|rest| rest.split("\n```").next().unwrap_or_default())
}

/// `text` with each address in place of another one; each must be there.
#[track_caller]
pub(crate) fn moved(text: &str, moves: &[(&str, &str)]) -> String {
    moves.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in {text}");
        text.replace(from, to)
    })
}

/// Whether a program is there; otherwise prints that a test did not run.
#[expect(clippy::print_stdout, reason = "a test prints that it did not run")]
pub(crate) fn has(program: &str) -> bool {
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
pub(crate) async fn exchange(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// The same for GET, with further lines of the head.
pub(crate) async fn get(address: SocketAddr, target: &str, head: &str) -> (u16, String) {
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\n{head}connection: close\r\n\r\n");
    exchange(address, &request).await
}

/// An address of this machine on which nothing listens, until the program does that is told it.
pub(crate) fn free() -> SocketAddr {
    let listener = TcpListener::bind((APART, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// A running program. Dropping it stops it.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
