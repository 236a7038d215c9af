//! One private cluster, from `initdb` to its end.
//!
//! **Durable** (`fsync` on) for data that is kept, **ephemeral** for tests and trials: its directory goes with it. Authentication is
//! `trust` behind a socket directory that only one account may enter; no TCP port is opened. Acknowledged rows of a durable cluster
//! survive SIGKILL of this process, of the server, and the machine.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use super::directory::{self, Owned};
use super::discover::{self, Server};
use super::error::Error;
use super::process::{self, Holder};
use super::watchdog::Watchdog;

/// A busy machine needs 9 s from nothing (measured at load 10 on 2 cores); replaying much log takes longer.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// A clean stop takes up to 1 s (measured); beyond this the server is killed, and the next start replays its log.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Settings of every cluster. Parallel workers are off because containers often have a small `/dev/shm`.
const SETTINGS: [&str; 6] = [
    "listen_addresses=",
    "port=5432",
    "timezone=UTC",
    "log_timezone=UTC",
    "shared_buffers=128MB",
    "max_parallel_workers_per_gather=0",
];

const DURABLE_SETTINGS: [&str; 1] = ["max_connections=100"];

/// Nothing here outlives the process. The connections are those of many tests at once.
const EPHEMERAL_SETTINGS: [&str; 7] = [
    "max_connections=400",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
];

/// Whether the data are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// Every commit is on disk before it is acknowledged.
    Durable,
    /// Nothing is, and the directory is removed at the end.
    Ephemeral,
}

/// A running cluster; dropping it stops the server and waits for that.
#[derive(Debug)]
pub struct Cluster {
    server: Child,
    watchdog: Watchdog,
    /// Held to the end: nobody else may start a server in the directory.
    directory: Owned,
    socket_directory: PathBuf,
    /// What goes with the cluster.
    remove: Vec<PathBuf>,
    started_in: Duration,
}

impl Cluster {
    /// Runs the cluster in `directory`, made there if there is none yet, and returns once it accepts connections.
    ///
    /// Recovers from whatever a killed process left: a server still running, a process id file, an unfinished `initdb`.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; each says what to do about it.
    pub fn start(directory: &Path) -> Result<Self, Error> {
        Self::run(directory, Keep::Durable)
    }

    /// Runs a new cluster in a temporary directory: fast, and gone at the end, however this process ends.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; each says what to do about it.
    pub fn start_ephemeral() -> Result<Self, Error> {
        let directory = directory::make_temporary("patron", &std::env::temp_dir())?;
        Self::run(&directory, Keep::Ephemeral).inspect_err(|_| {
            // The reason is what matters; an empty directory in the temporary one does not.
            drop(fs::remove_dir_all(&directory));
        })
    }

    /// Where to connect: the database `postgres` as its superuser, over the Unix socket. Other databases differ in the path.
    #[must_use]
    pub fn url(&self) -> String {
        self.database_url("postgres")
    }

    /// The URL of one database of the cluster.
    #[must_use]
    pub fn database_url(&self, database: &str) -> String {
        let database = percent_encode(database.as_bytes());
        let host = percent_encode(self.socket_directory.as_os_str().as_bytes());
        format!("postgres://postgres@localhost:5432/{database}?host={host}")
    }

    /// The directory it lives in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory.path
    }

    /// The server's process id.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.server.id()
    }

    /// How long the start took, `initdb` included.
    #[must_use]
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// Stops the server and waits until it has ended, at most 20 s; the same as dropping it, but to be read.
    pub fn stop(self) {
        drop(self);
    }

    fn run(root: &Path, keep: Keep) -> Result<Self, Error> {
        let start = Instant::now();
        let directory = Owned::take(root)?;
        let (data, Server { bindir, .. }) = prepare(&directory, keep)?;
        let short = directory::short_socket_directory(&data, directory.account)?;
        let socket_directory = short.clone().unwrap_or_else(|| data.clone());
        let (log_path, log) = directory.open_log()?;
        let server = spawn(&bindir, &data, &socket_directory, &directory, keep, log)?;
        let root = (keep == Keep::Ephemeral).then(|| directory.path.clone());
        let remove: Vec<_> = short.into_iter().chain(root).collect();
        let watchdog = Watchdog::start(server.id(), &remove)?;
        // From here on, dropping the value stops the server.
        let mut cluster = Self {
            server,
            watchdog,
            directory,
            socket_directory,
            remove,
            started_in: Duration::ZERO,
        };
        cluster.wait_until_ready(&data, &log_path)?;
        cluster.started_in = start.elapsed();
        Ok(cluster)
    }

    fn wait_until_ready(&mut self, data: &Path, log: &Path) -> Result<(), Error> {
        let own = self.server.id();
        let socket = self.socket_directory.join(".s.PGSQL.5432");
        let ready = process::wait_for(READY_LIMIT, || {
            if let Some(status) = self.server.try_wait().map_err(Error::io("run", log))? {
                let output = last_lines(log);
                return Err(Error::Stopped { status, output });
            }
            let file = PidFile::read(data);
            let is_ready = file.is_some_and(|file| file.process_id == own && file.ready)
                && UnixStream::connect(&socket).is_ok();
            Ok(is_ready.then_some(()))
        })?;
        ready.ok_or_else(|| Error::NotReady {
            limit: READY_LIMIT,
            log: log.to_path_buf(),
        })
    }
}

