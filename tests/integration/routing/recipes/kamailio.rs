//! `docs/integrations/kamailio.md`, run by Kamailio, with calls from sipp: normal, without the database, with a Patron that does not
//! answer in time, and without Patron.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{HTTP_ADDRESS, block, has, moved, service};
use crate::support::{place, until};

const PAGE: &str = include_str!("../../../../docs/integrations/kamailio.md");
const CALLS_PER_SECOND: usize = 100;
const TIMEOUT: &str = "\"connection_timeout\", 1";
const LONG_TIMEOUT: &str = "\"connection_timeout\", 20";

/// How long each situation lasts: `PATRON_CALL_SECONDS`, or 2 s.
fn seconds() -> usize {
    let set = std::env::var("PATRON_CALL_SECONDS").ok();
    set.map_or(2, |seconds| seconds.parse().unwrap())
}

/// A call that is redirected. `field0` is what From has, `field1` the asserted number, `field2` a Privacy header.
const SCENARIO: &str = r#"<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="call arrival">
  <send retrans="500"><![CDATA[
INVITE sip:4930999@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: [field0];tag=[call_number]
To: <sip:4930999@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:sipp@[local_ip]:[local_port]>
Max-Forwards: 70
P-Asserted-Identity: <[field1]>
[field2]
Content-Length: 0

  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="302">
    <action>
      <ereg regexp="[a-z_]+" search_in="hdr" header="X-Queue:" assign_to="queue"/>
      <log message="[field1] [$queue]"/>
    </action>
  </recv>
  <send><![CDATA[
ACK sip:4930999@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

  ]]></send>
</scenario>
"#;

/// From, P-Asserted-Identity, Privacy, and the queue of each caller.
const CALLERS: [(&str, &str, &str, &str); 4] = [
    (
        "\"Ada & Co\" <sip:x&format&asserted_identity=y@127.0.0.1>",
        "sip:+493023125001@provider.example",
        "",
        "reception",
    ),
    (
        "<sip:493023125002@127.0.0.1>",
        "tel:493023125002",
        "",
        "workshop",
    ),
    (
        "<sip:4930555@127.0.0.1>",
        "sip:49305555555@provider.example;user=phone",
        "",
        "newcomers",
    ),
    (
        "<sip:anonymous@anonymous.invalid>",
        "sip:+493023125003@provider.example",
        "Privacy: id",
        "reception",
    ),
];

/// A running Kamailio. Dropping it stops it.
struct Kamailio {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its first process stops the others.
        let stop = format!("kill -TERM {}", self.process.id());
        let _ = Command::new("sh").args(["-c", &stop]).status();
        let _ = self.process.wait();
    }
}

fn free() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}

/// With the page's timeout, or for a busy machine with one that is longer.
async fn kamailio(patron: SocketAddr, timeout: &str) -> Kamailio {
    let (address, folder) = (free(), place());
    let configuration = moved(
        block(PAGE, "kamailio"),
        &[
            (HTTP_ADDRESS, &patron.to_string()),
            ("127.0.0.1:5060", &address.to_string()),
            (TIMEOUT, timeout),
        ],
    );
    let file = folder.path().join("kamailio.cfg");
    std::fs::write(&file, configuration).unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut command = Command::new("kamailio");
    command
        .arg("-f")
        .arg(&file)
        .args(["-DD", "-E", "-Y"])
        .arg(folder.path());
    let process = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let started = Kamailio {
        process,
        address,
        folder,
    };
    let probe = UdpSocket::bind("127.0.0.1:0").unwrap();
    probe.connect(address).unwrap();
    probe.set_nonblocking(true).unwrap();
    let options = format!(
        "OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:{address}>\r\n\
         Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
        probe.local_addr().unwrap()
    );
    until("Kamailio answers", async || {
        let _ = probe.send(options.as_bytes());
        probe.recv(&mut [0; 2048]).is_ok()
    })
    .await;
    started
}

/// What became of calls.
#[derive(Debug)]
struct Calls {
    made: usize,
    failed: usize,
    repeated: usize,
    /// How many of each asserted identity got which queue.
    queues: BTreeMap<(String, String), usize>,
}

