//! `patron serve` as a process of its own, which can be killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};

use super::program::patron;
use super::{PATIENCE, eventually};

/// A server process that answers. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    /// Where clients connect to.
    pub(crate) endpoint: String,
    /// Address of its metrics and probes.
    pub(crate) admin: String,
    /// What it prints on standard error, line by line.
    lines: Receiver<String>,
}

impl Server {
    /// Runs `patron serve` with these arguments, on free ports, until it says where it serves.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_and_tell(arguments, &mut |_| {})
    }

    /// The same; `tell` hears every line that it says meanwhile.
    pub(crate) fn start_and_tell(arguments: &[&str], tell: &mut dyn FnMut(&str)) -> Self {
        Self::run(serve(arguments), tell)
    }

    /// As [`Self::start`], with so many descriptors and no way to more.
    pub(crate) fn start_with_descriptors(count: u32, arguments: &[&str]) -> Self {
        let served = serve(arguments);
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &format!("ulimit -n {count}; exec \"$0\" \"$@\"")])
            .arg(served.get_program())
            .args(served.get_args())
            .stdin(Stdio::null());
        Self::run(command, &mut |_| {})
    }

    fn run(mut command: Command, tell: &mut dyn FnMut(&str)) -> Self {
        let (sender, lines) = channel();
        let mut server = Self {
            child: command
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
            endpoint: String::new(),
            admin: String::new(),
            lines,
        };
        let notes = BufReader::new(server.child.stderr.take().unwrap());
        // Ends with the process, whose end of the pipe closes.
        std::thread::spawn(move || {
            for line in notes.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut said = vec![];
        while server.endpoint.is_empty() || server.admin.is_empty() {
            let Ok(line) = server.lines.recv_timeout(PATIENCE) else {
                panic!("the server does not start: {said:#?}");
            };
            if let Some((_, address)) = line.split_once(" serves gRPC on ") {
                server.endpoint = format!("http://{address}");
            }
            tell(&line);
            if let Some(page) = line.strip_prefix("metrics and probes: http://") {
                page.trim_end_matches("/metrics")
                    .clone_into(&mut server.admin);
            }
            said.push(line);
        }
        server
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process as a crash does: it notices nothing.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to stop; returns how it ended and the last it said.
    pub(crate) fn terminate(self) -> (ExitStatus, Vec<String>) {
        let signal = format!("kill -TERM {}", self.child.id());
        let sent = Command::new("/bin/sh").args(["-c", &signal]).status();
        assert!(sent.unwrap().success());
        self.ended()
    }

    /// Waits until the process ends; returns how it ended and the last it said.
    pub(crate) fn ended(mut self) -> (ExitStatus, Vec<String>) {
        let mut ended = None;
        eventually(PATIENCE, "the server stops", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        (ended.unwrap(), self.lines.iter().collect())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already over, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command `patron serve` with these arguments, on free ports.
pub(crate) fn serve(arguments: &[&str]) -> Command {
    let free = "127.0.0.1:0";
    let mut command = patron();
    command
        .args(["serve", "--listen", free, "--admin-listen", free])
        .args(arguments)
        .stdin(Stdio::null());
    command
}
