//! Everything that the start of a server needs, so that it can be started again: from `initdb` to the first connection it accepts.
//!
//! It starts servers and does not watch them.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use super::directory::{self, Owned};
use super::discover::{self, Server};
use super::error::Error;
use super::process::{self, Holder};
use super::watchdog::Watchdog;

/// A busy machine needs 9 s from nothing (measured at load 10 on 2 cores); replaying much log takes longer.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// A clean stop takes up to 1 s (measured); beyond this the server is killed, and the next start replays its log.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(20);

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
pub(super) enum Keep {
    /// Every commit is on disk before it is acknowledged.
    Durable,
    /// Nothing is, and the directory is removed at the end.
    Ephemeral,
}

/// A cluster that can be started.
#[derive(Debug)]
pub(super) struct Launch {
    bindir: PathBuf,
    data: PathBuf,
    /// Held to the end: nobody else may start a server in the directory.
    pub(super) directory: Owned,
    pub(super) socket_directory: PathBuf,
    keep: Keep,
    /// What goes with the cluster.
    remove: Vec<PathBuf>,
}

/// A server that runs, and what stops it when this process ends.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) server: Child,
    pub(super) watchdog: Watchdog,
}

impl Launch {
    /// Takes the directory `root` and leaves a complete cluster in it, that no server runs.
    pub(super) fn prepare(root: &Path, keep: Keep) -> Result<Self, Error> {
        let directory = Owned::take(root)?;
        let (data, Server { bindir, .. }) = prepare(&directory, keep)?;
        let short = directory::short_socket_directory(&data, directory.account)?;
        let socket_directory = short.clone().unwrap_or_else(|| data.clone());
        let root = (keep == Keep::Ephemeral).then(|| directory.path.clone());
        Ok(Self {
            bindir,
            data,
            directory,
            socket_directory,
            keep,
            remove: short.into_iter().chain(root).collect(),
        })
    }

    /// Starts a server and waits until it accepts connections, or until `give_up` says that nobody wants it any more.
    pub(super) fn start(&self, give_up: impl Fn() -> bool) -> Result<Running, Error> {
        let (log_path, log) = self.directory.open_log()?;
        let mut server = self.spawn(log)?;
        let watchdog = Watchdog::start(server.id(), &self.remove).inspect_err(|_| {
            // Dropping a child leaves it running, and nobody would stop it. What is left of it the next start puts right.
            let _ = server.kill();
            let _ = server.wait();
        })?;
        // From here on, dropping the value stops the server.
        let mut running = Running { server, watchdog };
        self.wait_until_ready(&mut running.server, &log_path, give_up)?;
        Ok(running)
    }

    /// Puts right what a server that crashed left.
    pub(super) fn clear_leftovers(&self) -> Result<(), Error> {
        clear_leftovers(&self.data)
    }

    fn wait_until_ready(
        &self,
        server: &mut Child,
        log: &Path,
        give_up: impl Fn() -> bool,
    ) -> Result<(), Error> {
        let own = server.id();
        let socket = self.socket_directory.join(".s.PGSQL.5432");
        let not_ready = || Error::NotReady {
            limit: READY_LIMIT,
            log: log.to_path_buf(),
        };
        let ready = process::wait_for(READY_LIMIT, || {
            if let Some(status) = server.try_wait().map_err(Error::io("run", log))? {
                let output = last_lines(log);
                return Err(Error::Stopped { status, output });
            }
            if give_up() {
                return Err(not_ready());
            }
            let file = PidFile::read(&self.data);
            let is_ready = file.is_some_and(|file| file.process_id == own && file.ready)
                && UnixStream::connect(&socket).is_ok();
            Ok(is_ready.then_some(()))
        })?;
        ready.ok_or_else(not_ready)
    }

    fn spawn(&self, log: File) -> Result<Child, Error> {
        let Self {
            data,
            socket_directory,
            ..
        } = self;
        let program = self.bindir.join("postgres");
        // A list of names, so a name with a comma or a quote must be quoted.
        let mut sockets = std::ffi::OsString::from("unix_socket_directories=\"");
        let path = socket_directory.as_os_str().as_bytes();
        sockets.push(std::ffi::OsStr::from_bytes(&double_quotes(path)));
        sockets.push("\"");
        let mut command = process::command(&program, self.directory.account, data);
        command.arg("-D").arg(data).arg("-c").arg(sockets);
        let more: &[&str] = match self.keep {
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
}

impl Drop for Launch {
    /// What cannot be removed lies in the temporary directory.
    fn drop(&mut self) {
        for directory in &self.remove {
            drop(fs::remove_dir_all(directory));
        }
    }
}

impl Drop for Running {
    /// Errors on the way have no one to go to: the watchdog and the next start put right what is left.
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.server.try_wait() {
            return self.watchdog.dismiss();
        }
        drop(process::interrupt(self.server.id()));
        let ended = process::wait_for(STOP_LIMIT, || Ok(self.server.try_wait().ok().flatten()));
        if !matches!(ended, Ok(Some(_))) {
            drop(self.server.kill());
            drop(self.server.wait());
        }
        self.watchdog.dismiss();
    }
}

/// Finds the right server program and leaves a complete cluster, that no server runs, at the path returned.
fn prepare(directory: &Owned, keep: Keep) -> Result<(PathBuf, Server), Error> {
    if let Some((data, major)) = directory.existing()? {
        let server = discover::find_server_for(&data, major)?;
        directory.check_owner(&data)?;
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

/// We own the directory, so a server still running in it was left by a killed process: it is stopped. A process id file whose process is
/// gone PostgreSQL clears by itself; one whose number another program has now, or a process that ended and was never waited for, it does not.
fn clear_leftovers(data: &Path) -> Result<(), Error> {
    let held = || {
        PidFile::read(data).map(|file| (file.process_id, process::holder(file.process_id, data)))
    };
    if let Some((process_id, Holder::ThisCluster)) = held() {
        process::interrupt(process_id)?;
        let stopped = process::wait_for(STOP_LIMIT, || {
            Ok((process::holder(process_id, data) != Holder::ThisCluster).then_some(()))
        })?;
        stopped.ok_or(Error::Stray { process_id })?;
    }
    // Without their server these end by themselves, but not before the statement that they run.
    for orphan in process::list_orphans(data) {
        process::quit(orphan)?;
        let ended = process::wait_for(STOP_LIMIT, || {
            Ok((!process::list_orphans(data).contains(&orphan)).then_some(()))
        })?;
        ended.ok_or(Error::Stray { process_id: orphan })?;
    }
    match held() {
        Some((_, Holder::OtherProgram | Holder::Zombie)) => {
            let file = data.join(PidFile::NAME);
            fs::remove_file(&file).map_err(Error::io("remove", &file))
        }
        Some((_, Holder::ThisCluster | Holder::Unknown)) | None => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_within_a_list() {
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