/// Lets sipp make calls for [`seconds`].
async fn calls(kamailio: &Kamailio) -> Calls {
    let folder = kamailio.folder.path().to_owned();
    let (target, source) = (kamailio.address, free());
    let made = CALLS_PER_SECOND * seconds();
    let run = move || sipp(&folder, target, source, made);
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn sipp(folder: &Path, target: SocketAddr, source: SocketAddr, made: usize) -> Calls {
    let rows = CALLERS.map(|(from, asserted, privacy, _)| {
        // sipp separates the fields by semicolons.
        format!("{from};{};{privacy}\n", asserted.replace(';', "%3B"))
    });
    let rows = rows.concat();
    std::fs::write(folder.join("callers.csv"), format!("SEQUENTIAL\n{rows}")).unwrap();
    std::fs::write(folder.join("call.xml"), SCENARIO).unwrap();
    let output = Command::new("sipp")
        .current_dir(folder)
        .arg(target.to_string())
        .args(["-sf", "call.xml", "-inf", "callers.csv", "-nostdin"])
        .args(["-i", "127.0.0.1", "-p", &source.port().to_string()])
        .args(["-r", &CALLS_PER_SECOND.to_string(), "-m", &made.to_string()])
        .args(["-trace_logs", "-log_file", "calls.log"])
        .args(["-trace_stat", "-stf", "statistics.csv"])
        .args(["-timeout", &format!("{}s", seconds() + 30)])
        .output()
        .unwrap();
    let log = std::fs::read_to_string(folder.join("calls.log")).unwrap_or_default();
    let statistics = std::fs::read_to_string(folder.join("statistics.csv"));
    let said = String::from_utf8_lossy(&output.stderr);
    let statistics = statistics.unwrap_or_else(|error| panic!("{error}: {said}"));
    let (head, last) = (
        statistics.lines().next().unwrap(),
        statistics.lines().last().unwrap(),
    );
    let columns: BTreeMap<&str, &str> = head.split(';').zip(last.split(';')).collect();
    let count = |name: &str| columns[name].parse().unwrap();
    let mut queues = BTreeMap::new();
    for line in log.lines() {
        let (caller, queue) = line.split_once(' ').unwrap();
        *queues
            .entry((caller.to_owned(), queue.trim().to_owned()))
            .or_insert(0) += 1;
    }
    Calls {
        made: count("TotalCallCreated"),
        failed: count("FailedCall(C)"),
        repeated: count("Retransmissions(C)"),
        queues,
    }
}

/// Each caller in the queue that `expected` has for them, and every call once.
#[expect(clippy::print_stdout, reason = "the summary of the calls")]
#[track_caller]
fn all_in(calls: &Calls, expected: impl Fn(usize) -> &'static str) {
    let made = CALLS_PER_SECOND * seconds();
    assert_eq!((calls.made, calls.failed), (made, 0), "{calls:?}");
    let each = made / CALLERS.len();
    let queues = CALLERS.iter().enumerate().map(|(at, (_, asserted, ..))| {
        let asserted = asserted.replace(';', "%3B");
        ((asserted, expected(at).to_owned()), each)
    });
    assert_eq!(calls.queues, queues.collect(), "{calls:?}");
    println!(
        "{} calls, {} failed, {} INVITEs repeated: {:?}",
        calls.made, calls.failed, calls.repeated, calls.queues
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_gets_the_queue_of_its_caller_also_without_the_database() {
    if !has("kamailio") || !has("sipp") {
        return;
    }
    let service = service().await;
    let kamailio = kamailio(service.app.http_address.unwrap(), LONG_TIMEOUT).await;
    let normal = calls(&kamailio).await;
    all_in(&normal, |caller| CALLERS[caller].3);
    // No call is looked up twice.
    let looked_up = || service.app.metrics.http.requests(200).get();
    assert_eq!(looked_up(), normal.made as u64);

    service.database.take_away().await;
    until("the database is known to be away", async || {
        service.app.metrics.breaker.open.get() == 1
    })
    .await;
    let away = calls(&kamailio).await;
    // The customers are in memory, and a number that nobody has stays unknown.
    all_in(&away, |caller| CALLERS[caller].3);
    assert_eq!(looked_up(), (normal.made + away.made) as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_when_patron_is_slow_or_gone() {
    if !has("kamailio") || !has("sipp") {
        return;
    }
    // Takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let slow = kamailio(address, TIMEOUT).await;
    all_in(&calls(&slow).await, |_| "service");
    drop((slow, silent));
    let gone = kamailio(address, TIMEOUT).await;
    all_in(&calls(&gone).await, |_| "service");
}