impl Drop for Cluster {
    /// Errors on the way have no one to go to: the watchdog and the next start put right what is left.
    fn drop(&mut self) {
        drop(process::interrupt(self.server.id()));
        let ended = process::wait_for(STOP_LIMIT, || Ok(self.server.try_wait().ok().flatten()));
        if !matches!(ended, Ok(Some(_))) {
            drop(self.server.kill());
            drop(self.server.wait());
        }
        self.watchdog.dismiss();
        for directory in &self.remove {
            drop(fs::remove_dir_all(directory));
        }
    }
}

/// Finds the right server program and leaves a complete cluster, that no server runs, at the path returned.
fn prepare(directory: &Owned, keep: Keep) -> Result<(PathBuf, Server), Error> {
    if let Some((data, major)) = directory.existing()? {
        let server = discover::find_server_for(&data, major)?;
        clear_leftovers(&data)?;
        return Ok((data, server));
    }
    let server = discover::find_server()?;
    let data = directory.data(server.major);
    initdb(directory, &server, &data, keep)?;
    Ok((data, server))
}

/// Makes a cluster beside its place and moves it there when complete, so that an interrupted `initdb` is never taken for one.
fn initdb(directory: &Owned, server: &Server, data: &Path, keep: Keep) -> Result<(), Error> {
    let unfinished = data.with_extension("unfinished");
    directory.remake_private(&unfinished)?;
    let program = server.bindir.join("initdb");
    // C sorts by byte and is on every machine; an order that people read is asked for by COLLATE where it matters.
    let output = process::command(&program, directory.account, &unfinished)
        .args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-k",
        ])
        .args((keep == Keep::Ephemeral).then_some("--no-sync"))
        .arg("-D")
        .arg(&unfinished)
        .output()
        .map_err(Error::io("run", &program))?;
    if !output.status.success() {
        let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let path = unfinished;
        return Err(Error::Initdb { path, output });
    }
    fs::rename(&unfinished, data).map_err(Error::io("move into place", data))?;
    if keep == Keep::Durable {
        directory.sync()?;
    }
    Ok(())
}

/// We own the directory, so a server still running in it was left by a killed process: it is stopped. A process id file whose
/// process is gone PostgreSQL clears by itself; one whose number another program has now, it does not.
fn clear_leftovers(data: &Path) -> Result<(), Error> {
    let Some(PidFile { process_id, .. }) = PidFile::read(data) else {
        return Ok(());
    };
    match process::holder(process_id, data) {
        Holder::Unknown => Ok(()),
        Holder::OtherProgram => {
            let file = data.join(PidFile::NAME);
            fs::remove_file(&file).map_err(Error::io("remove", &file))
        }
        Holder::ThisCluster => {
            process::interrupt(process_id)?;
            let stopped = process::wait_for(STOP_LIMIT, || {
                Ok((process::holder(process_id, data) != Holder::ThisCluster).then_some(()))
            })?;
            stopped.ok_or(Error::Stray { process_id })
        }
    }
}

fn spawn(
    bindir: &Path,
    data: &Path,
    socket_directory: &Path,
    directory: &Owned,
    keep: Keep,
    log: File,
) -> Result<Child, Error> {
    let program = bindir.join("postgres");
    // A list of names, so a name with a comma or a quote must be quoted.
    let mut sockets = std::ffi::OsString::from("unix_socket_directories=\"");
    let path = socket_directory.as_os_str().as_bytes();
    sockets.push(std::ffi::OsStr::from_bytes(&double_quotes(path)));
    sockets.push("\"");
    let mut command = process::command(&program, directory.account, data);
    command.arg("-D").arg(data).arg("-c").arg(sockets);
    let more: &[&str] = match keep {
        Keep::Durable => &DURABLE_SETTINGS,
        Keep::Ephemeral => &EPHEMERAL_SETTINGS,
    };
    for setting in SETTINGS.iter().chain(more) {
        command.args(["-c", setting]);
    }
    let errors = log.try_clone().map_err(Error::io("write", data))?;
    command
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(Error::io("run", &program))
}

fn double_quotes(text: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(text.len());
    for byte in text {
        quoted.push(*byte);
        if *byte == b'"' {
            quoted.push(b'"');
        }
    }
    quoted
}

/// What is needed of `postmaster.pid`.
struct PidFile {
    process_id: u32,
    ready: bool,
}

impl PidFile {
    const NAME: &str = "postmaster.pid";

    fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data.join(Self::NAME)).ok()?)
    }

    /// Line 1 is the process id; line 8 reads "ready" once connections are accepted.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim);
        Some(Self {
            process_id: lines.next()?.parse().ok()?,
            ready: lines.nth(6) == Some("ready"),
        })
    }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut lines: Vec<_> = text.lines().rev().take(5).collect();
    lines.reverse();
    lines.join("\n")
}

fn percent_encode(text: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            encoded.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_holds_any_path() {
        assert_eq!(
            percent_encode("/a b'c%d/é".as_bytes()),
            "%2Fa%20b%27c%25d%2F%C3%A9"
        );
        assert_eq!(double_quotes(br#"a"b"#), br#"a""b"#);
    }

    #[test]
    fn a_process_id_file_is_ready_only_on_its_eighth_line() {
        let starting = PidFile::parse("12\n/d\n1\n5432\n/d\n\n 5 6\nstarting\n").unwrap();
        let ready = PidFile::parse("12\n/d\n1\n5432\n/d\n\n 5 6\nready   \n").unwrap();
        assert_eq!((starting.process_id, starting.ready), (12, false));
        assert_eq!((ready.process_id, ready.ready), (12, true));
        assert!(PidFile::parse("").is_none());
        assert!(PidFile::parse("ready\n").is_none());
    }
}
