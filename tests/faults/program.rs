//! The program under test, as a process on a core of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

/// How long the program may take to say something that is waited for.
const PATIENCE: Duration = Duration::from_secs(180);
/// The core of the program.
pub(crate) const SERVER_CORE: &str = "0";
/// The core of the load and, unless `PATRON_FAULTS_POSTGRES=beside` puts it beside the program, of the private Postgres.
pub(crate) const LOAD_CORE: &str = "1";

/// The program: the one built with this test, or the one that `PATRON_FAULTS_PROGRAM` names, such as an earlier build.
pub(crate) fn path() -> PathBuf {
    std::env::var_os("PATRON_FAULTS_PROGRAM")
        .map_or_else(|| env!("CARGO_BIN_EXE_patron").into(), PathBuf::from)
}

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    /// Where it serves gRPC, `host:port`.
    pub(crate) address: String,
    /// Where it serves metrics and probes, `host:port`.
    pub(crate) admin: String,
    lines: Receiver<String>,
}

/// A command of the program on the server's core, after `wrapper` (such as `prlimit --nofile=1024`), without what the environment says.
fn command(wrapper: &[&str]) -> Command {
    let mut words = wrapper.iter();
    let mut command = match words.next() {
        Some(first) => {
            let mut command = Command::new(first);
            command.args(words).arg("taskset");
            command
        }
        None => Command::new("taskset"),
    };
    command.args(["-c", SERVER_CORE]).arg(path());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PATRON_") {
            command.env_remove(&name);
        }
    }
    command.env_remove("DATABASE_URL").stdin(Stdio::null());
    command
}

impl Server {
    /// `patron serve` on free ports, once it serves.
    pub(crate) fn serve(arguments: &[&str]) -> anyhow::Result<Self> {
        Self::start(&[], "serve", arguments, "schema version")
    }

    /// The same behind a wrapper command.
    pub(crate) fn serve_within(wrapper: &[&str], arguments: &[&str]) -> anyhow::Result<Self> {
        Self::start(wrapper, "serve", arguments, "schema version")
    }

    /// `patron demo`, once its page stands.
    pub(crate) fn demo(arguments: &[&str]) -> anyhow::Result<Self> {
        Self::start(&[], "demo", arguments, "until Ctrl-C")
    }

    fn start(wrapper: &[&str], verb: &str, arguments: &[&str], last: &str) -> anyhow::Result<Self> {
        let free = "127.0.0.1:0";
        let mut child = command(wrapper)
            .args([verb, "--listen", free, "--admin-listen", free])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("the program does not start")?;
        let (sender, lines) = channel();
        let streams: [Box<dyn std::io::Read + Send>; 2] = [
            Box::new(child.stdout.take().context("piped")?),
            Box::new(child.stderr.take().context("piped")?),
        ];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        let mut server = Self {
            child,
            address: String::new(),
            admin: String::new(),
            lines,
        };
        server.read_until(last)?;
        ensure!(!server.address.is_empty(), "no address was printed");
        if std::env::var("PATRON_FAULTS_POSTGRES").as_deref() != Ok("beside") {
            for process in descendants(server.pid())? {
                // One that has just ended need not be moved.
                let _ = pin(process, LOAD_CORE);
            }
        }
        Ok(server)
    }

