//! One private cluster, from `initdb` to its end.
//!
//! **Durable** (`fsync` on) for data that is kept, **ephemeral** for tests and trials: its directory goes with it. Authentication is
//! `trust` behind a socket directory that only one account may enter; no TCP port is opened. Acknowledged rows of a durable cluster
//! survive SIGKILL of this process, of the server, and the machine. A server that ends without being asked to is started again.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::directory;
use super::error::Error;
use super::launch::{Keep, Launch};
use super::watch::{Change, Watch};

/// A running cluster; dropping it stops the server and waits for that.
#[derive(Debug)]
pub struct Cluster {
    watch: Watch,
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
        Self::run(directory, Keep::Durable, |_| {})
    }

    /// The same, and tells `on_change`, on a thread of its own, when the server ends by itself, runs again, or is given up.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; each says what to do about it.
    pub fn start_watched(
        directory: &Path,
        on_change: impl FnMut(Change) + Send + 'static,
    ) -> Result<Self, Error> {
        Self::run(directory, Keep::Durable, on_change)
    }

    /// Runs a new cluster in a temporary directory: fast, and gone at the end, however this process ends.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; each says what to do about it.
    pub fn start_ephemeral() -> Result<Self, Error> {
        Self::start_ephemeral_in(&std::env::temp_dir())
    }

    /// The same in a directory within `base`, such as one in memory.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; each says what to do about it.
    pub fn start_ephemeral_in(base: &Path) -> Result<Self, Error> {
        let directory = directory::make_temporary("patron", base)?;
        Self::run(&directory, Keep::Ephemeral, |_| {}).inspect_err(|_| {
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
        let host = percent_encode(self.watch.launch().socket_directory.as_os_str().as_bytes());
        format!("postgres://postgres@localhost:5432/{database}?host={host}")
    }

    /// The directory it lives in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.watch.launch().directory.path
    }

    /// The server's process id; 0 while one that ended is not started again yet.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.watch.process_id()
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

    /// Asks the server to stop and waits for at most `limit`. Returns whether it ended. A server that did not goes on stopping by itself:
    /// its data are safe, and the next start waits for its end.
    #[must_use]
    pub fn stop_within(self, limit: Duration) -> bool {
        self.watch.stop_within(limit)
    }

    fn run(
        root: &Path,
        keep: Keep,
        on_change: impl FnMut(Change) + Send + 'static,
    ) -> Result<Self, Error> {
        let start = Instant::now();
        let launch = Launch::prepare(root, keep)?;
        let watch = Watch::start(launch, on_change)?;
        Ok(Self {
            watch,
            started_in: start.elapsed(),
        })
    }
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
    }
}
