//! `FastAGI`, spoken byte by byte as Asterisk does.

use std::collections::BTreeMap;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::service;
use crate::support::service::ServiceWithDatabase;

async fn connect(service: &ServiceWithDatabase) -> BufReader<TcpStream> {
    let address = service.app.agi_address.unwrap();
    BufReader::new(TcpStream::connect(address).await.unwrap())
}

/// The lines about a call, as Asterisk 16 sends them.
fn about(caller: &str, query: &str) -> String {
    format!(
        "agi_network: yes\nagi_network_script: route\nagi_request: agi://127.0.0.1/route{query}\nagi_channel: PJSIP/p-1\n\
         agi_language: en\nagi_uniqueid: 1700000000.1\nagi_version: 16.28.0\nagi_callerid: {caller}\nagi_calleridname: Ada\n\
         agi_dnid: 4930999\nagi_priority: 1\nagi_threadid: 1\n\n"
    )
}

/// The variables that are set for a call.
pub(super) async fn variables(
    service: &ServiceWithDatabase,
    caller: &str,
    query: &str,
) -> BTreeMap<String, String> {
    let mut peer = connect(service).await;
    peer.write_all(about(caller, query).as_bytes())
        .await
        .unwrap();
    let mut variables = BTreeMap::new();
    loop {
        let mut line = String::new();
        if peer.read_line(&mut line).await.unwrap() == 0 {
            return variables;
        }
        let command = line.trim_end().strip_prefix("SET VARIABLE ").unwrap();
        let (name, value) = command.split_once(' ').unwrap();
        let value = value.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
        variables.insert(name.to_owned(), value.to_owned());
        peer.write_all(b"200 result=1\n").await.unwrap();
    }
}

#[tokio::test]
async fn asterisk_gets_the_answer_as_variables() {
    let service = service().await;
    let known = variables(&service, "03023125001", "").await;
    assert_eq!(known["PATRON_VERDICT"], "resolved");
    assert_eq!(known["PATRON_QUEUE"], "reception");
    assert_eq!(known["PATRON_PRIORITY"], "10");
    assert_eq!(known["PATRON_CUSTOMER_ID"], "ada");
    // The trunk is part of the address.
    let other = variables(&service, "493023125001", "?trunk=sip").await;
    assert_eq!(other["PATRON_CUSTOMER_ID"], "ada");
    assert_eq!(other.len(), known.len());
    let withheld = variables(&service, "unknown", "").await;
    assert_eq!(withheld["PATRON_VERDICT"], "withheld");
    let wrong = variables(&service, "03023125001", "?number_plan=german").await;
    assert!(wrong["PATRON_ERROR"].starts_with("number_plan: is not a number plan"));
    assert_eq!(wrong.len(), 1);
}

#[tokio::test]
async fn what_is_not_the_protocol_ends_the_connection() {
    let service = service().await;
    let long = format!("agi_request: {}\n", "x".repeat(5_000));
    let many = "agi_arg_1: x\n".repeat(300);
    for said in ["GET / HTTP/1.1\n\n", &long, &many, "\u{0}\u{ff}\n"] {
        let mut peer = connect(&service).await;
        let _ = peer.write_all(said.as_bytes()).await;
        let mut answer = String::new();
        // The end, or a reset where something was left unread.
        let _ = peer.read_to_string(&mut answer).await;
        assert_eq!(answer, "", "{said:?}");
    }
    // A caller who hangs up.
    let mut peer = connect(&service).await;
    peer.write_all(about("03023125001", "").as_bytes())
        .await
        .unwrap();
    let mut line = String::new();
    peer.read_line(&mut line).await.unwrap();
    assert_eq!(line, "SET VARIABLE PATRON_VERDICT \"resolved\"\n");
    peer.write_all(b"HANGUP\n").await.unwrap();
    let mut rest = String::new();
    peer.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "");
}