    fn read_until(&mut self, last: &str) -> anyhow::Result<()> {
        let mut said = vec![];
        loop {
            let line = match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    bail!("the program does not get to {last:?}: {said:#?}")
                }
            };
            if let Some((_, address)) = line.split_once(" serves gRPC on ") {
                address.trim().clone_into(&mut self.address);
            }
            if let Some((_, address)) = line.split_once("--endpoint http://") {
                let address = address.split_whitespace().next();
                address.unwrap_or_default().clone_into(&mut self.address);
            }
            if let Some((_, rest)) = line.split_once("metrics and probes: http://") {
                rest.trim_end_matches("/metrics")
                    .clone_into(&mut self.admin);
            }
            let is_last = line.contains(last);
            said.push(line);
            if is_last {
                return Ok(());
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A line of `/proc/PID/status` in kB, in bytes.
    fn status_bytes(&self, name: &str) -> anyhow::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = text.lines().find(|line| line.starts_with(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(kilobytes.context("no such line")?.parse::<u64>()? * 1024)
    }

    /// Memory it has now, in bytes.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        self.status_bytes("VmRSS")
    }

    /// The most memory since [`Self::forget_peak`], in bytes.
    pub(crate) fn peak_bytes(&self) -> anyhow::Result<u64> {
        self.status_bytes("VmHWM")
    }

    /// Begins to count the most memory anew.
    pub(crate) fn forget_peak(&self) -> anyhow::Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.pid()), "5")?)
    }

    /// What it counts, as its metrics page has it.
    pub(crate) fn metrics(&self) -> anyhow::Result<String> {
        let mut page = std::net::TcpStream::connect(&self.admin)?;
        write!(
            page,
            "GET /metrics HTTP/1.0\r\nhost: {}\r\n\r\n",
            self.admin
        )?;
        let mut text = String::new();
        page.read_to_string(&mut text)?;
        Ok(text)
    }

    /// CPU time of its threads by name, in seconds, with their scheduling policy.
    pub(crate) fn threads(&self) -> anyhow::Result<Vec<Thread>> {
        let mut threads = vec![];
        for entry in fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            let place = entry?.path();
            let read = |name: &str| fs::read_to_string(place.join(name)).unwrap_or_default();
            let time = read("schedstat");
            let nanos: u64 = time.split(' ').next().unwrap_or("0").parse().unwrap_or(0);
            let stat = read("stat");
            // Fields count from the end of the name, which may hold anything.
            let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
            let field = |at: usize| after.split(' ').nth(at - 3).unwrap_or("?").to_owned();
            threads.push(Thread {
                id: place
                    .file_name()
                    .map_or_else(String::new, |it| it.to_string_lossy().into()),
                name: read("comm").trim().to_owned(),
                nice: field(19),
                policy: field(41),
                seconds: Duration::from_nanos(nanos).as_secs_f64(),
            });
        }
        Ok(threads)
    }

    /// Sends SIGTERM; how it ended and how long that took.
    pub(crate) fn terminate(mut self) -> anyhow::Result<(ExitStatus, Duration, Vec<String>)> {
        let start = Instant::now();
        signal("TERM", self.pid())?;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(start.elapsed() < PATIENCE, "it does not stop");
            std::thread::park_timeout(Duration::from_millis(2));
        };
        let took = start.elapsed();
        Ok((status, took, self.lines.try_iter().collect()))
    }
}

/// A thread of the program.
pub(crate) struct Thread {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) nice: String,
    pub(crate) policy: String,
    pub(crate) seconds: f64,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process.
fn signal(name: &str, process: u32) -> anyhow::Result<()> {
    let status = Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status()?;
    ensure!(status.success(), "kill -{name} {process}");
    Ok(())
}

/// Puts this process on the core of the load, and before whatever else runs there, such as Postgres, if that is allowed.
pub(crate) fn pin_load() -> anyhow::Result<()> {
    let own = std::process::id();
    pin(own, LOAD_CORE)?;
    let raised = Command::new("chrt")
        .args(["--reset-on-fork", "--rr", "--pid", "1", &own.to_string()])
        .stderr(Stdio::null())
        .status();
    if !raised.is_ok_and(|status| status.success()) {
        eprintln!(
            "note: the load runs at ordinary priority, so what else runs on its core adds to latencies"
        );
    }
    Ok(())
}

fn pin(process: u32, core: &str) -> anyhow::Result<()> {
    let pinned = Command::new("taskset")
        .args(["-a", "-p", "-c", core, &process.to_string()])
        .stdout(Stdio::null())
        .status()
        .context("taskset is needed")?;
    ensure!(pinned.success(), "taskset failed: two cores are needed");
    Ok(())
}

/// Every process below this one.
fn descendants(process: u32) -> anyhow::Result<Vec<u32>> {
    let mut found = vec![];
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let children = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|it| it.parse().ok()) {
            found.push(child);
            found.extend(descendants(child).unwrap_or_default());
        }
    }
    Ok(found)
}

/// Runs this very program as `load KIND ADDRESS` at idle priority on the core of the load; dropping it ends it.
pub(crate) struct Neighbour(Child);

impl Neighbour {
    pub(crate) fn start(kind: &str, address: &str) -> anyhow::Result<Self> {
        Self::start_on(LOAD_CORE, kind, address)
    }

    /// The same on this core.
    pub(crate) fn start_on(core: &str, kind: &str, address: &str) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let child = Command::new("chrt")
            .args(["--idle", "0", "taskset", "-c", core])
            .arg(own)
            .args(["load", kind, address])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("chrt is needed")?;
        Ok(Self(child))
    }

    pub(crate) fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.0.try_wait()?.is_none())
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
